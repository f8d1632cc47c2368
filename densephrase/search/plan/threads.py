"""Serial and parallel forms of the steps of a search, and how many threads they may have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

import numba

from densephrase.errors import SearchError
from densephrase.kernels import candidates, stages

# Numba's threads belong to the process, and some of its ways to run them abort when two callers meet.
_one_caller = Lock()
# A fork takes neither numba's threads along nor who holds the lock, and GNU OpenMP ends a process that goes on with it.
_PROCESS = os.getpid()


class Stages(NamedTuple):
    """The steps of a search in one form."""

    choose_lists: Any
    choose_starts: Any
    rescore_starts: Any
    choose_paragraphs: Any
    score_candidates: Any


def _one_by_one(kernel: Callable[..., None]) -> Callable[..., None]:
    """Return a step for a batch that takes one question after the other; the last argument has a row for each."""

    def step(*arguments: Any, **named: Any) -> None:
        *_, written = *arguments, *named.values()
        for question in range(len(written.found)):
            kernel(question, *arguments, **named)

    return step


_SERIAL = Stages(
    _one_by_one(stages.choose_lists),
    _one_by_one(candidates.choose_starts),
    _one_by_one(stages.rescore_starts),
    _one_by_one(stages.choose_paragraphs),
    _one_by_one(stages.score_candidates),
)
_PARALLEL = Stages(
    stages.choose_lists_parallel,
    stages.choose_starts_parallel,
    stages.rescore_starts_parallel,
    stages.choose_paragraphs_parallel,
    stages.score_candidates_parallel,
)


def check_threads(threads: object) -> int:
    """Return the number of threads to use, None standing for all that numba has; SearchError for one it has not."""
    available = int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009 (unknown to its types)
    if threads is None:
        return available
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= available:
        raise SearchError(
            f"threads is {threads!r}; expected a whole number from 1 to {available}, or None for all {available} "
            "(the environment variable NUMBA_NUM_THREADS sets how many there are)."
        )
    return threads


@contextmanager
def stages_on(threads: int, questions: int) -> Iterator[Stages]:
    """Give the steps for that many questions: one question, or one thread, needs no other threads.

    A process that was forked from one with this module in it has none.
    """
    if min(threads, questions) <= 1 or os.getpid() != _PROCESS:
        yield _SERIAL
        return
    with _one_caller:
        before = numba.get_num_threads()
        numba.set_num_threads(min(threads, questions))
        try:
            yield _PARALLEL
        finally:
            numba.set_num_threads(before)
