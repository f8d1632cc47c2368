"""Search of one index with one encoder."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from densephrase.confidence.model import SPANS, ConfidenceModel, missing_confidence
from densephrase.data import Answer
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionVectors
from densephrase.errors import SearchError
from densephrase.faiss_device import FaissDevice, cuda_number
from densephrase.index.index_reader import IndexReader
from densephrase.search.answers.answers import AnswerWriter
from densephrase.search.answers.explain import Explainer
from densephrase.search.find.candidates import CandidateFinder
from densephrase.search.find.faiss_lists import FaissLists
from densephrase.search.find.spans import Spans
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.threads import check_threads
from densephrase.search.prepare.tables import IndexTables
from densephrase.search.steps import SearchPlan, SearchSteps

if TYPE_CHECKING:
    from densephrase.encoder.question.question_encoder import QuestionEncoder

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")
_SEARCHED_TOGETHER = 32  # questions
_EXHAUSTIVE_TOGETHER = 1  # every start of the index is held for each
_GROWTH = 8  # each further look for answers takes this many times as many spans, or candidates
_CACHED_DOCUMENTS = 256


class Searcher:
    """Answers questions over a mapped index: candidates, full scores, best ends, groups.

    `steps` are those of a search up to its spans, for whoever wants to see or to vary one (`densephrase.search.trace`).
    Holds no state of a search, so threads may share it if they may share the encoder.
    """

    def __init__(
        self, reader: IndexReader, encoder: QuestionEncoder, threads: int | None = 1, device: str = "cpu"
    ) -> None:
        """Join an index and the encoder that it was built with.

        threads: how many search a batch of questions (None: all that numba has).
        device: where inverted lists are looked through; with a CUDA device, FAISS gets a copy of them there.

        Raises:
            SearchError: where index and encoder don't fit, or there are not so many threads.
            MissingExtraError: if the lists go to a CUDA device and the GPU build of FAISS is not installed.
            DeviceError: if there is no such CUDA device, or the lists do not fit into its memory.
        """
        _check_fit(reader, encoder.config)
        tables = IndexTables.of(reader, (encoder.start_quantiser, encoder.end_quantiser))
        finder = CandidateFinder(tables, _lists_on(device, reader, encoder))
        self.steps = SearchSteps(finder, encoder, check_threads(threads))
        self._reader, self._encoder = reader, encoder
        self._confidence = ConfidenceModel.of(encoder.config.confidence, "open")
        self._document = lru_cache(_CACHED_DOCUMENTS)(reader.document)

    def search(self, questions: Sequence[str], options: SearchOptions) -> list[list[Answer]]:
        """Return the answers to each question, best first.

        An empty question, or one of unknown words, has no terms: dense search still answers it, sparse-first search
        finds nothing. Equal scores come in the order of the corpus.

        Raises:
            SearchError: if an excluded document does not exist, or a confidence is asked for and none was fitted.
        """
        plan = self.plan(options)
        together = _EXHAUSTIVE_TOGETHER if options.exhaustive else _SEARCHED_TOGETHER
        batches = [questions[first : first + together] for first in range(0, len(questions), together)]

        def find(batch: Sequence[str]) -> tuple[QuestionVectors, list[Spans]]:
            vectors = self.steps.encode(batch)
            return vectors, self.spans(batch, vectors, plan, spans_wanted(options))

        answers = []
        for batch, (vectors, found) in zip(batches, _ahead(find, batches), strict=True):
            answers += self.answer(batch, vectors, plan, found)
        return answers

    def plan(self, options: SearchOptions) -> SearchPlan:
        """Return what a search with these options does; raises SearchError as `search` does."""
        if options.min_confidence is not None and self._confidence is None:
            raise missing_confidence("open")
        return self.steps.plan(options)

    def warm_up(self) -> None:
        """Compile the kernels and bring the scanned rows into memory, so that the first question is not slow."""
        nothing = np.zeros((1, self._encoder.config.vector_size), np.float32)
        self.spans([""], QuestionVectors(nothing, nothing), self.plan(SearchOptions()), 1)

    def spans(self, texts: Sequence[str], vectors: QuestionVectors, plan: SearchPlan, wanted: int) -> list[Spans]:
        """Return the best spans of each question, at most `wanted`, one for each start; `vectors` are theirs."""
        batch = self.steps.prepare(texts, vectors, plan)
        starts, paragraphs = self.steps.starts(batch, vectors, plan), self.steps.paragraphs(batch, plan)
        return self.steps.score(batch, starts, paragraphs, plan, wanted)

    def answer(
        self, texts: Sequence[str], vectors: QuestionVectors, plan: SearchPlan, spans: Sequence[Spans]
    ) -> list[list[Answer]]:
        """Return the answers to each question, whose best spans are given; looks for more where answers are missing."""
        return [
            self._answer(text, vectors.part(slice(row, row + 1)), plan, found)
            for row, (text, found) in enumerate(zip(texts, spans, strict=True))
        ]

    def _explainer(self, text: str, vectors: QuestionVectors, plan: SearchPlan, spans: Spans) -> Explainer:
        """Return what explains the spans of one question; `vectors` are its own."""
        return Explainer(
            reader=self._reader,
            tokenizer=self._encoder.tokeniser.tokenizer,
            document=self._document,
            spans=spans,
            terms=self._reader.terms.analyser.terms(text),
            scoring=plan.scoring,
            ngrams=vectors.sparse[0] if plan.options.sparc and vectors.sparse is not None else None,
            scale=self._encoder.sparse_scale,
        )

    def _writer(self, text: str, vectors: QuestionVectors, plan: SearchPlan, spans: Spans) -> AnswerWriter:
        """Return what turns the spans of one question into answers."""
        explain = self._explainer(text, vectors, plan, spans).explain if plan.options.explain else None
        return AnswerWriter(spans, plan.options.unit, self._document, self.steps.finder.tables.paragraph_texts, explain)

    def _enough(self, text: str, vectors: QuestionVectors, plan: SearchPlan, spans: Spans) -> AnswerWriter:
        """Return what turns spans into answers; looks for more spans, then for more candidates, while some are missing.

        Ends where there are enough, or no more to be found.
        """
        options, growth, most = plan.options, 1, self._most_answers(plan)
        writer = self._writer(text, vectors, plan, spans)
        while True:
            has_more = writer.is_short(options, self._confidence is not None)
            if not has_more and (writer.count(options) >= most or not self._can_grow(plan, growth)):
                return writer
            if not has_more:
                growth *= _GROWTH
            before, wanted = writer.spans.candidates, max(SPANS, _GROWTH * len(writer.spans))
            [spans] = self.spans([text], vectors, self.steps.plan(options, plan.excluded, growth), wanted)
            if not has_more and spans.candidates <= before:
                return writer
            writer = self._writer(text, vectors, plan, spans)

    def _can_grow(self, plan: SearchPlan, growth: int) -> bool:
        """Tell whether a look for more than `growth` times the candidates could find some that this one does not."""
        bases = self._reader.bases
        now, then = (self.steps.plan(plan.options, plan.excluded, times).effort for times in (growth, _GROWTH * growth))
        return now != then and (0 < now.starts < bases.starts[-1] or 0 < now.paragraphs < bases.paragraphs[-1])

    def _most_answers(self, plan: SearchPlan) -> int:
        """Return how many answers there can be of those that are asked for."""
        bases, left_out, options = self._reader.bases, plan.excluded.paragraphs, plan.options
        if options.unit == "document":
            return min(options.top_k, int(bases.documents[-1]) - len(left_out))
        if options.unit == "paragraph":
            return min(options.top_k, int(bases.paragraphs[-1] - (left_out[:, 1] - left_out[:, 0]).sum()))
        return options.top_k

    def _answer(self, text: str, vectors: QuestionVectors, plan: SearchPlan, spans: Spans) -> list[Answer]:
        """Return the answers to one question; `vectors` and `spans` are its own."""
        options, writer = plan.options, self._enough(text, vectors, plan, spans)
        answers = writer.answers(options)
        if self._confidence is None:
            return answers
        confidences = writer.confidences(text, options, self._confidence)
        return [
            Answer(answer.evidence, confidence)
            for answer, confidence in zip(answers, confidences, strict=True)
            if confidence >= (options.min_confidence or 0.0)
        ]


def spans_wanted(options: SearchOptions) -> int:
    """Return how many spans of a question a search collects at its first look: enough for evidence and confidence."""
    return max(options.evidence_spans, SPANS)


def _lists_on(device: str, reader: IndexReader, encoder: QuestionEncoder) -> FaissLists | None:
    """Return the index's lists on a CUDA device; None for another device, and for an index without lists of 8 bits.

    An index without lists is small, 400,000 starts unless its build was told otherwise: the processor scans it in about
    6 ms for a question alone and faster for many, and misses nothing. It also looks up product-quantised rows, in lists
    whose tables for all questions would have to go to the device.
    """
    if reader.lists is None or reader.products is not None or cuda_number(device) is None:
        return None
    faiss = FaissDevice.open(device, "Searching inverted lists")
    return FaissLists(faiss, reader.lists, encoder.start_quantiser)


def _ahead(find: Callable[[_Item], _Found], items: Sequence[_Item]) -> Iterator[_Found]:
    """Yield what is found for each item; where there are several, the next is looked for in another thread meanwhile.

    Kernels and encoder need no interpreter, making answers does.
    """
    if len(items) < 2:
        yield from map(find, items)
        return
    with ThreadPoolExecutor(1) as worker:
        waiting = deque([worker.submit(find, items[0])])
        for item in items[1:]:
            waiting.append(worker.submit(find, item))
            yield waiting.popleft().result()
        yield waiting.popleft().result()


def _check_fit(reader: IndexReader, made: EncoderConfig) -> None:
    """Raise SearchError where an index and an encoder don't belong together."""
    stored = reader.manifest.quantisation
    if (stored.vector_size, stored.coherency_rank) != (made.vector_size, made.coherency_rank):
        raise SearchError(
            f"The index {reader.path} holds rows of {stored.vector_size} + {stored.coherency_rank} dimensions, "
            f"the encoder makes {made.vector_size} + {made.coherency_rank}; search with the encoder of the index."
        )
    if stored.sparse_rank != made.sparse_rank:
        raise SearchError(
            f"The index {reader.path} holds sparse vectors of rank {stored.sparse_rank} (0: none), the encoder "
            f"makes some of rank {made.sparse_rank}; search with the encoder of the index."
        )
