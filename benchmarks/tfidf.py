"""DrQA's tf-idf of words and word pairs (Chen et al., 2017, section 3.1), as DenSPI adds it to the scores of phrases.

Terms are compared as they are, not by 2**24 hash buckets, so none collide; stop words are those of the library. Only
terms that some question asks for are counted: no other term can add to an inner product.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmarks.plain_terms import TermScores
from densephrase.metrics import answer_tokens
from densephrase.terms.stop_words import ENGLISH_STOP_WORDS

Matrix: TypeAlias = Any  # a csr_array: scipy ships no types


def tfidf_terms(text: str) -> list[str]:
    """Return the words of `text` (NFD, lower case) and its pairs of neighbours, no stop word or punctuation in any."""
    tokens = answer_tokens(text)
    kept = [token not in ENGLISH_STOP_WORDS and unicodedata.category(token[0])[0] != "P" for token in tokens]
    words = [token for token, keep in zip(tokens, kept, strict=True) if keep]
    pairs = [f"{tokens[at]} {tokens[at + 1]}" for at in range(len(tokens) - 1) if kept[at] and kept[at + 1]]
    return words + pairs


def count_terms(texts: Iterable[str], columns: Mapping[str, int]) -> Matrix:
    """Return how often each text holds each term of `columns`: CSR float64 [texts, columns], no stored zeros."""
    indices, ends = array("i"), array("q", [0])
    for text in texts:
        indices.extend(columns[term] for term in tfidf_terms(text) if term in columns)
        ends.append(len(indices))
    parts = (np.ones(len(indices)), np.array(indices, np.int32), np.array(ends, np.int64))
    counts = csr_array(parts, shape=(len(ends) - 1, len(columns)))
    counts.sum_duplicates()
    return counts


def inverse_document_frequency(counts: Matrix) -> NDArray[np.float64]:
    """Return max(0, ln((N - n + 1/2) / (n + 1/2))) of each column: float64, n of the N rows hold it."""
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    ratio: NDArray[np.float64] = (counts.shape[0] - frequency + 0.5) / (frequency + 0.5)
    return np.maximum(0, np.log(ratio))


class TfIdfVectors:
    """Texts as vectors of ln(1 + tf) * idf."""

    def __init__(self, counts: Matrix, idf: NDArray[np.float64]) -> None:
        """Weigh `counts` [texts, terms] by `idf` [terms]."""
        self._idf = idf
        self._by_term = _weighted(counts, idf).T.tocsr()

    def scores(self, question_counts: Matrix) -> NDArray[np.float32]:
        """Return the inner product of a question, counted [1, terms], with every text: float32 [texts]."""
        scores: NDArray[np.float64] = (_weighted(question_counts, self._idf) @ self._by_term).toarray()[0]
        return scores.astype(np.float32)


class TfIdfCounts:
    """How often paragraphs and documents hold the terms of some questions, counted once for every kind of idf."""

    def __init__(
        self,
        titles: Sequence[str],
        texts: Sequence[str],
        paragraph_document: NDArray[np.int32],
        questions: Iterable[str],
    ) -> None:
        """Count the `texts` of paragraphs and the `titles` of documents; no pair spans two of them.

        A paragraph holds the terms of its title and its text; a document those of its title, once, and of its texts.
        """
        self.columns = {term: column for column, term in enumerate(sorted(_terms_of(questions)))}
        self.paragraph_document = paragraph_document
        title, text = count_terms(titles, self.columns), count_terms(texts, self.columns)
        rows = np.arange(len(texts) + 1)
        belongs = csr_array((np.ones(len(texts)), paragraph_document, rows), shape=(len(texts), len(titles)))
        self.paragraphs = (text + belongs @ title).tocsr()
        self.documents = (belongs.T @ text + title).tocsr()


class TfIdf:
    """Scores paragraphs and documents for the questions whose terms were counted."""

    def __init__(self, counts: TfIdfCounts, paragraph_idf: bool = False) -> None:
        """Weigh both by the idf of documents, as DenSPI does; with `paragraph_idf`, paragraphs by their own."""
        document_idf = inverse_document_frequency(counts.documents)
        own_idf = inverse_document_frequency(counts.paragraphs) if paragraph_idf else document_idf
        self._counts = counts
        self._paragraphs = TfIdfVectors(counts.paragraphs, own_idf)
        self._documents = TfIdfVectors(counts.documents, document_idf)

    def score(self, question: str) -> TermScores:
        """Return the scores of every paragraph and every document."""
        asked = count_terms([question], self._counts.columns)
        return TermScores(
            self._paragraphs.scores(asked), self._documents.scores(asked), self._counts.paragraph_document
        )


def _terms_of(questions: Iterable[str]) -> set[str]:
    return {term for question in questions for term in tfidf_terms(question)}


def _weighted(counts: Matrix, idf: NDArray[np.float64]) -> Matrix:
    weighted = counts.log1p()
    weighted.data *= idf[weighted.indices]
    return weighted
