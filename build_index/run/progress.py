"""Progress of a build: counted in one place, shown by whoever listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from types import TracebackType
from typing import Any, Self, TextIO

STAGES = (
    "reading the corpus",
    "checking finished shards",
    "estimating disk space",
    "encoding",
    "inverted lists",
    "terms",
    "done",
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build stands. `done` of `total` is the share of the stage's work; the other counts are of this run.

    `resumed` is the share of `done` that an earlier run did; it is left out of rates and times.
    """

    stage: str
    total: int = 0
    done: int = 0
    resumed: int = 0
    documents: int = 0
    tokens: int = 0
    written: int = 0
    seconds: float = 0.0

    @property
    def documents_per_second(self) -> float:
        """Documents encoded a second."""
        return self.documents / self.seconds if self.seconds else 0.0

    @property
    def tokens_per_second(self) -> float:
        """Word pieces encoded a second."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest of the stage takes at the rate so far; None before anything is done."""
        worked = self.done - self.resumed
        return self.seconds * (self.total - self.done) / worked if worked > 0 else None


Listener = Callable[[Progress], None]
Advance = Callable[[int], None]  # is told how much more is done


class ProgressCounter:
    """Counts a build's work and tells a listener; two threads may count."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self._state = Progress(STAGES[0])
        self._began = time.monotonic()
        self._lock = Lock()

    def enter(self, stage: str, total: int = 0, resumed: int = 0) -> None:
        """Begin a stage of `total` units, of which an earlier run has done `resumed`."""
        self._began = time.monotonic()
        self._state = Progress(stage, total=total, done=resumed, resumed=resumed)
        self._tell()

    def advance(self, done: int = 0, documents: int = 0, tokens: int = 0, written: int = 0) -> None:
        """Add finished work."""
        with self._lock:
            state = self._state
            self._state = replace(
                state,
                done=state.done + done,
                documents=state.documents + documents,
                tokens=state.tokens + tokens,
                written=state.written + written,
                seconds=time.monotonic() - self._began,
            )
            self._tell()

    def _tell(self) -> None:
        if self._listener is not None:
            self._listener(self._state)


class TqdmProgress:
    """Listener that shows a bar for each stage on stderr; nothing where stderr is not a terminal."""

    def __init__(self, disable: bool | None = None) -> None:
        self._disable = disable
        self._stage = ""
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def __call__(self, progress: Progress) -> None:
        """Show `progress`."""
        if progress.stage != self._stage:
            self._open(progress)
        if self._bar is not None:
            self._bar.set_postfix_str(_figures(progress), refresh=False)
            self._bar.update(progress.done - self._bar.n)

    def _open(self, progress: Progress) -> None:
        from tqdm import tqdm

        self._close()
        self._stage = progress.stage
        if progress.stage != STAGES[-1]:
            layout = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}, {remaining} left{postfix}"
            self._bar = tqdm(
                desc=progress.stage,
                total=progress.total or None,
                initial=progress.resumed,
                disable=self._disable,
                bar_format=layout if progress.total else "{desc} ... {elapsed}{postfix}",
            )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class LineProgress:
    """Listener that writes a line to a stream for each stage, and every `seconds` while it lasts; for no terminal."""

    def __init__(self, stream: TextIO, seconds: float = 30.0) -> None:
        self._stream, self._seconds = stream, seconds
        self._stage, self._said = "", 0.0

    def __call__(self, progress: Progress) -> None:
        """Write where the build is, if it is time to."""
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._write(f"{progress.stage} ..." if progress.stage != STAGES[-1] else progress.stage, now)
        elif now - self._said >= self._seconds:
            self._write(f"{progress.stage}: {_line(progress)}", now)

    def _write(self, line: str, now: float) -> None:
        self._said = now
        self._stream.write(line + "\n")
        self._stream.flush()


def _line(progress: Progress) -> str:
    """Return how far a stage is, and how long the rest of it takes."""
    parts = [f"{100 * progress.done / progress.total:.0f} %"] if progress.total else []
    if figures := _figures(progress):
        parts.append(figures)
    if progress.seconds_left is not None and progress.total:
        parts.append(f"{progress.seconds_left / 60:,.0f} minutes left")
    return ", ".join(parts)


def _figures(progress: Progress) -> str:
    if not progress.tokens:
        return ""
    rates = f"{progress.documents_per_second:,.1f} documents/s, {progress.tokens_per_second:,.0f} tokens/s"
    return f"{rates}, {progress.written / 1e6:,.0f} MB written"
