"""Open a finished index of passages: everything checked and mapped; no row is read one by one."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.index.format.own_encoder import check_own_encoder, find_own_encoder
from densephrase.index.passages.passage_manifest import PassageManifest
from densephrase.index.passages.passage_vectors import PassageVectors
from densephrase.index.shards.term_fit import check_terms
from densephrase.index.shards.text_shard import TextShard
from densephrase.storage.memory_fit import fits_memory
from densephrase.terms.term_index import TermIndex


@dataclass(frozen=True, eq=False)
class PassageReader:
    """A mapped index of passages; rows number the paragraphs of all shards in order, as those of a phrase index do.

    Immutable and safe to share between threads. `vectors` is None where the index is one of terms only.
    `document_bases` and `paragraph_bases` int64 [shards + 1] are the first row of each shard, and the total.
    """

    path: Path
    manifest: PassageManifest
    shards: tuple[TextShard, ...]
    document_bases: NDArray[np.int64]
    paragraph_bases: NDArray[np.int64]
    terms: TermIndex
    vectors: PassageVectors | None

    @classmethod
    def open(cls, path: str | Path) -> PassageReader:
        """Open the index at `path`.

        Raises:
            IndexFormatError: if it is missing, unfinished, damaged, of another kind or of another format version.
        """
        manifest = PassageManifest.load(Path(path))
        path = Path(path).resolve()  # a later change of the working directory leads nowhere else
        if len(manifest.segments) != 1:
            raise IndexFormatError(
                f"{path}: {len(manifest.segments)} segments; this version reads one, rebuild the index"
            )
        if manifest.encoder is not None:
            find_own_encoder(path, manifest.encoder)
        segment = manifest.segments[0]
        folder, counts = path / SEGMENTS_FOLDER / segment.name, [shard.counts for shard in segment.shards]
        # What follows a row that is read is soon asked for too, as long as it stays in memory; a scan reads all rows.
        is_random = segment.ann.file is not None and not fits_memory(manifest.bytes)
        shards = tuple(TextShard.open_texts(folder / item.file.file, item.counts, is_random) for item in segment.shards)
        document_bases = np.cumsum([0, *(item.documents for item in counts)], dtype=np.int64)
        paragraph_bases = np.cumsum([0, *(item.paragraphs for item in counts)], dtype=np.int64)
        terms = TermIndex.open(folder / segment.terms.file.file, is_random=is_random)
        check_terms(folder / segment.terms.file.file, terms, shards, document_bases, paragraph_bases)
        return cls(
            path=path,
            manifest=manifest,
            shards=shards,
            document_bases=document_bases,
            paragraph_bases=paragraph_bases,
            terms=terms,
            vectors=PassageVectors.open(folder, segment, int(paragraph_bases[-1]), is_random),
        )

    @property
    def count(self) -> int:
        """Number of paragraphs."""
        return int(self.paragraph_bases[-1])

    @property
    def encoder_path(self) -> Path | None:
        """Folder of the encoder that the index was built with, None where it has none."""
        encoder = self.manifest.encoder
        return None if encoder is None else self.path / encoder.path

    def checked_encoder(self) -> Path | None:
        """Return that folder after comparing all its files with the manifest.

        Raises:
            IndexFormatError: if it is missing, or not the encoder that the index was built with.
            EncoderError: if a file of it cannot be read.
        """
        encoder = self.manifest.encoder
        return None if encoder is None else check_own_encoder(self.path, encoder)

    def document(self, row: int) -> Document:
        """Return the document of row `row`; its text is read when it is looked at.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged; for those of the text, when it is looked at.
        """
        shard, own = _shard_row(row, self._document_starts, "document")
        return self.shards[shard].document(own)

    def paragraph(self, row: int) -> tuple[Document, int, int]:
        """Return the document of the paragraph in row `row`, and where it begins and ends there, in code points.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged; for those of the text, when it is looked at.
        """
        number, own = _shard_row(row, self._paragraph_starts, "paragraph")
        shard = self.shards[number]
        document = shard.document(int(shard.paragraph_document[own]))
        return document, int(shard.paragraph_start[own]), int(shard.paragraph_end[own])

    @cached_property
    def _document_starts(self) -> list[int]:
        """The bases as plain numbers, among which a single one is found faster."""
        bases: list[int] = self.document_bases.tolist()
        return bases

    @cached_property
    def _paragraph_starts(self) -> list[int]:
        bases: list[int] = self.paragraph_bases.tolist()
        return bases


def _shard_row(row: int, bases: list[int], what: str) -> tuple[int, int]:
    """Return the number of the shard that holds a row, and its row there."""
    if not 0 <= row < bases[-1]:
        raise IndexError(f"{what} row {row} of {bases[-1]}")
    shard = bisect_right(bases, row) - 1
    return shard, row - bases[shard]
