"""One search, step by step: how long each step takes, and which candidates it leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Answer
from densephrase.kernels.candidates import Chosen
from densephrase.search.find.spans import Spans
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher, spans_wanted
from densephrase.search.steps import SearchPlan

_Parameters = ParamSpec("_Parameters")
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """What a search of a batch did; all lists have a member for each question.

    starts: start rows that the dense side proposed, int64, ascending.
    paragraphs: paragraphs that the sparse side proposed, int64, best first; all of their starts are candidates.
    spans: the best of the candidates' spans at the first look; `answers` may need further looks.
    seconds: of the whole batch, by step in the order of a search: encode, prepare, starts, paragraphs, score, answer.
    """

    plan: SearchPlan
    starts: list[NDArray[np.int64]]
    paragraphs: list[NDArray[np.int64]]
    spans: list[Spans]
    answers: list[list[Answer]]
    seconds: dict[str, float]


def trace_search(searcher: Searcher, texts: Sequence[str], options: SearchOptions) -> SearchTrace:
    """Search a batch of questions as `Searcher.search` does, and take notes.

    Raises:
        SearchError: as the search does.
    """
    seconds: dict[str, float] = {}

    def timed(step: Callable[_Parameters, _Found], *given: _Parameters.args, **named: _Parameters.kwargs) -> _Found:
        began = perf_counter()
        found = step(*given, **named)
        seconds[step.__name__] = perf_counter() - began
        return found

    steps, plan = searcher.steps, searcher.plan(options)
    vectors = timed(steps.encode, texts)
    batch = timed(steps.prepare, texts, vectors, plan)
    starts = timed(steps.starts, batch, vectors, plan)
    paragraphs = timed(steps.paragraphs, batch, plan)
    spans = timed(steps.score, batch, starts, paragraphs, plan, spans_wanted(options))
    answers = timed(searcher.answer, texts, vectors, plan, spans)
    return SearchTrace(plan, chosen_rows(starts), chosen_rows(paragraphs), spans, answers, seconds)


def chosen_rows(chosen: Chosen) -> list[NDArray[np.int64]]:
    """Return the rows of each question."""
    return [rows[:count] for rows, count in zip(chosen.rows, chosen.found.tolist(), strict=True)]
