"""Writing one large JSON list row by row; the file appears under its name when it is complete."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from densephrase.storage.atomic_file import publish, temporary_path


def write_json_list(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows as a list with a line for each, and return how many; a name that ends in `.gz` is zipped.

    Raises ValueError for a number that JSON lacks; then, and when `rows` fails, a file that was there before stays.
    """
    temporary = temporary_path(path)
    try:
        with temporary.open("wb") as raw:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped:
                    count = _write(zipped, rows)
            else:
                count = _write(raw, rows)
            raw.flush()
            os.fsync(raw.fileno())
        publish(path)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _write(stream: IO[bytes] | gzip.GzipFile, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for row in rows:
        stream.write(b",\n" if count else b"[\n")
        stream.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode())
        count += 1
    stream.write(b"\n]\n" if count else b"[]\n")
    return count
