"""Which pairs of tokens are spans, and their scores, counted one by one."""

from __future__ import annotations

import pytest
import torch

from densephrase.reader.spans import span_band, span_scores

CPU = torch.device("cpu")


@pytest.mark.parametrize("limit", [1, 3, 50])
@pytest.mark.parametrize("tokens", [0, 1, 9])
def test_spans_are_no_longer_than_the_limit(tokens: int, limit: int) -> None:
    expected = [[0 <= end - start < limit for end in range(tokens)] for start in range(tokens)]
    found = span_band(tokens, limit, CPU)
    assert found.shape == (tokens, tokens)
    assert found.tolist() == expected


def test_scores_are_sums_of_logits() -> None:
    draw = torch.Generator().manual_seed(0)
    start, end = torch.randn(2, 2, 6, generator=draw)
    start[1, 4:] = end[1, 4:] = -torch.inf
    found = span_scores(start, end, span_band(6, 3, CPU))
    for row in range(2):
        for first in range(6):
            for last in range(6):
                inside = 0 <= last - first < 3
                expected = float(start[row, first] + end[row, last]) if inside else -torch.inf
                assert float(found[row, first, last]) == expected
