"""Byte ranges of columns in their file, and checksums over exactly those bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ALIGNMENT = 64
COLUMN_TYPES = ("|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8")
STRUCTURE = "(structure)"
_BLOCK = 8 << 20


@dataclass(frozen=True, slots=True)
class ColumnSpan:
    """A column of a file: `shape` items of `dtype` from byte `offset` on (0 for an empty column)."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def bytes(self) -> int:
        """Size of the column in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


def checksum_spans(path: Path, spans: Mapping[str, ColumnSpan]) -> dict[str, str]:
    """Hash every byte of `path` once: each span (ascending, disjoint) alone, all other bytes under `STRUCTURE`."""
    structure = hashlib.sha256()
    checksums: dict[str, str] = {}
    with path.open("rb", buffering=0) as file:
        for name, span in sorted(spans.items(), key=lambda item: item[1].offset):
            digest = hashlib.sha256()
            if span.bytes:
                _hash_range(file, structure, span.offset - file.tell())
                _hash_range(file, digest, span.bytes)
            checksums[name] = digest.hexdigest()
        _hash_range(file, structure, None)
    return {**{name: checksums[name] for name in spans}, STRUCTURE: structure.hexdigest()}


def _hash_range(file: Any, digest: Any, size: int | None) -> None:
    while size is None or size > 0:
        block = file.read(_BLOCK if size is None else min(size, _BLOCK))
        if not block:
            return
        digest.update(block)
        size = size if size is None else size - len(block)
