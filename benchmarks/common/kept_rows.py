"""Rows of a long measurement, kept as they come: the same command goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class KeptRows:
    """JSON lines in a file: what was measured, then a row for each question; without a file they are kept in memory.

    `rows` are those so far, in their order. A row that was cut off when the process ended is measured again.
    """

    def __init__(self, path: Path | None, measured: dict[str, Any]) -> None:
        """Read what there is, or begin.

        Raises:
            SystemExit: if the file holds rows of something else than `measured`, or no rows.
        """
        self.rows: list[dict[str, Any]] = []
        self._file = None
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            self.rows, size = _read(path, measured)
            os.truncate(path, size)
            self._file = path.open("a", encoding="utf-8")
            return
        self._file = path.open("w", encoding="utf-8")
        self._write([measured])

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep some rows more; they are in the file when this returns."""
        self.rows += rows
        self._write(rows)

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        if self._file is not None:
            self._file.write("".join(json.dumps(row) + "\n" for row in rows))
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def _read(path: Path, measured: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """Return the whole rows of a file, and how many bytes they and what was measured take."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        found, *rows = [json.loads(line) for line in whole.splitlines()]
    except ValueError as error:
        raise SystemExit(f"{path} holds no rows of a measurement ({error}); name another file.") from error
    if found != measured:
        raise SystemExit(f"{path} holds rows of {found}, and asked for are rows of {measured}; name another file.")
    return rows, len(whole)
