"""Options of a search of passages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, TypedDict

from densephrase.errors import SearchError
from densephrase.option_checks import check_choices, check_count, check_weight, unknown_option

PassageStrategy = Literal["auto", "bm25", "dense", "hybrid"]
Fusion = Literal["auto", "weighted", "reciprocal-rank"]

_CANDIDATES = 100  # that each side of a hybrid search proposes, or top_k where that is more


class PassageKeywords(TypedDict, total=False):
    """The options of a search of passages beside `top_k`, as editors and mypy know them."""

    strategy: PassageStrategy
    fusion: Fusion
    term_weight: float | None
    candidates: int | None
    probes: int | None
    explain: bool


@dataclass(frozen=True, slots=True)
class PassageOptions:
    """Options of a search of passages; SearchError names the field, what was found and what is expected.

    strategy: "bm25" ranks paragraphs by their terms, "dense" by their vectors, "hybrid" by both; "auto" is hybrid where
        the index has vectors and BM25 where it has none.
    top_k: passages to return; fewer come back where there are fewer, or fewer that share a term with the question. Any
        count may be larger than what there is.
    fusion: how hybrid search joins both sides: "weighted" adds `term_weight` times BM25 to the dense score,
        "reciprocal-rank" adds up 1 / (60 + rank) (Cormack et al., 2009); "auto" is weighted where a weight is given or
        tuned, and by ranks where none is.
    term_weight: at least 0 (None: the one that was tuned for the index); not with fusion "reciprocal-rank".
    candidates: passages that each side of a hybrid search proposes (None: 100, or `top_k` where that is more).
    probes: inverted lists that the dense side looks into, where the index has lists (None: see
        `densephrase.retrieve.dense.choose_passage_effort`); as many as there are make it exact.
    explain: say of each passage which terms it shares with the question.
    """

    strategy: PassageStrategy = "auto"
    top_k: int = 10
    fusion: Fusion = "auto"
    term_weight: float | None = None
    candidates: int | None = None
    probes: int | None = None
    explain: bool = False

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Return the options of these names; SearchError for a name that there is not."""
        if unknown := unknown_option(cls, given):
            raise SearchError(f"There is no option {unknown[0]!r} of a passage search; there are {unknown[1]}.")
        return cls(**given)

    def __post_init__(self) -> None:
        check_choices(self, _wrong)
        check_count(self, "top_k", _wrong)
        for name in ("candidates", "probes"):
            check_count(self, name, _wrong, may_be_open=True)
        check_weight(self, "term_weight", _wrong)
        if self.fusion == "reciprocal-rank" and self.term_weight is not None:
            raise SearchError(
                f"Passage search option term_weight is {self.term_weight!r}, but the fusion 'reciprocal-rank' has no "
                "weights; leave one of them out."
            )

    @property
    def proposed(self) -> int:
        """How many passages each side of a hybrid search proposes."""
        return self.candidates or max(self.top_k, _CANDIDATES)


def _wrong(name: str, found: object, expected: str) -> SearchError:
    return SearchError(f"Passage search option {name} is {found!r}; expected {expected}.")
