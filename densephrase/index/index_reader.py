"""Open a finished index: everything checked, mapped and ready for search; no row is read one by one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.compact.codebooks import Codebooks
from densephrase.index.compact.predicted_ends import PredictedEnds
from densephrase.index.format.index_parts import SegmentRecord, ShardRecord
from densephrase.index.format.manifest import Manifest
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.index.format.own_encoder import check_own_encoder, find_own_encoder
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.shards.shard import Shard
from densephrase.index.shards.term_fit import check_terms
from densephrase.quantise.end_prediction import ProductRows
from densephrase.storage.memory_fit import fits_memory
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


@dataclass(frozen=True, eq=False)
class IndexReader:
    """A mapped index; global rows number the shards' rows in order (`bases`).

    Immutable and safe to share between threads. `lists` is None where start vectors are scanned flat, `codebooks` and
    `ends` where rows are codes of 8 bits.
    """

    path: Path
    manifest: Manifest
    shards: tuple[Shard, ...]
    bases: Bases
    terms: TermIndex
    lists: InvertedLists | None
    codebooks: Codebooks | None
    ends: PredictedEnds | None

    @classmethod
    def open(cls, path: str | Path) -> IndexReader:
        """Open the index at `path`.

        Raises:
            IndexFormatError: if it is missing, unfinished, damaged or of another format version.
        """
        manifest = Manifest.load(Path(path))
        path = Path(path).resolve()  # a later change of the working directory leads nowhere else
        if len(manifest.segments) != 1:
            raise IndexFormatError(
                f"{path}: {len(manifest.segments)} segments; this version reads one, rebuild the index"
            )
        find_own_encoder(path, manifest.encoder)
        segment = manifest.segments[0]
        folder = path / SEGMENTS_FOLDER / segment.name
        codebooks, is_random = _open_codebooks(path, manifest), _is_random(manifest)
        shards = tuple(
            Shard.open(folder / item.file.file, item.counts, manifest.quantisation, codebooks, is_random)
            for item in segment.shards
        )
        bases = Bases.of(segment.shards)
        terms = TermIndex.open(folder / segment.terms.file.file, is_random=is_random)
        check_terms(folder / segment.terms.file.file, terms, shards, bases.documents, bases.paragraphs)
        return cls(
            path=path,
            manifest=manifest,
            shards=shards,
            bases=bases,
            terms=terms,
            lists=_open_lists(folder, segment, manifest, is_random),
            codebooks=codebooks,
            ends=_open_ends(folder, segment, manifest, is_random),
        )

    @cached_property
    def products(self) -> ProductRows | None:
        """What decodes start rows, less their centroids, and end rows, where they are product-quantised."""
        if self.ends is None or self.lists is None or self.lists.residuals is None:
            return None
        return ProductRows(self.lists.residuals, self.ends.quantiser, self.ends.prediction)

    @property
    def encoder_path(self) -> Path:
        """Folder of the encoder that the index was built with."""
        return self.path / self.manifest.encoder.path

    def checked_encoder(self) -> Path:
        """Return that folder after comparing all its files with the manifest.

        Raises:
            IndexFormatError: if it is missing, or not the encoder that the index was built with.
            EncoderError: if a file of it cannot be read.
        """
        return check_own_encoder(self.path, self.manifest.encoder)

    def document(self, row: int) -> Document:
        """Return the document of global row `row`; its text is read when it is looked at.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged; for those of the text, when it is looked at.
        """
        if not 0 <= row < self.bases.documents[-1]:
            raise IndexError(f"document row {row} of {self.bases.documents[-1]}")
        shard = int(np.searchsorted(self.bases.documents, row, side="right")) - 1
        return self.shards[shard].document(int(row - self.bases.documents[shard]))

    def paragraph_text(self, row: int) -> str:
        """Return the text of the paragraph of global row `row`.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged.
        """
        bases = self._paragraph_bases
        if not 0 <= row < bases[-1]:
            raise IndexError(f"paragraph row {row} of {bases[-1]}")
        shard = bisect_right(bases, row) - 1
        return self.shards[shard].paragraph_text(row - bases[shard])

    @cached_property
    def _paragraph_bases(self) -> list[int]:
        """The bases of paragraphs as plain numbers, among which a single one is found faster."""
        bases: list[int] = self.bases.paragraphs.tolist()
        return bases


def _open_codebooks(path: Path, manifest: Manifest) -> Codebooks | None:
    record = manifest.quantisation.codebooks
    return None if record is None else Codebooks.open(path / record.file, manifest.quantisation)


def _is_random(manifest: Manifest) -> bool:
    """Tell whether rows that are not in memory should be read without what follows them.

    What follows them is soon asked for too, as long as it stays in memory until then; and a flat scan reads all rows.
    """
    return not fits_memory(manifest.bytes) and any(segment.ann.file is not None for segment in manifest.segments)


def _open_lists(folder: Path, segment: SegmentRecord, manifest: Manifest, is_random: bool) -> InvertedLists | None:
    if segment.ann.file is None:
        return None
    return InvertedLists.open(
        folder / segment.ann.file.file, segment.ann, manifest.counts.starts, manifest.quantisation, is_random
    )


def _open_ends(folder: Path, segment: SegmentRecord, manifest: Manifest, is_random: bool) -> PredictedEnds | None:
    if segment.ends is None:
        return None
    return PredictedEnds.open(folder / segment.ends.file, manifest.counts.ends, manifest.quantisation, is_random)
