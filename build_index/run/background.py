"""Do one job beside the main thread: while a shard is encoded, the one before it is written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self


class BackgroundWriter:
    """Runs one job at a time; its error is raised by the next `submit` or at the end of the `with` block."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="densephrase-writer")
        self._job: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=True)  # whatever happened: nothing is written after the build has returned
        if error is None:
            self._wait()

    def submit(self, job: Callable[[], None]) -> None:
        """Wait for the job before, then start this one."""
        self._wait()
        self._job = self._executor.submit(job)

    def _wait(self) -> None:
        if self._job is not None:
            self._job.result()
