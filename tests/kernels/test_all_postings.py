"""BM25 added up posting by posting against numpy, and against MaxScore to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.all_postings import add_postings, take_best
from densephrase.kernels.max_score import DocumentPart, PostingTable, TermQuery, top_texts
from tests.soaking import examples

FORMS = pytest.mark.parametrize("is_compiled", [True, False], ids=["compiled", "python"])
SHIFTS = pytest.mark.parametrize("shift", [0, 8])
Best = list[tuple[int, float]]


def postings_of(counts: NDArray[np.int64], shift: int = 0) -> PostingTable:
    """Return the postings of texts x terms counts, packed where there is a shift."""
    terms, texts = np.nonzero(counts.T)
    ptr, tf = np.append(0, np.cumsum((counts > 0).sum(0))), counts.T[terms, texts]
    norm = (0.3 + 0.1 * counts.sum(1)).astype(np.float32)
    if shift:
        return PostingTable(ptr, (texts << shift | tf).astype(np.int32), np.empty(0, np.uint16), norm, shift)
    return PostingTable(ptr, texts.astype(np.int32), tf.astype(np.uint16), norm, 0)


def best_texts(postings: PostingTable, terms: TermQuery, k: int, is_compiled: bool = True) -> Best:
    add, take = (add_postings, take_best) if is_compiled else (add_postings.py_func, take_best.py_func)
    scores, rows, totals = np.zeros(postings.norm.size, np.float32), np.empty(k, np.int64), np.empty(k, np.float32)
    assert add(postings, terms, scores) == -1
    size = take(postings, terms, scores, rows, totals)
    assert not scores.any()  # ready for the next question
    return list(zip(rows[:size].tolist(), totals[:size].tolist(), strict=True))


def by_max_score(postings: PostingTable, terms: TermQuery, k: int) -> Best:
    rows, totals = np.empty(k, np.int64), np.empty(k, np.float32)
    documents = DocumentPart(np.empty(0, np.float32), np.empty(0, np.int32))
    size, _ = top_texts(postings, terms, np.float32(1), documents, np.empty((0, 2), np.int64), rows, totals)
    return list(zip(rows[:size].tolist(), totals[:size].tolist(), strict=True))


def query(ids: list[int], weights: Any) -> TermQuery:
    return TermQuery(np.array(ids, np.int64), np.asarray(weights, np.float32))


@FORMS
@SHIFTS
@pytest.mark.parametrize("k", [0, 1, 9, 300])
@pytest.mark.parametrize("texts", [0, 1, 500])
def test_every_posting_counts(texts: int, k: int, shift: int, is_compiled: bool) -> None:
    random = np.random.default_rng(texts + k)
    counts = random.integers(0, 4, (texts, 6)) * (random.random((texts, 6)) < 0.5)
    counts[texts // 2 :] = counts[: texts - texts // 2]  # ties
    postings, weights = postings_of(counts, shift), random.random(6).astype(np.float32)
    scores = np.zeros(texts, np.float32)
    for term in range(6):
        tf = counts[:, term].astype(np.float32)
        scores += weights[term] * tf / (tf + postings.norm)
    rows = np.flatnonzero(scores > 0)
    order = rows[np.lexsort((rows, -scores[rows]))][:k]
    found = best_texts(postings, query(list(range(6)), weights), k, is_compiled)
    assert [row for row, _ in found] == order.tolist()
    assert [score for _, score in found] == scores[order].tolist()


@FORMS
def test_no_terms_find_nothing(is_compiled: bool) -> None:
    assert best_texts(postings_of(np.ones((5, 2), np.int64)), query([], []), 3, is_compiled) == []


@settings(deadline=None, max_examples=examples(60))
@given(st.integers(0, 700), st.integers(1, 8), st.integers(1, 200), st.integers(0, 2**32))
def test_sums_are_those_of_max_score_to_the_last_bit(texts: int, terms: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 3, (texts, terms)) * (random.random((texts, terms)) < random.random())
    postings, asked = postings_of(counts), query(list(range(terms)), random.random(terms))
    assert best_texts(postings, asked, k) == by_max_score(postings, asked, k)


@FORMS
@SHIFTS
@pytest.mark.parametrize("text", [-1, 5])
def test_a_posting_of_no_text_is_told(text: int, shift: int, is_compiled: bool) -> None:
    postings = postings_of(np.ones((5, 2), np.int64), shift)
    postings.ids[7] = text * 2**shift
    add = add_postings if is_compiled else add_postings.py_func
    assert add(postings, query([0], [1]), np.zeros(5, np.float32)) == -1
    assert add(postings, query([0, 1], [1, 1]), np.zeros(5, np.float32)) == 7
