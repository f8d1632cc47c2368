"""Random shards of the default profile as columns, and the table of their addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.index.compact.spelling import WordPieces
from densephrase.kernels.shards import COLUMNS, ShardTable
from densephrase.kernels.sparse import no_factor_books

PLACES = ("start_token", "start_char", "end_token", "end_char", "token_ids")


@dataclass
class Shards:
    """Shards by their columns, which must live as long as the table of their addresses is used."""

    columns: list[dict[str, NDArray[np.generic]]]
    table: ShardTable

    def joined(self, name: str, base: NDArray[np.int64] | None = None) -> list[int]:
        """Return a column of all shards, to each of which its base is added."""
        bases = np.zeros(len(self.columns), np.int64) if base is None else base
        pieces = [columns[name].astype(np.int64) + first for columns, first in zip(self.columns, bases, strict=False)]
        return np.concatenate(pieces).tolist()

    def starts_of(self, paragraph: int) -> range:
        """Return the start rows, numbered over all shards, of a paragraph numbered so too."""
        shard = int(np.searchsorted(self.table.paragraphs, paragraph, side="right")) - 1
        local, base = paragraph - int(self.table.paragraphs[shard]), int(self.table.starts[shard])
        first, last = self.columns[shard]["paragraph_start_ptr"][local : local + 2].tolist()
        return range(base + first, base + last)


def make_shards(seed: int, paragraphs: Sequence[int] = (3, 0, 4, 1), rank: int = 2, row_size: int = 7) -> Shards:
    """Return shards of so many paragraphs each, some of them without rows; places are narrow or wide by chance."""
    random = np.random.default_rng(seed)
    columns = [_columns(random, count, rank, row_size) for count in paragraphs]
    sizes = {
        "documents": [5 for _ in columns],
        "paragraphs": list(paragraphs),
        "starts": [len(shard["start_codes"]) for shard in columns],
        "ends": [len(shard["end_codes"]) for shard in columns],
        "tokens": [len(shard["token_ids"]) for shard in columns],
    }
    no_entries = np.empty((0, 256, 0), np.int16)
    table = ShardTable(
        np.array([[shard[name].ctypes.data if name in shard else 0 for shard in columns] for name in COLUMNS]),
        np.array([[name in shard and shard[name].dtype == np.int32 for shard in columns] for name in COLUMNS]),
        *(np.cumsum([0, *counts]) for counts in sizes.values()),
        np.array([row_size, row_size]),
        np.array([2 * rank, 2 * rank, 4 * rank]),
        *(no_entries,) * 3,
        np.empty((0, 0), np.int16),
        *no_factor_books(),
        *WordPieces(()).table,
        np.zeros(1, np.int64),
        np.empty(0, np.int32),
        np.empty((0, 0), np.int8),
    )
    return Shards(columns, table)


def _columns(random: np.random.Generator, paragraphs: int, rank: int, row_size: int) -> dict[str, NDArray[np.generic]]:
    starts, ends, tokens = (random.integers(0, 5, paragraphs) for _ in range(3))
    rows = {"start": int(starts.sum()), "end": int(ends.sum())}
    columns: dict[str, NDArray[np.generic]] = {
        "paragraph_document": np.sort(random.integers(0, 5, paragraphs)).astype(np.int32),
        "paragraph_start": random.integers(0, 1000, paragraphs).astype(np.int32),
        "paragraph_end": random.integers(1000, 2000, paragraphs).astype(np.int32),
        "paragraph_token_ptr": np.cumsum([0, *tokens]),
        "token_ids": random.integers(0, 2**16, tokens.sum()),
        "token_keys": random.integers(-127, 128, (tokens.sum(), 4 * rank)).astype(np.int8),
    }
    for side, counts in (("start", starts), ("end", ends)):
        columns[f"paragraph_{side}_ptr"] = np.cumsum([0, *counts])
        columns[f"{side}_token"] = random.integers(0, 2**16, rows[side])
        columns[f"{side}_char"] = random.integers(0, 2**16, rows[side])
        columns[f"{side}_codes"] = random.integers(-127, 128, (rows[side], row_size)).astype(np.int8)
        columns[f"{side}_sparse"] = random.integers(-127, 128, (rows[side], 2 * rank)).astype(np.int8)
    for name in PLACES:
        columns[name] = columns[name].astype(random.choice(["uint16", "int32"]))
    return columns
