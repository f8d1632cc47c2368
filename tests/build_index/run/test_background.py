from __future__ import annotations

import threading

import pytest

from densephrase.build_index.run.background import BackgroundWriter


def test_jobs_run_one_at_a_time_in_order() -> None:
    seen: list[int] = []
    with BackgroundWriter() as writer:
        for number in range(5):
            writer.submit(lambda number=number: seen.append(number))  # type: ignore[misc]
            assert len(seen) >= number
    assert seen == list(range(5))


def test_a_job_runs_beside_the_caller() -> None:
    release, released = threading.Event(), list[bool]()
    with BackgroundWriter() as writer:
        writer.submit(lambda: released.append(release.wait(10)))
        release.set()  # which a caller that had to wait for the job would do too late
    assert released == [True]


def _fail() -> None:
    raise OSError("full")


def test_an_error_is_raised_by_the_next_job() -> None:
    with pytest.raises(OSError, match="full"), BackgroundWriter() as writer:
        writer.submit(_fail)
        writer.submit(lambda: pytest.fail("never runs"))


def test_an_error_of_the_last_job_is_raised_at_the_end() -> None:
    with pytest.raises(OSError, match="full"), BackgroundWriter() as writer:
        writer.submit(_fail)


def test_the_callers_error_comes_first_and_the_job_is_waited_for() -> None:
    done: list[int] = []
    release = threading.Event()

    def slow() -> None:
        release.wait(10)
        done.append(1)

    with pytest.raises(KeyboardInterrupt), BackgroundWriter() as writer:
        writer.submit(slow)
        threading.Timer(0.05, release.set).start()
        raise KeyboardInterrupt
    assert done == [1]
