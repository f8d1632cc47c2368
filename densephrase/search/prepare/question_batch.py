"""Questions made ready for the kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.encoder.question_ngrams import PAIR
from densephrase.kernels.question import QuestionBatch
from densephrase.kernels.sparse import LARGEST_WEIGHT
from densephrase.quantise.end_prediction import ProductRows
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.fixed_point import (
    FixedPointTables,
    FixedPointVectors,
    no_tables,
    tabulate_vectors,
    to_fixed_point,
)
from densephrase.terms.term_index import TermIndex


def prepare_questions(
    vectors: QuestionVectors,
    quantisers: tuple[VectorQuantiser, VectorQuantiser],
    products: ProductRows | None,
    sparse_scale: NDArray[np.float32] | None,
    terms: Sequence[Sequence[str]],
    index: TermIndex,
) -> QuestionBatch:
    """Return the batch of Q questions.

    vectors: their vectors, folded with the `quantisers` of start and end rows, and with `products` where given.
    sparse_scale: what a product of the index's sparse codes counts, float32 [4] by head; None where it has none.
    terms: those that paragraphs and documents are scored by, of each question.
    """
    start = to_fixed_point(vectors.start, quantisers[0])
    end = to_fixed_point(vectors.end, quantisers[1])
    start_tables, end_tables = no_tables(start), no_tables(end)
    predicted = _Predicted(end.weights, end_tables.table, np.zeros((len(end.step), 3)))
    if products is not None:
        end_tables = tabulate_vectors(vectors.end, products.ends)
        start_tables, predicted = _starts_and_predicted(vectors, start, products, quantisers[0], end_tables.step)
    scale = np.ones(4, np.float32) if sparse_scale is None else sparse_scale
    return QuestionBatch(
        start=start.weights,
        end=end.weights,
        start_table=start_tables.table,
        end_table=end_tables.table,
        start_base=start.step / start_tables.step,
        predicted=predicted.weights,
        predicted_table=predicted.table,
        predicted_units=predicted.units,
        low_bits=start.low_bits,
        step=np.stack([start_tables.step, end_tables.step], axis=1),
        bias=np.stack([start_tables.bias, end_tables.bias], axis=1),
        **join_ngrams(vectors.sparse or (), scale, len(start.step))._asdict(),
        **_terms(terms, index)._asdict(),
    )


class _Predicted(NamedTuple):
    """What Q questions multiply predictions of ends with, as `QuestionBatch` holds it."""

    weights: NDArray[np.int16]
    table: NDArray[np.int32]
    units: NDArray[np.float64]


def _starts_and_predicted(
    vectors: QuestionVectors,
    start: FixedPointVectors,
    products: ProductRows,
    quantiser: VectorQuantiser,
    end_step: NDArray[np.float64],
) -> tuple[FixedPointTables, _Predicted]:
    """Return the tables of starts, and what predictions are multiplied with; centroids are codes of `quantiser`.

    A product of an end vector with a prediction is one of a mapped vector with the start, so that both look the same
    codes up: their tables are made together, of arrays that are read once.
    """
    questions, size = vectors.start.shape
    mapped = products.prediction.vector_product(vectors.end)
    both = np.zeros((2 * questions, mapped.shape[1]), np.float32)
    both[:questions, :size], both[questions:] = vectors.start, mapped
    made = tabulate_vectors(both, products.starts, np.concatenate([start.largest, np.zeros(questions)]))
    tables, others = made.part(slice(questions)), made.part(slice(questions, None))
    bias = others.bias - (mapped.astype(np.float64) * products.prediction.centre).sum(1)
    centroids = to_fixed_point(mapped[:, :size], quantiser)
    units = np.stack([others.step, centroids.step, bias], axis=1) / end_step[:, None]
    return tables, _Predicted(centroids.weights, others.table, units)


class _Ngrams(NamedTuple):
    """The n-grams of Q questions as `QuestionBatch` holds them."""

    unigram_ptr: NDArray[np.int64]
    unigrams: NDArray[np.int64]
    unigram_weights: NDArray[np.int64]
    bigram_ptr: NDArray[np.int64]
    bigrams: NDArray[np.int64]
    bigram_weights: NDArray[np.int64]
    sparse_step: NDArray[np.float64]


def join_ngrams(ngrams: Sequence[QuestionNgrams], scale: NDArray[np.float32], questions: int) -> _Ngrams:
    """Put the n-grams of questions one after the other, their weights as integers; `ngrams` may be empty.

    scale: what a product of the stored codes counts, float32 [4] by head.
    """
    if not ngrams:
        nothing, weights = np.zeros(questions + 1, np.int64), np.empty((2, 0), np.int64)
        return _Ngrams(
            unigram_ptr=nothing,
            unigrams=np.empty(0, np.int64),
            unigram_weights=weights,
            bigram_ptr=nothing,
            bigrams=np.empty((0, 2), np.int64),
            bigram_weights=weights,
            sparse_step=np.ones(questions),
        )
    counts = [len(item.unigrams) for item in ngrams], [len(item.bigrams) for item in ngrams]
    unigram = np.concatenate([item.unigram_weights for item in ngrams], axis=1) * scale[::2, None].astype(np.float64)
    bigram = np.concatenate([item.bigram_weights for item in ngrams], axis=1) * scale[1::2, None].astype(np.float64)
    # A question's own step, so that its scores don't depend on those that it is asked with.
    owner = np.concatenate([np.repeat(np.arange(questions), sizes) for sizes in counts])
    largest = np.zeros(questions)
    np.maximum.at(largest, owner, np.abs(np.concatenate([unigram, bigram], axis=1)).max(axis=0))
    step = np.where(largest > 0, largest / LARGEST_WEIGHT, 1.0)
    return _Ngrams(
        unigram_ptr=_pointers(counts[0]),
        unigrams=np.concatenate([item.unigrams for item in ngrams]).astype(np.int64),
        unigram_weights=np.rint(unigram / np.repeat(step, counts[0])).astype(np.int64),
        bigram_ptr=_pointers(counts[1]),
        bigrams=np.stack(np.divmod(np.concatenate([item.bigrams for item in ngrams]), PAIR), axis=1),
        bigram_weights=np.rint(bigram / np.repeat(step, counts[1])).astype(np.int64),
        sparse_step=step,
    )


class _Terms(NamedTuple):
    """The terms of Q questions as `QuestionBatch` holds them."""

    term_ptr: NDArray[np.int64]
    term_ids: NDArray[np.int64]
    paragraph_weights: NDArray[np.float32]
    document_weights: NDArray[np.float32]


def _terms(terms: Sequence[Sequence[str]], index: TermIndex) -> _Terms:
    """Look the terms of questions up, and weigh them."""
    found = find_terms(terms, index)
    weights = (unit.weights(found.ids, found.counts) for unit in (index.paragraphs, index.documents))
    return _Terms(found.ptr, found.ids, *weights)


class FoundTerms(NamedTuple):
    """The terms of Q questions that an index knows, those of question q at `ptr[q]:ptr[q + 1]`, each once."""

    ptr: NDArray[np.int64]  # [Q + 1]
    ids: NDArray[np.int64]  # [terms] ascending within a question
    counts: NDArray[np.int64]  # [terms] how often each is asked


def find_terms(terms: Sequence[Sequence[str]], index: TermIndex) -> FoundTerms:
    """Look the terms of questions up; those that the index does not know are left out."""
    rows = iter(index.find([term for words in terms for term in words]).tolist())
    found = [sorted(Counter(row for row in (next(rows) for _ in words) if row >= 0).items()) for words in terms]
    pairs = np.array([pair for counted in found for pair in counted], np.int64).reshape(-1, 2)
    return FoundTerms(_pointers([len(counted) for counted in found]), np.ascontiguousarray(pairs[:, 0]), pairs[:, 1])


def _pointers(sizes: Sequence[int]) -> NDArray[np.int64]:
    pointers = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=pointers[1:])
    return pointers
