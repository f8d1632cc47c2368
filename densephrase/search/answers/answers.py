"""Answers from spans: which spans belong together, and the text that they cite."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from densephrase.confidence.model import RIVALS, SPANS, Candidate, ConfidenceModel, Rival
from densephrase.corpus.cutting.sentences import sentence_around
from densephrase.data import Answer, Document, Evidence, ScoreParts
from densephrase.metrics import answer_name
from densephrase.search.answers.evidence_list import EvidenceList
from densephrase.search.answers.explain import Explanation
from densephrase.search.answers.grouping import distinct, group_spans
from densephrase.search.answers.paired_marks import has_mark
from densephrase.search.answers.phrase_borders import phrase_borders
from densephrase.search.find.spans import Spans
from densephrase.search.plan.options import SearchOptions, Unit


@dataclass(frozen=True)
class AnswerWriter:
    """Turns the spans of one search into answers of one unit.

    `document` and `paragraph_texts` return a document and paragraphs' texts by their global rows, `explain` what the
    span of a row shares with the question.
    """

    spans: Spans
    unit: Unit
    document: Callable[[int], Document]
    paragraph_texts: Callable[[Sequence[int]], list[str]]
    explain: Callable[[int], Explanation] | None = None

    def answers(self, options: SearchOptions) -> list[Answer]:
        """Return at most `options.top_k` answers, best first, each with its evidence, best first."""
        return [Answer(EvidenceList(group, self._evidence)) for group in self._groups(options)]

    def confidences(self, question: str, options: SearchOptions, model: ConfidenceModel) -> list[float]:
        """Return the confidence in each of `answers`."""
        scores, documents = self._column("score"), self._column("document")
        phrases, names = self._cited[0], self._names
        rivals = [
            Rival(names[group[0]], tuple(scores[row] for row in group), documents[group[0]]) for group in self._rivals
        ]
        candidates = [
            Candidate(phrases[row], names[row], self._parts(row), documents[row]) for row, *_ in self._groups(options)
        ]
        return model.judge(question, candidates, rivals)

    def is_short(self, options: SearchOptions, has_confidence: bool) -> bool:
        """Tell whether more spans would give more answers, or more rivals to compare them with."""
        if len(self.spans) == self.spans.candidates:
            return False
        return self.count(options) < options.top_k or (has_confidence and len(self._rivals) < RIVALS)

    def count(self, options: SearchOptions) -> int:
        """Return how many answers there are."""
        return len(self._groups(options))

    @cached_property
    def _rivals(self) -> list[list[int]]:
        """The best phrases as confidence compares them, which is the same whatever unit and options are."""
        return group_spans(self._rows, self._names.__getitem__, RIVALS, SPANS)

    def _groups(self, options: SearchOptions) -> list[list[int]]:
        if self.unit == "phrase" and options.evidence_spans == SPANS and options.top_k <= RIVALS:
            return self._rivals[: options.top_k]
        return group_spans(self._rows, self._key(), options.top_k, options.evidence_spans)

    def _key(self) -> Callable[[int], Hashable]:
        """Return the function that names the group of a span."""
        if self.unit == "phrase":
            return self._names.__getitem__
        if self.unit == "sentence":
            documents = self._column("document")
            return lambda row: (documents[row], self._context(row)[0])
        return self._column("paragraph" if self.unit == "paragraph" else "document").__getitem__

    @cached_property
    def _columns(self) -> dict[str, list[Any]]:
        return {}

    def _column(self, name: str) -> list[Any]:
        """Return a column of the spans as plain numbers: one by one, those of an array cost more to take out."""
        if name not in self._columns:
            self._columns[name] = getattr(self.spans, name).tolist()
        return self._columns[name]

    @cached_property
    def _parts(self) -> Callable[[int], ScoreParts]:
        """The parts of a span's score, made once: evidence and confidence look at those of the same spans."""
        return cache(self.spans.score_parts)

    @cached_property
    def _paragraphs(self) -> dict[int, str]:
        """The texts of all paragraphs in which spans stand."""
        rows = list(dict.fromkeys(self._column("paragraph")))
        return dict(zip(rows, self.paragraph_texts(rows), strict=True))

    @cached_property
    def _cited(self) -> tuple[list[str], list[int], list[int]]:
        """The phrase of each span, and where it begins and ends in its document."""
        texts, phrases = self._paragraphs, []
        starts, ends = [*self._column("start")], [*self._column("end")]
        columns = zip(self._column("paragraph"), self._column("paragraph_start"), starts, ends, strict=True)
        for row, (paragraph, origin, first, last) in enumerate(columns):
            text, start, end = texts[paragraph], first - origin, last - origin
            # Few borders move, and only these; to ask about each of them would take longer than all else.
            ends_whole = text.isascii() or (text[start : start + 1] + text[end : end + 1]).isascii()
            if not ends_whole or has_mark(text, start, end):
                start, end = phrase_borders(text, start, end)
                starts[row], ends[row] = origin + start, origin + end
            phrases.append(text[start:end])
        return phrases, starts, ends

    @cached_property
    def _rows(self) -> Sequence[int]:
        """The spans, best first, less those whose phrase is that of a better one; each has a start of its own."""
        _, starts, ends = self._cited
        rows = range(len(starts))
        if starts == self._column("start"):
            return rows
        return list(distinct(rows, list(zip(self._column("document"), starts, ends, strict=True)).__getitem__))

    @cached_property
    def _names(self) -> list[str]:
        """What phrases that count as the same answer share, of each span."""
        phrases = self._cited[0]
        names = {phrase: answer_name(phrase) for phrase in set(phrases)}
        return [names[phrase] for phrase in phrases]

    def _context(self, row: int) -> tuple[int, int]:
        """Return the bounds of what is shown around a span: its sentence, paragraph or document."""
        first, last = self._column("paragraph_start")[row], self._column("paragraph_end")[row]
        if self.unit in ("phrase", "paragraph"):
            return first, last
        if self.unit == "document":
            return 0, len(self._document(row).text)
        _, starts, ends = self._cited
        paragraph = self._paragraphs[self._column("paragraph")[row]]
        sentence = sentence_around(paragraph, starts[row] - first, ends[row] - first)
        return first + sentence[0], first + sentence[1]

    def _document(self, row: int) -> Document:
        return self.document(self._column("document")[row])

    def _evidence(self, row: int) -> Evidence:
        first, last = self._context(row)
        _, starts, ends = self._cited
        explanation = None if self.explain is None else self.explain(row)
        return Evidence(
            document=self._document(row),
            start=starts[row],
            end=ends[row],
            paragraph_start=first,
            paragraph_end=last,
            score=self._column("score")[row],
            parts=self._parts(row),
            sparse_matches=None if explanation is None else explanation.sparse,
            term_matches=None if explanation is None else explanation.terms,
        )
