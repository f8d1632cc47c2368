"""The steps of a search on several threads against the same steps on one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, get_args

import numba
import pytest

from densephrase.errors import SearchError
from densephrase.search import steps
from densephrase.search.plan import threads
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import Strategy
from densephrase.search.plan.threads import Stages, check_threads, stages_on
from densephrase.search.searcher import Searcher
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

QUESTIONS = [f"{words} {number}" for number in range(20) for words in ("Paris river", "who wrote Hamlet", "")]
AVAILABLE = int(numba.config.NUMBA_NUM_THREADS)
LAYOUTS = {
    "one shard": {},
    "shards": {"shard_characters": 60},
    "lists": {"flat_limit": 0, "lists": 8, "shard_characters": 400},
}


@pytest.fixture
def _parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the parallel form of each step, even where there is one thread to run it."""

    @contextmanager
    def parallel_stages(number: int, questions: int) -> Iterator[Stages]:
        yield threads._PARALLEL

    monkeypatch.setattr(steps, "stages_on", parallel_stages)


@pytest.mark.slow  # where the parallel kernels are not in the cache
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_answers_are_the_same_on_several_threads(
    layout: dict[str, Any], make_searcher: MakeSearcher, request: pytest.FixtureRequest
) -> None:
    encoder = FakeEncoder(sparc_size=8)
    searcher, _ = make_searcher(random_documents(8, documents=40), encoder, **layout)
    asked = [
        SearchOptions(strategy, dense_candidates=9, paragraph_candidates=4, exclude_documents=left_out)
        for strategy in get_args(Strategy)
        for left_out in ((), ("d3", "d17"))
    ]
    alone = [searcher.search(QUESTIONS, options) for options in asked]
    request.getfixturevalue("_parallel")
    assert [searcher.search(QUESTIONS, options) for options in asked] == alone


def test_threads_may_share_a_searcher_of_several_threads(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(8, documents=20))
    searcher = Searcher(reader, FakeEncoder(), threads=None)  # type: ignore[arg-type]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: searcher.search(QUESTIONS[:9], SearchOptions()), range(8)))
    assert all(answers == found[0] for answers in found)


@pytest.mark.parametrize(("number", "questions"), [(1, 1), (1, 5), (4, 1), (1, 0), (4, 0)])
def test_one_thread_or_question_needs_no_other_threads(number: int, questions: int) -> None:
    with stages_on(number, questions) as stages:
        assert stages is threads._SERIAL


def test_numba_has_its_threads_back_after_a_search() -> None:
    before = numba.get_num_threads()
    with pytest.raises(ZeroDivisionError), stages_on(AVAILABLE + 1, AVAILABLE) as stages:
        assert AVAILABLE == 1 or stages is threads._PARALLEL
        raise ZeroDivisionError
    assert numba.get_num_threads() == before


def test_numbers_of_threads() -> None:
    assert check_threads(None) == AVAILABLE
    assert check_threads(1) == 1
    assert check_threads(AVAILABLE) == AVAILABLE


@pytest.mark.parametrize("number", [0, -1, AVAILABLE + 1, 2.0, True, "2"])
def test_other_numbers_of_threads_are_refused(number: Any, make_searcher: MakeSearcher) -> None:
    message = f"threads is {number!r}; expected a whole number from 1 to {AVAILABLE}, or None for all {AVAILABLE}"
    with pytest.raises(SearchError, match=message):
        check_threads(number)
    _, reader = make_searcher(random_documents(1))
    with pytest.raises(SearchError, match=message):
        Searcher(reader, FakeEncoder(), threads=number)  # type: ignore[arg-type]
