"""Exhaustive search over the paragraphs of the held-out articles, in memory: what an encoder is worth, quickly.

Every paragraph's best span is computed for every question, with and without the sparse half, and added to BM25. It
needs no index, so that variants of an encoder can be compared a minute after they are trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.plain_terms import score_terms
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question_ngrams import PAIR
from densephrase.evaluation.ranked import sample_questions
from densephrase.evaluation.spans import reach
from densephrase.metrics import exact_match_and_f1
from densephrase.search.prepare.sparse_vectors import sparse_weights
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import TermIndex, write_term_index
from densephrase.training.data.holdout import split_by_title
from densephrase.training.phrase.config import TrainingConfig

_TRAINED_QUESTIONS = 1000


def split_questions(file: str, limit: int) -> tuple[list[Question], list[Question]]:
    """Return some training questions of a file, and at most `limit` of its held-out ones."""
    trained, held_out = split_by_title(read_questions(file), TrainingConfig().held_out_articles)
    return sample_questions(trained, _TRAINED_QUESTIONS, 0), sample_questions(held_out, limit, 0)


@dataclass(frozen=True, slots=True)
class HeldOutFigures:
    """Exact match and F1, per cent, of one way to score."""

    exact_match: float
    f1: float
    correct: NDArray[np.bool_]  # [questions]


class HeldOutSearch:
    """The best span of each paragraph for each question: score float32 [Q, P] and characters int32 [Q, P, 2]."""

    def __init__(self, encoder: PhraseEncoder, questions: Sequence[Question]) -> None:
        self._questions = questions
        self._paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))
        number = {paragraph: place for place, paragraph in enumerate(self._paragraphs)}
        self.gold = np.array([number[ParagraphInput(q.context or "", q.title)] for q in questions])
        stored = [
            item
            for at in range(0, len(self._paragraphs), 256)
            for item in encoder.encode_paragraphs(self._paragraphs[at : at + 256])
        ]
        vectors = encoder.encode_questions([question.text for question in questions])
        self.tokens = sum(item.tokens for item in stored)
        self.starts = sum(len(item.start_token) for item in stored)
        self.ends = sum(len(item.end_token) for item in stored)
        self.dense = self._best_spans(encoder, stored, vectors, sparse=False)
        self.full = self.dense if vectors.sparse is None else self._best_spans(encoder, stored, vectors, sparse=True)
        self.terms = _bm25(self._paragraphs, questions)

    def closed(self, sparse: bool = True) -> HeldOutFigures:
        """Return the figures of answering from the gold paragraph."""
        return self._figures(self.gold, self.full if sparse else self.dense)

    def open(self, sparse: bool = True, term_weight: float = 1.0) -> HeldOutFigures:
        """Return the figures of answering from all paragraphs; BM25 counts with `term_weight`."""
        scores, places = self.full if sparse else self.dense
        return self._figures((scores + term_weight * self.terms).argmax(1), (scores, places))

    def _figures(
        self, chosen: NDArray[np.int64], spans: tuple[NDArray[np.float32], NDArray[np.int32]]
    ) -> HeldOutFigures:
        right, overlap = np.zeros(len(chosen), bool), 0.0
        for row, (question, paragraph) in enumerate(zip(self._questions, chosen.tolist(), strict=True)):
            first, last = spans[1][row, paragraph].tolist()
            text = self._paragraphs[paragraph].text[first:last]
            right[row], f1 = exact_match_and_f1(text, question.answers)
            overlap += f1
        return HeldOutFigures(100 * float(right.mean()), 100 * overlap / len(chosen), right)

    def _best_spans(
        self, encoder: PhraseEncoder, stored: Sequence[EncodedParagraph], vectors: QuestionVectors, sparse: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        table = _NgramTable(vectors.sparse) if sparse and vectors.sparse is not None else None
        scores = np.full((len(vectors.start), len(stored)), -np.inf, np.float32)
        places = np.zeros((*scores.shape, 2), np.int32)
        for number, paragraph in enumerate(stored):
            added = (np.float32(0), np.float32(0)) if table is None else self._sparse(encoder, paragraph, table)
            _fill(encoder, paragraph, vectors, added, scores[:, number], places[:, number])
        return scores, places

    def _sparse(
        self, encoder: PhraseEncoder, paragraph: EncodedParagraph, table: _NgramTable
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the sparse scores of starts and ends, float32 [Q, rows] each."""
        scores = []
        rows = ((paragraph.start_sparse, paragraph.start_token), (paragraph.end_sparse, paragraph.end_token))
        for side, (queries, tokens) in enumerate(rows):
            if queries is None or paragraph.token_keys is None or encoder.sparse_scale is None:
                raise ValueError("The encoder has no sparse vectors.")
            weights = sparse_weights(queries, tokens, paragraph.token_keys, encoder.sparse_scale, side)
            asked = table.weights(paragraph.token_ids, side)
            scores.append((weights[0] @ asked[0] + weights[1] @ asked[1]).T)
        return scores[0], scores[1]


def _fill(
    encoder: PhraseEncoder,
    paragraph: EncodedParagraph,
    vectors: QuestionVectors,
    sparse: tuple[NDArray[np.float32] | np.float32, NDArray[np.float32] | np.float32],
    scores: NDArray[np.float32],
    places: NDArray[np.int32],
) -> None:
    """Write the best span of one paragraph for each question: scores [Q], places [Q, 2]."""
    size = encoder.config.vector_size
    first, stop = reach(paragraph, encoder.config.max_answer_tokens)
    if not len(first) or not (stop > first).any():
        return
    ends = first[:, None] + np.arange(int((stop - first).max()))
    reachable = ends < stop[:, None]
    ends[~reachable] = 0
    start_rows = encoder.start_quantiser.decode(paragraph.start_codes)
    end_rows = encoder.end_quantiser.decode(paragraph.end_codes)
    pairs = np.einsum("sr,swr->sw", start_rows[:, size:], end_rows[ends, size:])
    pairs[~reachable] = -np.inf
    start = vectors.start @ start_rows[:, :size].T + sparse[0]
    end = vectors.end @ end_rows[:, :size].T + sparse[1]
    spans = end[:, ends] + pairs
    width = spans.argmax(2)
    totals = start + np.take_along_axis(spans, width[..., None], 2)[..., 0]
    best = totals.argmax(1)
    every = np.arange(len(scores))
    scores[:] = totals[every, best]
    places[:, 0] = paragraph.start_char[best]
    places[:, 1] = paragraph.end_char[ends[best, width[every, best]]]


class _NgramTable:
    """The weights of all questions' n-grams: a table of unigrams and one of bigrams."""

    def __init__(self, questions: Sequence[QuestionNgrams]) -> None:
        self._tables = (
            _table([(item.unigrams.astype(np.int64), item.unigram_weights) for item in questions]),
            _table([(item.bigrams, item.bigram_weights) for item in questions]),
        )

    def weights(self, ids: NDArray[np.int32], side: int) -> list[NDArray[np.float32]]:
        """Return the weights of the unigrams and of the bigrams that begin at each token `ids` [T], float32 [T, Q]."""
        first = ids.astype(np.int64)
        found = []
        for names, (known, weights) in zip((first, first * PAIR + np.append(first[1:], 0)), self._tables, strict=True):
            place = np.searchsorted(known, names).clip(max=len(known) - 1)
            found.append(weights[side, np.where(known[place] == names, place, 0)])  # the first row is that of no n-gram
        return found


def _table(
    bags: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the names of all n-grams, ascending after a -1 for none, and their weights float32 [2, names, Q]."""
    known = np.unique(np.concatenate([np.array([-1]), *(names for names, _ in bags)]))
    weights = np.zeros((2, len(known), len(bags)), np.float32)
    for number, (names, values) in enumerate(bags):
        weights[:, np.searchsorted(known, names), number] = values
    return known, weights


def _bm25(paragraphs: Sequence[ParagraphInput], questions: Sequence[Question]) -> NDArray[np.float32]:
    """Return the BM25 of every paragraph for every question, float32 [Q, P], as an index computes it."""
    titles = {title: number for number, title in enumerate(dict.fromkeys(item.title for item in paragraphs))}
    rows = ((titles[item.title], item.title.replace("_", " "), item.text) for item in paragraphs)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "terms.h5"
        write_term_index(path, rows, Analyser())
        index = TermIndex.open(path)
        scores = [score_terms(index, index.analyser.terms(question.text)).paragraph for question in questions]
    return np.stack(scores)
