"""Rows that are padded together: the longest first, and no more padded tokens than are asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder.tokens.padding import longest_first, pad_batch


def test_rows_are_filled_up_to_the_longest() -> None:
    ids, mask = pad_batch([[5, 6], [7], [8, 9, 10]], 0)
    assert ids.tolist() == [[5, 6, 0], [7, 0, 0], [8, 9, 10]]
    assert mask.int().tolist() == [[1, 1, 0], [1, 0, 0], [1, 1, 1]]
    assert (ids.dtype, mask.dtype) == (torch.int64, torch.bool)


@pytest.mark.parametrize("most", [1, 30, 10**6], ids="{} tokens".format)
def test_every_row_comes_once_longest_first_within_the_limit(most: int) -> None:
    lengths = np.random.default_rng(3).integers(1, 20, 101).tolist()
    batches = list(longest_first(lengths, most))
    order = [number for batch in batches for number in batch]
    assert order == sorted(range(101), key=lambda number: (-lengths[number], number))
    assert all(len(batch) == 1 or len(batch) * lengths[batch[0]] <= most for batch in batches)


def test_no_rows_make_no_batch() -> None:
    assert list(longest_first([], 5)) == []
