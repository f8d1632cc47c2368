"""Search of the passages of one index: by their terms, their vectors, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Passage
from densephrase.errors import SearchError
from densephrase.kernels.passages import RankedRows
from densephrase.retrieve.bm25 import TermRanking
from densephrase.retrieve.dense import VectorRanking
from densephrase.retrieve.fusion import FusionCandidates, best_first
from densephrase.retrieve.options import PassageKeywords, PassageOptions, PassageStrategy
from densephrase.retrieve.retriever import refuse_string
from densephrase.retrieve.rows import PassageRows
from densephrase.search.plan.threads import check_threads

EncodeQuestions = Callable[[Sequence[str]], NDArray[np.float32]]
_SEARCHED_TOGETHER = 64  # questions


class PassageSearcher:
    """Finds passages of an index; a `densephrase.retrieve.retriever.Retriever`.

    Holds no state of a search, so threads may share it if they may share the encoder.
    """

    def __init__(
        self,
        rows: PassageRows,
        encode_questions: EncodeQuestions | None = None,
        term_weight: float | None = None,
        threads: int | None = 1,
    ) -> None:
        """Join the rows of an index and the encoder that they were made with.

        encode_questions: gives float32 [questions, D]; None where there is none, and search is by terms alone.
        term_weight: what BM25 counts beside the encoder's scores, where a search does not say (None: not tuned).
        threads: how many search a batch of questions (None: all that numba has).

        Raises:
            SearchError: where the parts of the index don't fit, or there are not so many threads.
        """
        threads = check_threads(threads)
        self._rows, self._encode, self._term_weight = rows, encode_questions, term_weight
        self._terms = TermRanking(rows.terms, threads)
        self._vectors = None if rows.vectors is None else VectorRanking(rows.vectors, threads)

    def search(
        self, questions: Sequence[str], top_k: int = 10, **options: Unpack[PassageKeywords]
    ) -> list[list[Passage]]:
        """Return the best passages of each question, best first, equal scores in the order of the corpus.

        A question without terms that the index knows has no passages by BM25. `options` are those of `PassageOptions`.
        `parts` of a passage hold its score by each side that took part, "bm25" and "dense".

        Raises:
            SearchError: if an option is unknown or makes no sense, or needs vectors or an encoder that are not there,
                and for a string instead of a list.
            IndexFormatError: if the index is damaged where it is read.
        """
        refuse_string(questions)
        chosen = PassageOptions.of(top_k=top_k, **options)
        return [
            self._passages(text, found, chosen.explain)
            for batch in _batches(questions)
            for text, found in zip(batch, self._find(batch, chosen), strict=True)
        ]

    def candidates(self, questions: Sequence[str], options: PassageOptions) -> list[FusionCandidates]:
        """Return what both sides propose for each question, with the exact scores of both; weights are tuned on it.

        Raises:
            SearchError, IndexFormatError: as `search` does.
        """
        return [found for batch in _batches(questions) for found in self._candidates(batch, options)]

    def passage(self, row: int) -> Passage:
        """Return a paragraph of the index without a score."""
        return Passage(*self._rows.paragraph(row), score=0.0)

    def strategy(self, options: PassageOptions) -> PassageStrategy:
        """Return the strategy of a search with these options, which is never "auto"."""
        if options.strategy != "auto":
            return options.strategy
        return "bm25" if self._vectors is None or self._encode is None else "hybrid"

    def term_weight(self, options: PassageOptions) -> float | None:
        """Return what BM25 counts in a hybrid search with these options; None where ranks are fused.

        Raises:
            SearchError: if a sum of weighted scores is asked for, and no weight was given or tuned.
        """
        if options.fusion == "reciprocal-rank":
            return None
        weight = self._term_weight if options.term_weight is None else options.term_weight
        if weight is None and options.fusion == "weighted":
            raise SearchError(
                'No weight of terms was tuned for this index. Give term_weight, or choose the fusion "reciprocal-rank".'
            )
        return weight

    def _find(self, questions: Sequence[str], options: PassageOptions) -> list[_Found]:
        strategy = self.strategy(options)
        if strategy == "hybrid":
            return [self._fused(some, options) for some in self._candidates(questions, options)]
        if strategy == "bm25":
            ranked = self._terms.rank(self._terms.prepare(questions), options.top_k)
        else:
            vectors, encode = self._dense_side()
            ranked = vectors.rank(vectors.prepare(encode(questions)), options.top_k, options.probes)
        return [_Found(rows, scores, {strategy: scores}) for rows, scores in _rankings(ranked)]

    def _candidates(self, questions: Sequence[str], options: PassageOptions) -> Iterator[FusionCandidates]:
        vectors, encode = self._dense_side()
        asked, terms = vectors.prepare(encode(questions)), self._terms.prepare(questions)
        by_dense = vectors.rank(asked, options.proposed, options.probes)
        by_bm25 = self._terms.rank(terms, options.proposed)
        for question, ((dense, _), (bm25, _)) in enumerate(zip(_rankings(by_dense), _rankings(by_bm25), strict=True)):
            rows = np.union1d(dense, bm25)
            yield FusionCandidates(
                rows,
                dense=vectors.scores(asked, question, rows),
                bm25=self._terms.scores(terms, question, rows),
                by_dense=dense,
                by_bm25=bm25,
            )

    def _fused(self, candidates: FusionCandidates, options: PassageOptions) -> _Found:
        weight = self.term_weight(options)
        scores = candidates.reciprocal() if weight is None else candidates.weighted(weight)
        best = best_first(scores, options.top_k)
        parts = {"bm25": candidates.bm25[best], "dense": candidates.dense[best]}
        return _Found(candidates.rows[best], scores[best], parts)

    def _dense_side(self) -> tuple[VectorRanking, EncodeQuestions]:
        if self._vectors is None:
            raise SearchError(
                'The passage index holds no vectors. Search it with the strategy "bm25", or build it with an encoder.'
            )
        if self._encode is None:
            raise SearchError('There is no encoder for questions. Search with the strategy "bm25", or give one.')
        return self._vectors, self._encode

    def _passages(self, question: str, found: _Found, explain: bool) -> list[Passage]:
        return [
            Passage(
                *self._rows.paragraph(row),
                score=score,
                parts={name: float(values[place]) for name, values in found.parts.items()},
                term_matches=self._terms.explain(question, row) if explain else None,
            )
            for place, (row, score) in enumerate(zip(found.rows.tolist(), found.scores.tolist(), strict=True))
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The rows of one question, best first, with their scores and what these consist of, all [n]."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    parts: Mapping[str, NDArray[np.float64]]


def _rankings(ranked: RankedRows) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Yield the rows and scores of each question."""
    for rows, scores, count in zip(ranked.rows, ranked.scores, ranked.found.tolist(), strict=True):
        yield rows[:count], scores[:count].astype(np.float64)


def _batches(questions: Sequence[str]) -> Iterator[Sequence[str]]:
    return (questions[first : first + _SEARCHED_TOGETHER] for first in range(0, len(questions), _SEARCHED_TOGETHER))
