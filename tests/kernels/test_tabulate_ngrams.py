"""The table that a question's n-grams are looked up in against a dict of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels.question import tabulate_ngrams
from densephrase.kernels.sparse import SparseQuestion

WEIGHTS = st.tuples(st.integers(-9, 9), st.integers(-9, 9))
UNIGRAMS = st.dictionaries(st.integers(0, 12), WEIGHTS)
BIGRAMS = st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 12)), WEIGHTS)
Weights = dict[int, tuple[int, int]]
PairWeights = dict[tuple[int, int], tuple[int, int]]


def tabulate(
    function: Callable[..., tuple[SparseQuestion, SparseQuestion]], unigrams: Weights, bigrams: PairWeights
) -> tuple[SparseQuestion, SparseQuestion]:
    """Return the tables of a question."""
    return function(
        np.array(sorted(unigrams), np.int64),
        np.array([unigrams[name] for name in sorted(unigrams)], np.int64).reshape(-1, 2).T.copy(),
        np.array(sorted(bigrams), np.int64).reshape(-1, 2),
        np.array([bigrams[name] for name in sorted(bigrams)], np.int64).reshape(-1, 2).T.copy(),
        0.25,
    )


def look_up(table: SparseQuestion, first: int, second: int | None = None) -> int:
    """Return the weight of an n-gram, 0 for one that is not there."""
    slot = int(table.slot[first]) if first < table.slot.size else -1
    if slot < 0:
        return 0
    if second is None:
        return int(table.unigram[slot])
    mine = slice(table.pair_ptr[slot], table.pair_ptr[slot + 1])
    [weight] = table.pair[mine][table.pair_second[mine] == second].tolist() or [0]
    return int(weight)


@settings(deadline=None)  # the first example compiles
@given(UNIGRAMS, BIGRAMS)
@pytest.mark.parametrize("function", [tabulate_ngrams, tabulate_ngrams.py_func], ids=["compiled", "python"])
def test_every_ngram_has_its_weight_and_no_other(
    function: Callable[..., tuple[SparseQuestion, SparseQuestion]], unigrams: Weights, bigrams: PairWeights
) -> None:
    tables = tabulate(function, unigrams, bigrams)
    for side, table in enumerate(tables):
        assert table.step == 0.25
        assert [look_up(table, piece) for piece in range(15)] == [
            unigrams.get(piece, (0, 0))[side] for piece in range(15)
        ]
        for first in range(15):
            expected = [bigrams.get((first, second), (0, 0))[side] for second in range(15)]
            assert [look_up(table, first, second) for second in range(15)] == expected
    # Spans look for both sides' n-grams where those of one begin.
    assert tables[0].slot.tolist() == tables[1].slot.tolist()


def test_without_ngrams_there_is_no_slot() -> None:
    for table in tabulate(tabulate_ngrams, {}, {}):
        assert table.slot.size == table.unigram.size == table.pair.size == 0
