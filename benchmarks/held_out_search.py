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

from densephrase.data import Question
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, QuestionVectors, SparseRows
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.sparse_rows import PAIR
from densephrase.metrics import exact_match_and_f1
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import TermIndex, write_term_index


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
        self.entries = sum(
            len(rows.entries) for item in stored for rows in (item.start_sparse, item.end_sparse) if rows is not None
        )
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

    @staticmethod
    def _best_spans(
        encoder: PhraseEncoder, stored: Sequence[EncodedParagraph], vectors: QuestionVectors, sparse: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        table = _SparseTable(vectors.sparse) if sparse and vectors.sparse is not None else None
        scores = np.full((len(vectors.start), len(stored)), -np.inf, np.float32)
        places = np.zeros((*scores.shape, 2), np.int32)
        for number, paragraph in enumerate(stored):
            _fill(encoder, paragraph, vectors, table, scores[:, number], places[:, number])
        return scores, places


def _fill(
    encoder: PhraseEncoder,
    paragraph: EncodedParagraph,
    vectors: QuestionVectors,
    table: _SparseTable | None,
    scores: NDArray[np.float32],
    places: NDArray[np.int32],
) -> None:
    """Write the best span of one paragraph for each question: scores [Q], places [Q, 2]."""
    size = encoder.config.vector_size
    first = np.searchsorted(paragraph.end_token, paragraph.start_token)
    stop = np.searchsorted(paragraph.end_token, paragraph.start_token + np.int32(encoder.config.max_answer_tokens))
    if not len(first) or not (stop > first).any():
        return
    ends = first[:, None] + np.arange(int((stop - first).max()))
    reachable = ends < stop[:, None]
    ends[~reachable] = 0
    start_rows = encoder.start_quantiser.decode(paragraph.start_codes)
    end_rows = encoder.end_quantiser.decode(paragraph.end_codes)
    pairs = np.einsum("sr,swr->sw", start_rows[:, size:], end_rows[ends, size:])
    pairs[~reachable] = -np.inf
    start, end = vectors.start @ start_rows[:, :size].T, vectors.end @ end_rows[:, :size].T
    if table is not None and paragraph.start_sparse and paragraph.end_sparse and encoder.sparse_scale is not None:
        ids, scale = paragraph.token_ids, encoder.sparse_scale
        start += table.scores(paragraph.start_sparse, paragraph.start_token, ids, scale[:2], 0)
        end += table.scores(paragraph.end_sparse, paragraph.end_token, ids, scale[2:], 1)
    spans = end[:, ends] + pairs
    width = spans.argmax(2)
    totals = start + np.take_along_axis(spans, width[..., None], 2)[..., 0]
    best = totals.argmax(1)
    every = np.arange(len(scores))
    scores[:] = totals[every, best]
    places[:, 0] = paragraph.start_char[best]
    places[:, 1] = paragraph.end_char[ends[best, width[every, best]]]


class _SparseTable:
    """The weights of all questions' n-grams as two matrices, float32 [2 sides, n-grams + 1, Q]."""

    def __init__(self, questions: Sequence[QuestionNgrams]) -> None:
        self._known, self._weights = zip(
            _table([(item.unigrams.astype(np.int64), item.unigram_weights) for item in questions]),
            _table([(item.bigrams, item.bigram_weights) for item in questions]),
            strict=True,
        )

    def scores(
        self,
        rows: SparseRows,
        tokens: NDArray[np.int32],
        ids: NDArray[np.int32],
        scale: NDArray[np.float32],
        side: int,
    ) -> NDArray[np.float32]:
        """Return float32 [Q, rows]."""
        row = np.repeat(np.arange(len(tokens)), np.diff(rows.pointers))
        place, order = tokens[row] + (rows.entries >> 1), rows.entries & 1
        first = ids[place].astype(np.int64)
        names = (first, first * PAIR + ids[np.minimum(place + 1, len(ids) - 1)])
        total = np.zeros((len(tokens), self._weights[0].shape[2]), np.float32)
        for which in (0, 1):
            column = np.searchsorted(self._known[which], names[which]).clip(max=len(self._known[which]) - 1)
            mine = np.flatnonzero((order == which) & (self._known[which][column] == names[which]))
            values = (rows.weights[mine] * scale[which]).astype(np.float32)
            np.add.at(total, row[mine], values[:, None] * self._weights[which][side, column[mine]])
        return total.T


def _table(
    bags: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
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
        scores = [index.score(index.analyser.terms(question.text)).paragraph.copy() for question in questions]
    return np.stack(scores)
