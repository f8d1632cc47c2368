"""Options of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, Self, TypedDict

from densephrase.errors import SearchError
from densephrase.option_checks import as_float, check_choices, check_count, check_weight, unknown_option
from densephrase.search.plan.strategies import Strategy

Unit = Literal["phrase", "sentence", "paragraph", "document"]

_COUNTS = ("top_k", "evidence_spans")
_DEFAULTED_COUNTS = ("dense_candidates", "paragraph_candidates", "probes", "max_answer_tokens")
_WEIGHTS = ("paragraph_weight", "document_weight")


class SearchKeywords(TypedDict, total=False):
    """The options of a search that `PhraseIndex.search` has no parameter for, as editors and mypy know them."""

    dense_candidates: int | None
    paragraph_candidates: int | None
    probes: int | None
    evidence_spans: int
    max_answer_tokens: int | None
    paragraph_weight: float | None
    document_weight: float | None
    exhaustive: bool
    sparc: bool
    explain: bool
    exclude_documents: Sequence[str]
    min_confidence: float | None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Options of a search; SearchError names the field, what was found and what is expected.

    strategy: "dense-first" rescores the starts with the largest dot products, "sparse-first" all starts of the
        paragraphs with the best term scores, "hybrid" the union (Sparc, section 4; all score phrases alike).
    unit: what counts as one answer: phrases that say the same, or a sentence, paragraph or document, which then answers
        with its best phrase.
    top_k: answers to return; fewer come back when there are fewer. Where candidates are too few, more are looked for.
        Any count may be larger than what there is.
    dense_candidates: starts that the dense side proposes, never more (None: by strategy, see
        `densephrase.search.plan.effort`, and more where answers are missing).
    paragraph_candidates: paragraphs that the sparse side proposes, never more (None: likewise).
    probes: inverted lists that the dense side looks into, where the index has lists (None: likewise).
    evidence_spans: phrases, best first, among which the evidence of the answers is collected; more are looked at
        only while answers are missing, for those alone.
    max_answer_tokens: longest phrase in word pieces (None: the encoder's limit).
    paragraph_weight, document_weight: factors of the BM25 scores of a phrase's paragraph and document, at least 0
        (None: the encoder's tuned weights). With both 0, dense-first search uses no terms at all.
    exhaustive: let every side propose everything it can: slow, and exact.
    sparc: count contextualised sparse vectors, where the encoder makes them (Sparc, section 3).
    explain: say of each piece of evidence which n-grams and terms it shares with the question.
    exclude_documents: ids of documents whose phrases are no candidates.
    min_confidence: leave out answers whose confidence is smaller, so that even none may come back (None: leave out
        none); the encoder must have a fitted confidence, which holds for hybrid search with its own weights.
    """

    strategy: Strategy = "hybrid"
    unit: Unit = "phrase"
    top_k: int = 10
    dense_candidates: int | None = None
    paragraph_candidates: int | None = None
    probes: int | None = None
    evidence_spans: int = 50
    max_answer_tokens: int | None = None
    paragraph_weight: float | None = None
    document_weight: float | None = None
    exhaustive: bool = False
    sparc: bool = True
    explain: bool = False
    exclude_documents: Sequence[str] = ()
    min_confidence: float | None = None

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Return the options of these names; SearchError for a name that there is not."""
        if unknown := unknown_option(cls, given):
            raise SearchError(f"There is no search option {unknown[0]!r}; there are {unknown[1]}.")
        return cls(**given)

    def __post_init__(self) -> None:
        check_choices(self, _wrong)
        for name in (*_COUNTS, *_DEFAULTED_COUNTS):
            check_count(self, name, _wrong, may_be_open=name in _DEFAULTED_COUNTS)
        for name in _WEIGHTS:
            check_weight(self, name, _wrong)
        self._check_exclusion()
        self._check_confidence()

    def _check_exclusion(self) -> None:
        ids: object = self.exclude_documents
        if not isinstance(ids, list | tuple) or not all(isinstance(identity, str) for identity in ids):
            raise _wrong("exclude_documents", ids, "a list or tuple of document ids")

    def _check_confidence(self) -> None:
        value: object = self.min_confidence
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= as_float(value) <= 1:
            raise _wrong("min_confidence", value, "a probability from 0 to 1, or None")


def _wrong(name: str, found: object, expected: str) -> SearchError:
    return SearchError(f"Search option {name} is {found!r}; expected {expected}.")
