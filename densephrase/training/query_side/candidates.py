"""Positive and negative spans of query-side fine-tuning: what search puts first, with stored vectors and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Question
from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import TrainingError
from densephrase.index.format.shard_format import Side
from densephrase.index.index_reader import IndexReader
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import sparse_scores
from densephrase.metrics import exact_match
from densephrase.search.find.spans import Spans
from densephrase.search.plan.options import SearchOptions
from densephrase.search.prepare.sparse_question import fold_ngrams
from densephrase.search.searcher import Searcher
from densephrase.training.query_side.labels import RightSpans
from densephrase.training.query_side.questions import FrozenQuestion

_CACHED_TEXTS = 256


@dataclass(frozen=True, slots=True)
class Candidates:
    """Some starts of an index with all their ends: P spans of S starts and E ends.

    Vectors are the stored ones, quantised, so that tuning makes up for what that costs. `constant` is what a span's
    score has beside the products of these vectors with the question's: coherency, sparse vectors and terms.
    """

    start: NDArray[np.float32]  # [S, vector_size]
    end: NDArray[np.float32]  # [E, vector_size]
    span_start: NDArray[np.int64]  # [P] row of `start`
    span_end: NDArray[np.int64]  # [P] row of `end`
    constant: NDArray[np.float32]  # [P]
    right: NDArray[np.bool_]  # [P]


@dataclass(frozen=True, slots=True)
class _ShardSpans:
    """Spans of one shard by their rows in it, and the spans of search that they share the start with, [P] each."""

    shard: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    found: NDArray[np.int64]


class TuningSearcher:
    """Searches an index as `ask` does and hands the best spans back as vectors and labels."""

    def __init__(
        self,
        reader: IndexReader,
        encoder: PhraseEncoder,
        candidates: int,
        right: RightSpans,
        excluded: Sequence[str] = (),
    ) -> None:
        """Search with `encoder`, for so many candidates, none of which stands in an `excluded` document (ids)."""
        if reader.codebooks is not None:
            raise TrainingError(
                f"{reader.path} is a compact index; questions are tuned on the rows of 8 bits that an index of the "
                "default profile holds. Build one, tune on it, and search the compact index with the tuned encoder."
            )
        self._reader, self._encoder, self._candidates, self._right = reader, encoder, candidates, right
        self._searcher = Searcher(reader, encoder)
        self._plan = self._searcher.plan(SearchOptions(exclude_documents=tuple(excluded)))
        self._longest = self._plan.scoring.max_answer_tokens
        self._text = lru_cache(_CACHED_TEXTS)(lambda row: reader.document(row).text)

    def answers_right(self, question: Question, vectors: QuestionVectors) -> bool:
        """Tell whether the best span of a question with these vectors (of one question) matches a reference."""
        spans = self._spans(question, vectors, 1)
        if not len(spans):
            return False
        text = self._text(int(spans.document[0]))[spans.start[0] : spans.end[0]]
        return exact_match(text, question.answers)

    def find(self, question: FrozenQuestion, vectors: QuestionVectors) -> Candidates | None:
        """Return the spans of the best starts; None where no span is right."""
        spans = self._spans(question.question, vectors, self._candidates)
        if not len(spans):
            return None
        chosen = np.argsort(spans.start_row)
        pieces = [
            piece for number in range(len(self._reader.shards)) for piece in self._with_ends(number, spans, chosen)
        ]
        right = [self._labels(question.question, spans, piece) for piece in pieces]
        if not any(labels.any() for labels in right):
            return None
        return self._join(question.ngrams, spans, pieces, np.concatenate(right))

    def _spans(self, question: Question, vectors: QuestionVectors, wanted: int) -> Spans:
        [spans] = self._searcher.spans([question.text], vectors, self._plan, wanted)
        return spans

    def _with_ends(self, number: int, spans: Spans, chosen: NDArray[np.int64]) -> Sequence[_ShardSpans]:
        """Return all spans of the chosen starts that lie in a shard, as one piece or none."""
        shard, bases = self._reader.shards[number], self._reader.bases
        rows = spans.start_row[chosen] - bases.starts[number]
        mine = (rows >= 0) & (rows < shard.counts.starts)
        starts, found = rows[mine], chosen[mine]
        if not starts.size:
            return []
        ends = []
        paragraphs = spans.paragraph[found] - bases.paragraphs[number]
        for paragraph, token in zip(paragraphs.tolist(), shard.start_token[starts].tolist(), strict=True):
            first, last = shard.paragraph_end_ptr[paragraph : paragraph + 2].tolist()
            reach = np.searchsorted(shard.end_token[first:last], [token, token + self._longest])
            ends.append(np.arange(first + reach[0], first + reach[1]))
        sizes = [len(rows) for rows in ends]
        return [_ShardSpans(number, np.repeat(starts, sizes), np.concatenate(ends), np.repeat(found, sizes))]

    def _labels(self, question: Question, spans: Spans, piece: _ShardSpans) -> NDArray[np.bool_]:
        starts = spans.start[piece.found]
        ends = spans.paragraph_start[piece.found] + self._reader.shards[piece.shard].end_char[piece.ends]
        documents = spans.document[piece.found]
        return self._right.labels(question, documents, starts, ends, self._text)

    def _join(
        self, ngrams: QuestionNgrams | None, spans: Spans, pieces: Sequence[_ShardSpans], right: NDArray[np.bool_]
    ) -> Candidates:
        size = self._encoder.config.vector_size
        starts, span_start = self._rows(pieces, "start")
        ends, span_end = self._rows(pieces, "end")
        coherency = np.einsum("pr,pr->p", starts[span_start, size:], ends[span_end, size:])
        found = np.concatenate([piece.found for piece in pieces])
        fixed = (spans.part("sparc_start") + spans.part("paragraph_terms") + spans.part("document_terms"))[found]
        constant = coherency + fixed + np.concatenate([self._sparse_ends(ngrams, spans, piece) for piece in pieces])
        return Candidates(starts[:, :size], ends[:, :size], span_start, span_end, constant.astype(np.float32), right)

    def _rows(self, pieces: Sequence[_ShardSpans], side: Side) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the rows of all pieces on one side, each once, and which of them each span has."""
        quantiser = self._encoder.start_quantiser if side == "start" else self._encoder.end_quantiser
        rows, members, known = [], [], 0
        for piece in pieces:
            mine, places = np.unique(piece.starts if side == "start" else piece.ends, return_inverse=True)
            shard = self._reader.shards[piece.shard]
            rows.append(quantiser.decode((shard.start_codes if side == "start" else shard.end_codes)[mine]))
            members.append(places + known)
            known += len(mine)
        return np.concatenate(rows), np.concatenate(members)

    def _sparse_ends(self, ngrams: QuestionNgrams | None, spans: Spans, piece: _ShardSpans) -> NDArray[np.float64]:
        """Return the sparse score of each span's end."""
        if ngrams is None or self._encoder.sparse_scale is None:
            return np.zeros(piece.ends.size)
        shard, bases = self._reader.shards[piece.shard], self._reader.bases
        ends, first, inverse = np.unique(piece.ends, return_index=True, return_inverse=True)
        paragraphs = (spans.paragraph[piece.found] - bases.paragraphs[piece.shard])[first]
        _, question = fold_ngrams(ngrams, self._encoder.sparse_scale)
        scores = np.zeros(ends.size)
        rows = shard.sparse("end")
        sparse_scores(ends, paragraphs, Places.of(shard.end_token), rows, question, scores)
        return scores[inverse]
