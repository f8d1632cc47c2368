"""Open a finished index: everything checked, mapped and ready for search; no row is read one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.inverted_lists import InvertedLists
from densephrase.index.manifest import SEGMENTS_FOLDER, Manifest, SegmentRecord, ShardRecord
from densephrase.index.shard import Shard
from densephrase.terms.term_index import TermIndex


@dataclass(frozen=True, slots=True)
class Bases:
    """First global row of each shard, and the total as last entry: int64 [shards + 1] each."""

    documents: NDArray[np.int64]
    paragraphs: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, shards: Sequence[ShardRecord]) -> Bases:
        """Add up the counts of `shards`."""
        columns = []
        for name in ("documents", "paragraphs", "starts", "ends"):
            counts = np.array([0, *(getattr(shard.counts, name) for shard in shards)], np.int64)
            columns.append(np.cumsum(counts))
        return cls(*columns)


@dataclass(frozen=True, slots=True, eq=False)
class IndexReader:
    """A mapped index; global rows number the shards' rows in order (`bases`).

    Immutable and safe to share between threads. `lists` is None where start vectors are scanned flat.
    """

    path: Path
    manifest: Manifest
    shards: tuple[Shard, ...]
    bases: Bases
    terms: TermIndex
    lists: InvertedLists | None

    @classmethod
    def open(cls, path: str | Path) -> IndexReader:
        """Open the index at `path`.

        Raises:
            IndexFormatError: if it is missing, unfinished, damaged or of another format version.
        """
        path = Path(path)
        manifest = Manifest.load(path)
        if len(manifest.segments) != 1:
            raise IndexFormatError(
                f"{path}: {len(manifest.segments)} segments; this version reads one, rebuild the index"
            )
        segment = manifest.segments[0]
        folder = path / SEGMENTS_FOLDER / segment.name
        shards = tuple(
            Shard.open(folder / item.file.file, item.counts, manifest.quantisation) for item in segment.shards
        )
        bases = Bases.of(segment.shards)
        terms = TermIndex.open(folder / segment.terms.file.file)
        _check_terms(folder / segment.terms.file.file, terms, bases)
        return cls(path, manifest, shards, bases, terms, _open_lists(folder, segment, manifest))

    @property
    def encoder_path(self) -> Path:
        """Folder of the encoder that the index was built with."""
        return self.path / self.manifest.encoder.path

    def document(self, row: int) -> Document:
        """Return the document of global row `row`, its text read from the disk now.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged.
        """
        if not 0 <= row < self.bases.documents[-1]:
            raise IndexError(f"document row {row} of {self.bases.documents[-1]}")
        shard = int(np.searchsorted(self.bases.documents, row, side="right")) - 1
        return self.shards[shard].document(int(row - self.bases.documents[shard]))


def _open_lists(folder: Path, segment: SegmentRecord, manifest: Manifest) -> InvertedLists | None:
    if segment.ann.file is None:
        return None
    return InvertedLists.open(
        folder / segment.ann.file.file, segment.ann, manifest.counts.starts, manifest.quantisation
    )


def _check_terms(path: Path, terms: TermIndex, bases: Bases) -> None:
    paragraphs, documents = len(terms.paragraph_document), int(bases.documents[-1])
    last = int(terms.paragraph_document[-1]) if paragraphs else -1
    if paragraphs != bases.paragraphs[-1] or last >= documents:
        raise IndexFormatError(
            f"{path}: the term index has {paragraphs} paragraphs and names document row {last}; the shards have "
            f"{bases.paragraphs[-1]} paragraphs and {documents} documents; rebuild the index"
        )
