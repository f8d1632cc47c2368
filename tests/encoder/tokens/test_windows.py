"""plan_windows against a brute-force search for every token's owner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.encoder.tokens.windows import Window, plan_windows


@st.composite
def window_arguments(draw):
    capacity = draw(st.integers(1, 40))
    return draw(st.integers(0, 200)), capacity, draw(st.integers(1, capacity))


def brute_force_owner(token, windows):
    best, owner = -1, None
    for number, window in enumerate(windows):
        if window.start <= token < window.end:
            margin = min(token - window.start, window.end - 1 - token)
            if margin > best:
                best, owner = margin, number
    return owner


@given(window_arguments())
def test_every_token_is_owned_by_the_window_of_largest_margin(arguments):
    tokens, capacity, stride = arguments
    windows = plan_windows(tokens, capacity, stride)
    planned = [number for number, window in enumerate(windows) for _ in range(window.own_start, window.own_end)]
    assert planned == [brute_force_owner(token, windows) for token in range(tokens)]


@given(window_arguments())
def test_owned_ranges_are_contiguous_and_never_empty(arguments):
    tokens, capacity, stride = arguments
    windows = plan_windows(tokens, capacity, stride)
    bounds = [0]
    for window in windows:
        assert window.start <= window.own_start < window.own_end <= window.end
        assert window.own_start == bounds[-1]
        bounds.append(window.own_end)
    assert bounds[-1] == tokens


@given(window_arguments())
def test_windows_start_every_stride_and_the_last_is_full(arguments):
    tokens, capacity, stride = arguments
    windows = plan_windows(tokens, capacity, stride)
    assert all(window.end - window.start == min(capacity, tokens) for window in windows)
    assert [window.start for window in windows[:-1]] == [number * stride for number in range(len(windows) - 1)]
    assert all(window.end < tokens for window in windows[:-1])
    assert not windows or windows[-1].end == tokens


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param((0, 8, 4), [], id="no-tokens"),
        pytest.param((8, 8, 4), [Window(0, 8, 0, 8)], id="exactly-one-window"),
        pytest.param((9, 8, 4), [Window(0, 8, 0, 5), Window(1, 9, 5, 9)], id="one-token-more-tie-goes-to-the-earlier"),
        pytest.param((12, 8, 4), [Window(0, 8, 0, 6), Window(4, 12, 6, 12)], id="two-windows"),
        pytest.param((4, 2, 2), [Window(0, 2, 0, 2), Window(2, 4, 2, 4)], id="no-overlap"),
        pytest.param((3, 1, 1), [Window(0, 1, 0, 1), Window(1, 2, 1, 2), Window(2, 3, 2, 3)], id="capacity-one"),
    ],
)
def test_golden_plans(arguments, expected):
    assert plan_windows(*arguments) == expected


@pytest.mark.parametrize("arguments", [(-1, 4, 2), (5, 0, 1), (5, 4, 0), (5, 4, 5)])
def test_impossible_arguments_are_refused(arguments):
    with pytest.raises(ValueError, match="expected tokens >= 0 and 1 <= stride <= capacity"):
        plan_windows(*arguments)
