"""The data model: documents go in, questions are asked, answers come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import reduce
from operator import add, attrgetter
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Document:
    """A text with a stable id. All offsets of this library are code points of `text`.

    Its hash leaves the metadata out, which may hold lists and objects.
    """

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def passage(self, start: int, end: int) -> str:
        """Return `text[start:end]`."""
        return self.text[start:end]

    def to_dict(self) -> dict[str, Any]:
        """Return what a JSON client needs to cite the document: all but its text."""
        return {"id": self.id, "title": self.title, "metadata": dict(self.metadata)}


@dataclass(frozen=True, slots=True)
class Paragraph:
    """The slice `text[start:end]` of a document, without surrounding white space and never empty."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its reference answers and, where known, the paragraph they were marked in.

    `answer_starts[i]` is the offset of `answers[i]` in `context`, or without one in the document named `document`,
    -1 where it is not known. With `is_pattern` the answers are regular expressions (CuratedTREC).
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    answer_starts: tuple[int, ...] = ()
    title: str = ""
    context: str | None = None
    document: str = ""
    is_pattern: bool = False


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """The terms of the score that add up to it (design of the score: DenSPI, section 3; Sparc, section 3).

    `sparc_start` and `sparc_end` are those of contextualised sparse vectors, 0 where there are none.
    """

    dense_start: float
    dense_end: float
    coherency: float
    paragraph_terms: float
    document_terms: float
    sparc_start: float = 0.0
    sparc_end: float = 0.0

    @property
    def total(self) -> float:
        """The sum of all parts, added up in their order (`sum` would round otherwise)."""
        return reduce(add, _values(self))


SCORE_PARTS = tuple(part.name for part in fields(ScoreParts))  # in the order in which they are added up
_values: Callable[[ScoreParts], tuple[float, ...]] = attrgetter(*SCORE_PARTS)


@dataclass(frozen=True, slots=True)
class SparseMatch:
    """An n-gram that a phrase's contextualised sparse vector shares with the question's (Sparc, section 3.2).

    It stands at `document.text[start:end]` and belongs to the vector of the phrase's start or end; `order` is 1 for a
    unigram, 2 for a bigram of word pieces. Contributions, products of both weights, add up to `sparc_start` and
    `sparc_end`.
    """

    ngram: str
    side: Literal["start", "end"]
    order: int
    start: int
    end: int
    text_weight: float
    question_weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class TermMatch:
    """A term of the question, as the index's analyser makes it, that a phrase's paragraph or document holds.

    `paragraph` and `document` are what it adds to `paragraph_terms` and `document_terms`.
    """

    term: str
    paragraph: float
    document: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place that says an answer: `document.text[start:end]`, of paragraph `[paragraph_start, paragraph_end)`.

    Where the search was asked to explain, `sparse_matches` and `term_matches` say what it shares with the question,
    strongest first; otherwise they are None.
    """

    document: Document
    start: int
    end: int
    paragraph_start: int
    paragraph_end: int
    score: float
    parts: ScoreParts
    sparse_matches: tuple[SparseMatch, ...] | None = None
    term_matches: tuple[TermMatch, ...] | None = None

    @property
    def text(self) -> str:
        """The exact phrase."""
        return self.document.passage(self.start, self.end)

    @property
    def context(self) -> str:
        """The paragraph around the phrase."""
        return self.document.passage(self.paragraph_start, self.paragraph_end)

    def to_dict(self) -> dict[str, Any]:
        """Return what a JSON client needs to cite and check the phrase; the matches only where it is explained."""
        matches = {"sparse_matches": self.sparse_matches, "term_matches": self.term_matches}
        return {
            "text": self.text,
            "score": self.score,
            "parts": asdict(self.parts),
            "document": self.document.to_dict(),
            "start": self.start,
            "end": self.end,
            "context": self.context,
            "context_start": self.paragraph_start,
            **{name: list(map(asdict, found)) for name, found in matches.items() if found is not None},
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A group of phrases that say the same, best first; the answer speaks for its best member.

    `densephrase.metrics.answer_name` tells which do. `evidence` is never empty; a search makes what follows the first
    piece only when it is looked at. `confidence` is the probability that the best member is right, None where the
    encoder has none fitted.
    """

    evidence: Sequence[Evidence]
    confidence: float | None = None

    @property
    def text(self) -> str:
        """The best member's exact phrase."""
        return self.evidence[0].text

    @property
    def score(self) -> float:
        """The best member's score."""
        return self.evidence[0].score

    @property
    def parts(self) -> ScoreParts:
        """The best member's score, term by term."""
        return self.evidence[0].parts

    @property
    def document(self) -> Document:
        """The best member's document."""
        return self.evidence[0].document

    @property
    def start(self) -> int:
        """Offset of the first character in `document.text`."""
        return self.evidence[0].start

    @property
    def end(self) -> int:
        """Offset after the last character in `document.text`."""
        return self.evidence[0].end

    @property
    def context(self) -> str:
        """The paragraph around the phrase."""
        return self.evidence[0].context

    @property
    def sparse_matches(self) -> tuple[SparseMatch, ...] | None:
        """The n-grams that the best member shares with the question, None where the search was not to explain."""
        return self.evidence[0].sparse_matches

    @property
    def term_matches(self) -> tuple[TermMatch, ...] | None:
        """The terms that the best member shares with the question, None where the search was not to explain."""
        return self.evidence[0].term_matches

    def to_dict(self) -> dict[str, Any]:
        """Return the best member's fields and, under `evidence`, every member's."""
        return {
            **self.evidence[0].to_dict(),
            "confidence": self.confidence,
            "evidence": [evidence.to_dict() for evidence in self.evidence],
        }

    def __repr__(self) -> str:
        return f"Answer({self.text!r}, score={self.score:.3f}, document={self.document.id!r}[{self.start}:{self.end}])"


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph that a retriever found: `document.text[start:end]`, cited like a phrase.

    `parts` says what each retriever that took part gave it, by its name ("bm25", "dense", "phrase"). Where the search
    was asked to explain, `term_matches` says which terms it shares with the question, strongest first; otherwise it is
    None.
    """

    document: Document
    start: int
    end: int
    score: float
    parts: Mapping[str, float] = field(default_factory=dict, hash=False)
    term_matches: tuple[TermMatch, ...] | None = None

    @property
    def id(self) -> str:
        """The document's id and the offsets: the same for the same paragraph of any index of the corpus."""
        return f"{self.document.id}:{self.start}-{self.end}"

    @property
    def text(self) -> str:
        """The paragraph."""
        return self.document.passage(self.start, self.end)

    def to_dict(self) -> dict[str, Any]:
        """Return what a JSON client needs to cite and check the passage; the matches only where it is explained."""
        return {
            "id": self.id,
            "text": self.text,
            "score": self.score,
            "parts": dict(self.parts),
            "document": self.document.to_dict(),
            "start": self.start,
            "end": self.end,
            **({} if self.term_matches is None else {"term_matches": list(map(asdict, self.term_matches))}),
        }
