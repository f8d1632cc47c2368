"""Row formats of a build: the encoder's codes of 8 bits, or the product codes of a compact index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.compact.codebook_training import fit_codebooks
from densephrase.build_index.compact.compact_encoder import FILTER_MARGIN, CompactEncoder
from densephrase.build_index.compact.preceding_starts import PrecedingStarts
from densephrase.build_index.lists.code_rows import SegmentRows
from densephrase.build_index.lists.inverted_list_builder import ANN_FILE, ListSettings
from densephrase.build_index.lists.residuals import END_BITS, START_BITS, row_bytes
from densephrase.build_index.run.build_state import BuildState
from densephrase.build_index.run.finished_parts import is_intact, shard_name
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.progress import ProgressCounter
from densephrase.build_index.shards.shard_builder import plain_quantisation
from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.compact.codebooks import CODEBOOKS_FILE, Codebooks
from densephrase.index.format.index_parts import AnnRecord, FileRecord, Quantisation, ShardRecord
from densephrase.index.format.shard_format import Side
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.shards.shard import Shard
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.columns import map_columns, write_columns
from densephrase.terms.term_writer import TermForm

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

_RECORD, _ASKED = "quantisation", "asked.h5"
_PLACE_BYTES = 4  # of a start row's place in the lists


@dataclass(frozen=True, slots=True)
class StoredForm:
    """The encoder that makes rows as they are stored, and what is to be known about them."""

    encoder: PhraseEncoder | CompactEncoder
    quantisation: Quantisation
    codebooks: Codebooks | None = None

    @classmethod
    def plain(cls, encoder: PhraseEncoder) -> StoredForm:
        """Return the form of codes as the encoder gives them."""
        return cls(encoder, plain_quantisation(encoder.config))

    def beside_shards(self, options: BuildOptions) -> tuple[int, int, int]:
        """Return how many start rows may be without lists, the bytes of one in a list beside its id, and of an end."""
        if self.codebooks is not None:
            return 0, self.quantisation.start_groups + _PLACE_BYTES, self.quantisation.end_groups
        return options.flat_limit, min(options.list_dimensions, self.quantisation.vector_size), 0

    def list_settings(self, state: BuildState, options: BuildOptions, starts: int, device: str) -> ListSettings:
        """Return how the lists over so many start rows are made; those of few compact rows are one list."""
        size, groups = self.quantisation.vector_size, self.quantisation.start_groups
        if self.codebooks is None:
            return ListSettings(size, min(options.list_dimensions, size), options.lists, options.seed, device)
        lists = 1 if starts <= options.flat_limit else options.lists
        return ListSettings(size, groups, lists, options.seed, device, asked(state, "start"))

    def rows(self, state: BuildState, shards: Sequence[Path], side: Side) -> SegmentRows:
        """Return the rows of one side of all shards, in order, as codes of 8 bits."""
        if self.codebooks is None:
            return SegmentRows(shards, f"{side}_codes")
        return SegmentRows([rows_path(state, number) for number in range(len(shards))], f"{side}_codes")

    def preceding_starts(
        self, segment: Path, shards: Sequence[ShardRecord], ann: AnnRecord, quantiser: VectorQuantiser
    ) -> PrecedingStarts:
        """Return the start before each end of a compact segment, whose lists are made.

        Raises:
            IndexFormatError: if the lists hold no product-quantised rows.
        """
        path, starts = segment / ANN_FILE, sum(shard.counts.starts for shard in shards)
        lists = InvertedLists.open(path, ann, starts, self.quantisation)
        if lists.residuals is None:
            raise IndexFormatError(f"{path}: the lists hold no product-quantised rows; remove the index and build it")
        opened = (self.open_shard(segment, shard) for shard in shards)
        return PrecedingStarts.of(opened, lists, lists.residuals, quantiser)

    def open_shard(self, segment: Path, record: ShardRecord) -> Shard:
        """Open a finished shard in the folder of its segment."""
        return Shard.open(segment / record.file.file, record.counts, self.quantisation, self.codebooks)

    @property
    def term_form(self) -> TermForm | None:
        """How terms are stored, None for the plain form."""
        return None if self.codebooks is None else TermForm(self.encoder.config.document_weight != 0)


def compact_form(
    state: BuildState,
    encoder: PhraseEncoder,
    documents: Iterable[Document],
    characters: int,
    seed: int,
    counter: ProgressCounter,
) -> StoredForm:
    """Return the form of a compact index, its codebooks fitted to `documents` unless an earlier run has done so."""
    stricter, path = encoder.stricter(FILTER_MARGIN), state.index_path / CODEBOOKS_FILE
    quantisation = state.read(_RECORD, Quantisation)
    if quantisation is None or quantisation.codebooks is None or not is_intact(path.parent, quantisation.codebooks):
        counter.enter("fitting codebooks")
        codebooks, vectors = fit_codebooks(documents, characters, stricter, seed)
        write_columns(state.folder / _ASKED, vectors, {"kind": "asked"})
        checksums = codebooks.save(path)
        record = FileRecord(path.name, path.stat().st_size, checksums)
        config = encoder.config
        quantisation = Quantisation(
            "product",
            vector_size=config.vector_size,
            coherency_rank=config.coherency_rank,
            sparse_rank=config.sparse_rank,
            start_groups=row_bytes(START_BITS, config.vector_size),
            end_groups=row_bytes(END_BITS, config.vector_size),
            sparse_heads=codebooks.heads,
            codebooks=record,
        )
        state.write(_RECORD, quantisation)
    codebooks = Codebooks.open(path, quantisation)
    return StoredForm(CompactEncoder(stricter, codebooks), quantisation, codebooks)


def rows_path(state: BuildState, shard: int) -> Path:
    """Return where the rows of a shard wait for the lists."""
    return state.folder / f"{shard_name(shard)}-rows.h5"


def asked(state: BuildState, side: Side) -> NDArray[np.float32]:
    """Return what rows of one side are multiplied with, float32 [n, row_size]."""
    return np.array(map_columns(state.folder / _ASKED)[side])
