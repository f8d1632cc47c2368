"""The best passages of a block of questions against numpy: BM25 posting by posting, and a full sort of products."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.candidates import ListTable
from densephrase.kernels.max_score import PostingTable
from densephrase.kernels.passages import (
    ListEffort,
    RankedRows,
    TermBatch,
    rank_by_all_postings,
    rank_by_max_score,
    rank_by_vectors,
)
from tests.soaking import examples

VECTORS = pytest.mark.parametrize("function", [rank_by_vectors, rank_by_vectors.py_func], ids=["compiled", "python"])


def by_max_score(function: Any, first: int, last: int, *given: Any) -> None:
    terms, postings, damaged, ranked = given
    function(first, last, terms, postings, np.zeros(postings.norm.size, np.int32), damaged, ranked)


TERMS = pytest.mark.parametrize(
    "function",
    [
        rank_by_all_postings,
        rank_by_all_postings.py_func,
        partial(by_max_score, rank_by_max_score),
        partial(by_max_score, rank_by_max_score.py_func),
    ],
    ids=["compiled", "python", "MaxScore", "MaxScore python"],
)
NO_CODES, NO_ROWS = np.empty((0, 0), np.int8), np.zeros(1, np.int64)
NO_LISTS = ListTable(NO_CODES, np.empty(0, np.int32), NO_ROWS, NO_CODES, NO_CODES, NO_ROWS)
LOW_BITS = 6


def room(questions: int, k: int, dtype: type) -> RankedRows:
    return RankedRows(np.full((questions, k), -7), np.full((questions, k), np.nan, dtype), np.zeros(questions, int))


def entries(ranked: RankedRows) -> list[list[tuple[int, float]]]:
    return [
        list(zip(rows[:size].tolist(), scores[:size].tolist(), strict=True))
        for rows, scores, size in zip(*ranked[:2], ranked.found.tolist(), strict=True)
    ]


def product(codes: NDArray[np.int8], weights: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the whole product of each row with two halves int16 [2, V]."""
    whole = weights[0].astype(np.int64) * 2**LOW_BITS + weights[1]
    return codes[:, : len(whole)].astype(np.int64) @ whole


def best(products: NDArray[np.int64], rows: NDArray[np.int64], k: int, step: float, bias: float) -> Any:
    order = np.lexsort((rows, -products[rows]))[:k]
    return [(int(row), products[row] * step + bias) for row in rows[order]]


def asked(random: np.random.Generator, questions: int, size: int, largest: int) -> dict[str, Any]:
    weights = random.integers(-largest, largest + 1, (questions, 2, size)).astype(np.int16)
    weights[:, 1] //= max(1, largest // 2 ** (LOW_BITS - 1))
    return {
        "weights": weights,
        "low_bits": LOW_BITS,
        "step": random.random(questions) + 0.5,
        "bias": random.standard_normal(questions),
    }


def in_lists(codes: NDArray[np.int8], owner: NDArray[np.int64], groups: NDArray[np.int64]) -> ListTable:
    """Return the lists of rows, `owner` [N], whose centroids are those of their rows, in groups of some sizes."""
    count = int(groups.sum())
    order = np.argsort(owner, kind="stable")
    centres = np.stack([codes[owner == one].mean(0) if (owner == one).any() else codes[0] for one in range(count)])
    group_ptr = np.append(0, np.cumsum(groups))
    group_centres = np.stack([centres[a:b].mean(0) for a, b in zip(group_ptr, group_ptr[1:], strict=False)])
    return ListTable(
        codes[order].copy(),
        order.astype(np.int32),
        np.append(0, np.cumsum(np.bincount(owner, minlength=count))),
        centres.round().astype(np.int8),
        group_centres.round().astype(np.int8),
        group_ptr,
    )


@VECTORS
@pytest.mark.parametrize("k", [0, 1, 7, 500])
@pytest.mark.parametrize("questions", [0, 1, 2, 5])
@pytest.mark.parametrize("rows", [0, 1, 150])
def test_flat_scan_is_a_full_sort(rows: int, questions: int, k: int, function: Any) -> None:
    random = np.random.default_rng(rows + questions)
    codes, given = random.integers(-127, 128, (rows, 33)).astype(np.int8), asked(random, questions, 33, 5000)
    ranked = room(questions, min(k, rows), np.float64)
    function(0, questions, codes, NO_LISTS, ListEffort(1, 1), **given, ranked=ranked)
    assert entries(ranked) == [
        best(product(codes, weights), np.arange(rows), k, step, bias)
        for weights, step, bias in zip(given["weights"], given["step"], given["bias"], strict=True)
    ]


@VECTORS
def test_only_the_questions_of_the_block_are_asked(function: Any) -> None:
    random = np.random.default_rng(3)
    codes, given = random.integers(-2, 3, (60, 8)).astype(np.int8), asked(random, 6, 8, 3)
    whole, part = room(6, 5, np.float64), room(6, 5, np.float64)
    function(0, 6, codes, NO_LISTS, ListEffort(1, 1), **given, ranked=whole)
    function(2, 4, codes, NO_LISTS, ListEffort(1, 1), **given, ranked=part)
    assert entries(part) == [[], [], *entries(whole)[2:4], [], []]


@VECTORS
@pytest.mark.parametrize("questions", [1, 4])
@pytest.mark.parametrize(("probes", "groups"), [(1, 1), (2, 3), (9, 3), (50, 50)])
def test_lists_with_the_largest_products_are_looked_through(
    probes: int, groups: int, questions: int, function: Any
) -> None:
    random = np.random.default_rng(4)
    codes, given = random.integers(-5, 6, (200, 16)).astype(np.int8), asked(random, questions, 16, 40)
    owner = random.integers(0, 9, 200)
    owner[owner == 4] = 5  # an empty list
    lists = in_lists(codes, owner, np.array([2, 3, 4]))
    ranked = room(questions, 30, np.float64)
    function(0, questions, codes, lists, ListEffort(probes, groups), **given, ranked=ranked)
    for question, mine in enumerate(entries(ranked)):
        high = given["weights"][question, 0].astype(np.int64)
        near = np.lexsort((np.arange(3), -(lists.group_codes @ high)))[:groups]
        within = np.concatenate([np.arange(*lists.group_ptr[one : one + 2]) for one in sorted(near)])
        chosen = within[np.lexsort((within, -(lists.list_codes[within] @ high)))[:probes]]
        rows = np.flatnonzero(np.isin(owner, chosen))
        products = product(codes, given["weights"][question])
        assert mine == best(products, rows, 30, given["step"][question], given["bias"][question])


@settings(deadline=None, max_examples=examples(50))
@given(st.integers(0, 300), st.integers(1, 70), st.integers(1, 5), st.integers(1, 300), st.integers(0, 2**32))
def test_random_shapes_with_ties(rows: int, size: int, questions: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    codes, given = random.integers(-2, 3, (rows, size)).astype(np.int8), asked(random, questions, size, 2)
    codes[rows // 2 :] = codes[: rows - rows // 2]
    given["weights"][:, 1] = 0  # which decide only among rows that the others all but tie
    ranked = room(questions, min(k, rows), np.float64)
    rank_by_vectors(0, questions, codes, NO_LISTS, ListEffort(1, 1), **given, ranked=ranked)
    assert entries(ranked) == [
        best(product(codes, weights), np.arange(rows), k, step, bias)
        for weights, step, bias in zip(given["weights"], given["step"], given["bias"], strict=True)
    ]


def postings_of(counts: NDArray[np.int64]) -> PostingTable:
    """Return the postings of texts x terms counts."""
    terms, texts = np.nonzero(counts.T)
    ptr = np.append(0, np.cumsum((counts > 0).sum(0)))
    norm = (0.3 + 0.1 * counts.sum(1)).astype(np.float32)
    return PostingTable(ptr, texts.astype(np.int32), counts.T[terms, texts].astype(np.uint16), norm, 0)


@TERMS
@pytest.mark.parametrize("k", [0, 1, 9, 100])
@pytest.mark.parametrize("texts", [0, 1, 80])
def test_terms_rank_as_all_postings_do(texts: int, k: int, function: Any) -> None:
    random = np.random.default_rng(texts)
    counts = random.integers(0, 4, (texts, 12)) * (random.random((texts, 12)) < 0.2)
    counts[texts // 2 :] = counts[: texts - texts // 2]
    postings = postings_of(counts)
    asked_terms = [[0, 3, 7], [], [11], list(range(12))]
    ptr = np.cumsum([0, *map(len, asked_terms)])
    ids = np.array([term for some in asked_terms for term in some])
    weights = random.random(ids.size).astype(np.float32)
    ranked, damaged = room(4, k, np.float32), np.full(4, -5)
    function(1, 4, TermBatch(ptr, ids, weights), postings, damaged, ranked)
    assert damaged.tolist() == [-5, -1, -1, -1]
    assert ranked.found[0] == 0
    for question in range(1, 4):
        scores = np.zeros(texts, np.float32)
        for place in range(ptr[question], ptr[question + 1]):
            tf = counts[:, ids[place]].astype(np.float32)
            scores += weights[place] * tf / (tf + postings.norm)
        rows = np.flatnonzero(scores > 0)
        order = rows[np.lexsort((rows, -scores[rows]))][:k]
        assert [row for row, _ in entries(ranked)[question]] == order.tolist()
        assert [score for _, score in entries(ranked)[question]] == pytest.approx(scores[order].tolist(), rel=1e-6)


@TERMS
def test_a_posting_of_no_text_is_told(function: Any) -> None:
    postings = postings_of(np.ones((5, 2), np.int64))
    postings.ids[7] = 5
    damaged = np.zeros(2, np.int64)
    batch = TermBatch(np.array([0, 1, 2]), np.array([0, 1]), np.ones(2, np.float32))
    function(0, 2, batch, postings, damaged, room(2, 5, np.float32))
    assert damaged.tolist() == [-1, 7]
