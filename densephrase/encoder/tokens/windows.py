"""Overlapping windows over a paragraph that is longer than the encoder takes, and which window owns which token."""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Window:
    """The tokens `[start, end)` that are encoded together; those in `[own_start, own_end)` are taken from here."""

    start: int
    end: int
    own_start: int
    own_end: int


def plan_windows(tokens: int, capacity: int, stride: int) -> list[Window]:
    """Cut a paragraph of `tokens` tokens into windows of at most `capacity` tokens that start every `stride` tokens.

    The last window is shifted left so that it is full and ends at the last token; no tokens give no windows. Each token
    is owned by the window in which its smaller distance to a window edge is largest (ties: the earlier window), so the
    owned ranges are disjoint, in order, never empty, and cover every token once.

    Raises ValueError unless tokens >= 0 and 1 <= stride <= capacity.
    """
    if tokens < 0 or not 1 <= stride <= capacity:
        raise ValueError(
            f"plan_windows(tokens={tokens}, capacity={capacity}, stride={stride}): "
            "expected tokens >= 0 and 1 <= stride <= capacity"
        )
    if tokens == 0:
        return []
    last_start = max(tokens - capacity, 0)
    starts = [*range(0, last_start, stride), last_start]
    # All windows are equally long, so the owner is the one with the nearest centre: the bounds are middles of centres.
    bounds = [(left + right + capacity - 1) // 2 + 1 for left, right in pairwise(starts)]
    owned = zip([0, *bounds], [*bounds, tokens], strict=True)
    return [
        Window(start, min(start + capacity, tokens), own_start, own_end)
        for start, (own_start, own_end) in zip(starts, owned, strict=True)
    ]
