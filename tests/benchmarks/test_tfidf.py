"""DrQA's tf-idf: its terms, and its scores as a plain sum over all pairs of terms gives them."""

import math
from collections import Counter

import numpy as np
import pytest

from benchmarks.tfidf import TfIdf, TfIdfCounts, count_terms, inverse_document_frequency, tfidf_terms

TITLES = ["red wine", "white wine", "tea"]
TEXTS = ["red wine ages well red wine", "grapes make red wine", "white wine ages", "green tea wakes", "tea ages tea"]
DOCUMENT = [0, 0, 1, 2, 2]
QUESTIONS = ["red wine ages", "wine", "tea ages tea", "coffee", ""]


def terms(text: str) -> list[str]:
    """Cut a text without stop words or punctuation."""
    words = text.split()
    return words + [f"{first} {second}" for first, second in zip(words, words[1:], strict=False)]


def idf(term: str, texts: list[list[str]]) -> float:
    frequency = sum(term in text for text in texts)
    return max(0.0, math.log((len(texts) - frequency + 0.5) / (frequency + 0.5)))


def inner_products(question: str, texts: list[list[str]], idf_of: list[list[str]]) -> list[float]:
    asked = Counter(terms(question))
    return [
        sum(math.log1p(asked[term]) * math.log1p(text.count(term)) * idf(term, idf_of) ** 2 for term in asked)
        for text in texts
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Red wine", ["red", "wine", "red wine"], id="words and pairs"),
        pytest.param("wine, aged", ["wine", "aged"], id="no pair with punctuation"),
        pytest.param("the wine of Bordeaux", ["wine", "bordeaux"], id="no pair with a stop word"),
        pytest.param("5 $", ["5", "$", "5 $"], id="symbols are words"),
        pytest.param("caf\u00e9", ["cafe\u0301"], id="decomposed"),
        pytest.param("", [], id="empty"),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert tfidf_terms(text) == expected


def test_counts_hold_only_the_terms_asked_for() -> None:
    counts = count_terms(["red wine red wine", "", "tea"], {"wine": 0, "red wine": 1, "coffee": 2})
    np.testing.assert_array_equal(counts.toarray(), [[2, 2, 0], [0, 0, 0], [0, 0, 0]])
    assert counts.nnz == 2


def test_idf_is_never_negative() -> None:
    counts = count_terms(["tea", "tea", "tea wine"], {"tea": 0, "wine": 1, "coffee": 2})
    np.testing.assert_allclose(inverse_document_frequency(counts), [0, math.log(2.5 / 1.5), math.log(3.5 / 0.5)])


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("paragraph_idf", [False, True], ids=["idf of documents", "idf of paragraphs"])
def test_scores_are_sums_over_terms(question: str, paragraph_idf: bool) -> None:
    counts = TfIdfCounts(TITLES, TEXTS, np.array(DOCUMENT, np.int32), QUESTIONS)
    paragraphs = [terms(TITLES[row]) + terms(text) for row, text in zip(DOCUMENT, TEXTS, strict=True)]
    documents = [
        sum((terms(text) for at, text in zip(DOCUMENT, TEXTS, strict=True) if at == row), terms(title))
        for row, title in enumerate(TITLES)
    ]
    scores = TfIdf(counts, paragraph_idf).score(question)
    idf_of = paragraphs if paragraph_idf else documents
    np.testing.assert_allclose(scores.paragraph, inner_products(question, paragraphs, idf_of), rtol=1e-6)
    np.testing.assert_allclose(scores.document, inner_products(question, documents, documents), rtol=1e-6)
    assert scores.paragraph.dtype == scores.document.dtype == np.float32
    assert scores.paragraph_document.tolist() == DOCUMENT
