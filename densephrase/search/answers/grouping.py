"""From scored spans to groups: identical answers, or spans of the same sentence, paragraph or document."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.selection import top_k as select

_GROWTH = 8  # each further look at the scores ranks this many times as many


def ranked(scores: NDArray[np.float64], first: int) -> Iterator[int]:
    """Yield the positions of the scores, largest first, smallest position first among equal ones.

    Lazy: the first `first` of them cost one pass over the scores, and only those who go on pay for more.
    """
    seen, wanted = 0, min(first, scores.size)
    while seen < scores.size:
        best_scores, best_rows = np.empty(wanted, np.float64), np.empty(wanted, np.int64)
        select(scores, best_scores, best_rows)
        yield from best_rows[seen:].tolist()
        seen, wanted = wanted, min(wanted * _GROWTH, scores.size)


def distinct(rows: Iterable[int], place: Callable[[int], Hashable]) -> Iterator[int]:
    """Yield the rows whose place no row before them has."""
    seen = set()
    for row in rows:
        where = place(row)
        if where not in seen:
            seen.add(where)
            yield row


def group_spans(
    rows: Iterable[int], key: Callable[[int], Hashable], top_k: int, evidence_spans: int
) -> list[list[int]]:
    """Return the best `top_k` groups of spans with equal keys, best first, each with its members best first.

    `rows` are spans, best first. Members are taken of the first `evidence_spans`; further down each missing group is
    found by its best member.
    """
    groups: dict[Hashable, list[int]] = {}
    for rank, row in enumerate(rows):
        if rank >= evidence_spans and len(groups) >= top_k:
            break
        name = key(row)
        if name not in groups and len(groups) < top_k:
            groups[name] = [row]
        elif name in groups and rank < evidence_spans:
            groups[name].append(row)
    return list(groups.values())
