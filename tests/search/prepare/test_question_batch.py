"""Questions made ready for the kernels: what a question is has nothing to do with those that it is asked with."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.index.index_reader import IndexReader
from densephrase.kernels.question import QuestionBatch, document_terms, paragraph_terms, sparse_questions
from densephrase.kernels.sparse import LARGEST_WEIGHT, SparseQuestion
from densephrase.search.prepare.question_batch import join_ngrams, prepare_questions
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

QUESTIONS = ["Paris Hamlet river Paris", "", "zzzz unknown", "Zürich 1905 physics the a of", "Nobel prize", "東京 café"]
ENCODER = FakeEncoder(sparc_size=8, vocabulary=1000)


@pytest.fixture
def reader(make_searcher: MakeSearcher) -> IndexReader:
    """An index of random documents."""
    return make_searcher(random_documents(3, documents=12), ENCODER)[1]


def prepare(reader: IndexReader, texts: list[str], sparse: bool = True) -> QuestionBatch:
    """Return questions as a search prepares them; those at the end are louder."""
    vectors = ENCODER.encode_questions(texts)
    loud = np.array([[10.0 ** len(text)] for text in texts], np.float32)
    vectors = QuestionVectors(vectors.start * loud, vectors.end, vectors.sparse if sparse else None)
    quantisers = ENCODER.start_quantiser, ENCODER.end_quantiser
    terms = [reader.terms.analyser.terms(text) for text in texts]
    return prepare_questions(vectors, quantisers, None, ENCODER.sparse_scale, terms, reader.terms)


def parts_of(batch: QuestionBatch, question: int) -> list[NDArray[np.generic]]:
    """Return all that a batch says of a question."""
    dense = [column[question] for column in (batch.start, batch.end, batch.step, batch.bias)]
    terms = [*paragraph_terms.py_func(batch, question), *document_terms.py_func(batch, question)]
    sparse = [np.asarray(part) for side in sparse_questions(batch, question) for part in side]
    return [*dense, *terms, *sparse]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 3, 3, 0, 1, 4, 2]], ids=str)
def test_a_question_is_the_same_in_any_company(order: list[int], reader: IndexReader) -> None:
    texts = [QUESTIONS[number] for number in order]
    together = prepare(reader, texts)
    for place, text in enumerate(texts):
        alone = parts_of(prepare(reader, [text]), 0)
        for one, other in zip(parts_of(together, place), alone, strict=True):
            np.testing.assert_array_equal(one, other)


def test_terms_are_counted_and_weighed(reader: IndexReader) -> None:
    batch, index = prepare(reader, QUESTIONS), reader.terms
    vocabulary = {term: row for row, term in enumerate(index.vocabulary)}
    for number, text in enumerate(QUESTIONS):
        counts = Counter(term for term in index.analyser.terms(text) if term in vocabulary)
        expected = sorted((vocabulary[term], count) for term, count in counts.items())
        for kernel, postings in ((paragraph_terms, index.paragraphs), (document_terms, index.documents)):
            found = kernel(batch, number)
            assert found.ids.tolist() == [row for row, _ in expected]
            frequencies = np.array([postings.ptr[row + 1] - postings.ptr[row] for row, _ in expected])
            weights = postings.bm25.term_weights(frequencies, postings.length.size)
            assert found.weights.tolist() == pytest.approx(
                [weight * count for weight, (_, count) in zip(weights.tolist(), expected, strict=True)]
            )


def weights_of(table: SparseQuestion) -> dict[tuple[int, ...], float]:
    """Return what each n-gram of a table weighs."""
    found: dict[tuple[int, ...], float] = {}
    for piece in np.flatnonzero(table.slot >= 0).tolist():
        slot = int(table.slot[piece])
        if table.unigram[slot]:
            found[(piece,)] = int(table.unigram[slot]) * table.step
        for entry in range(table.pair_ptr[slot], table.pair_ptr[slot + 1]):
            if table.pair[entry]:
                found[(piece, int(table.pair_second[entry]))] = int(table.pair[entry]) * table.step
    return found


def test_ngrams_weigh_what_the_encoder_says(reader: IndexReader) -> None:
    batch, ngrams = prepare(reader, QUESTIONS), ENCODER.encode_questions(QUESTIONS).sparse
    assert ngrams is not None
    assert ENCODER.sparse_scale is not None
    for number, asked in enumerate(ngrams):
        names = (
            [(piece,) for piece in asked.unigrams.tolist()],
            [divmod(pair, 2**32) for pair in asked.bigrams.tolist()],
        )
        for side, table in enumerate(sparse_questions(batch, number)):
            expected: dict[tuple[int, ...], float] = {}
            for order, weights in enumerate((asked.unigram_weights[side], asked.bigram_weights[side])):
                scaled = weights * float(ENCODER.sparse_scale[2 * side + order])
                expected |= dict(zip(names[order], scaled.tolist(), strict=True))
            expected = {name: weight for name, weight in expected.items() if weight}
            assert weights_of(table) == pytest.approx(expected, rel=1e-6, abs=2 * table.step)


def test_weights_are_integers_as_large_as_they_may_be() -> None:
    ngrams = [ENCODER.encode_questions([text]).sparse[0] for text in QUESTIONS]  # type: ignore[index]
    joined = join_ngrams(ngrams, np.array([1.0, 1e-3, 5.0, 1e4], np.float32), len(ngrams))
    for number, (item, step) in enumerate(zip(ngrams, joined.sparse_step.tolist(), strict=True)):
        unigrams = joined.unigram_weights[:, joined.unigram_ptr[number] : joined.unigram_ptr[number + 1]]
        bigrams = joined.bigram_weights[:, joined.bigram_ptr[number] : joined.bigram_ptr[number + 1]]
        largest = max(np.abs(unigrams).max(initial=0), np.abs(bigrams).max(initial=0))
        assert largest == (LARGEST_WEIGHT if item.unigrams.size else 0)
        assert step > 0


def nothing() -> QuestionNgrams:
    """Return the n-grams of a question without any."""
    return QuestionNgrams(
        np.empty(0, np.int32), np.empty((2, 0), np.float32), np.empty(0, np.int64), np.empty((2, 0), np.float32)
    )


@pytest.mark.parametrize("ngrams", [[], [nothing()] * 3], ids=["no sparse vectors", "empty ones"])
def test_questions_without_ngrams(ngrams: list[QuestionNgrams]) -> None:
    joined = join_ngrams(ngrams, np.ones(4, np.float32), 3)
    assert joined.unigram_ptr.tolist() == joined.bigram_ptr.tolist() == [0, 0, 0, 0]
    assert joined.bigrams.shape == (0, 2)
    assert joined.unigram_weights.shape == joined.bigram_weights.shape == (2, 0)
    assert joined.sparse_step.shape == (3,)
    assert np.all(joined.sparse_step > 0)


def test_ngrams_that_weigh_nothing() -> None:
    zero = QuestionNgrams(
        np.array([3], np.int32), np.zeros((2, 1), np.float32), np.array([2**32], np.int64), np.zeros((2, 1), np.float32)
    )
    joined = join_ngrams([zero], np.ones(4, np.float32), 1)
    assert joined.sparse_step.tolist() == [1.0]
    assert not joined.unigram_weights.any()


def test_sparse_vectors_may_be_left_out(reader: IndexReader) -> None:
    batch = prepare(reader, QUESTIONS, sparse=False)
    assert all(not weights_of(side) for number in range(len(QUESTIONS)) for side in sparse_questions(batch, number))
