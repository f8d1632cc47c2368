"""Shards read through the table of their addresses against their columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels.shards import document_of, end_rows, locate, owner, start_rows
from densephrase.kernels.sparse import SparseRows
from tests.kernels.shard_samples import Shards, make_shards

SEEDS = pytest.mark.parametrize("seed", range(4))  # of narrow and wide columns
RANKS = pytest.mark.parametrize("rank", [0, 2])


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
@pytest.mark.parametrize("function", [owner, owner.py_func], ids=["compiled", "python"])
def test_the_owner_is_the_interval_that_holds_a_row(function: Callable[..., int], sizes: list[int]) -> None:
    bases = np.cumsum([0, *sizes])
    owners = np.repeat(np.arange(len(sizes)), sizes)  # intervals may be empty
    assert [function(bases, row) for row in range(bases[-1])] == owners.tolist()


@SEEDS
@RANKS
@pytest.mark.parametrize("side", ["start", "end"])
def test_rows_of_a_shard_are_its_columns(side: str, rank: int, seed: int) -> None:
    shards = make_shards(seed, rank=rank)
    read = start_rows if side == "start" else end_rows
    for number, columns in enumerate(shards.columns):
        rows = read(shards.table, number)
        assert rows.ptr.tolist() == columns[f"paragraph_{side}_ptr"].tolist()
        assert np.concatenate(rows.token).tolist() == columns[f"{side}_token"].tolist()
        np.testing.assert_array_equal(rows.codes, columns[f"{side}_codes"])
        check_sparse(rows.sparse, columns, side, rank)


def check_sparse(rows: SparseRows, columns: dict[str, np.ndarray], side: str, rank: int) -> None:
    """Compare sparse vectors, which may be missing, with their columns."""
    assert rows.side == ("start", "end").index(side)
    assert rows.queries.shape == (len(columns[f"{side}_sparse"]) if rank else 0, 2 * rank)
    assert rows.keys.shape == (len(columns["token_keys"]) if rank else 0, 4 * rank)
    assert rows.piece_ptr.tolist() == columns["paragraph_token_ptr"].tolist()
    if rank:
        np.testing.assert_array_equal(rows.queries, columns[f"{side}_sparse"])
        np.testing.assert_array_equal(rows.keys, columns["token_keys"])
        assert np.concatenate(rows.pieces).tolist() == columns["token_ids"].tolist()


def paragraphs_of(shards: Shards) -> list[tuple[int, int]]:
    """Return the shard and the number within it of each paragraph."""
    return [
        (number, row)
        for number, columns in enumerate(shards.columns)
        for row in range(len(columns["paragraph_document"]))
    ]


@SEEDS
def test_documents_are_numbered_over_all_shards(seed: int) -> None:
    shards = make_shards(seed)
    found = [document_of(shards.table, *paragraph) for paragraph in paragraphs_of(shards)]
    assert found == shards.joined("paragraph_document", shards.table.documents)


@SEEDS
def test_places_are_those_in_the_document_and_never_outside_the_paragraph(seed: int) -> None:
    shards, looked_at = make_shards(seed), 0
    for number, paragraph in paragraphs_of(shards):
        columns = shards.columns[number]
        first, last = int(columns["paragraph_start"][paragraph]), int(columns["paragraph_end"][paragraph])
        for start in range(*columns["paragraph_start_ptr"][paragraph : paragraph + 2]):
            for end in range(*columns["paragraph_end_ptr"][paragraph : paragraph + 2]):
                document = 5 * number + int(columns["paragraph_document"][paragraph])
                begin = min(int(columns["start_char"][start]), last - first)
                stop = min(max(int(columns["end_char"][end]), begin), last - first)
                where = document, first + begin, first + stop, first, last
                assert locate(shards.table, number, paragraph, start, end) == where
                looked_at += 1
    assert looked_at > 10
