"""In which form a build stores rows: as the encoder's codes of 8 bits, or in the bytes of a compact index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from densephrase.build_index.build_state import BuildState
from densephrase.build_index.code_rows import CodeRows, ShardRows
from densephrase.build_index.codebook_training import fit_codebooks
from densephrase.build_index.compact_encoder import FILTER_MARGIN, CompactEncoder
from densephrase.build_index.finished_parts import is_intact, shard_name
from densephrase.build_index.inverted_list_builder import ListSettings
from densephrase.build_index.options import BuildOptions
from densephrase.build_index.progress import ProgressCounter
from densephrase.build_index.shard_builder import plain_quantisation
from densephrase.data import Document
from densephrase.index.codebooks import CODEBOOKS_FILE, Codebooks
from densephrase.index.columns import map_columns, write_columns
from densephrase.index.manifest import FileRecord, Quantisation

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder

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

    def listed(self, options: BuildOptions) -> tuple[int, int]:
        """Return how many start rows may be without lists, and the bytes of each in a list beside its number."""
        if self.codebooks is not None:
            return 0, self.quantisation.groups + _PLACE_BYTES
        return options.flat_limit, min(options.list_dimensions, self.quantisation.vector_size)

    def list_settings(self, state: BuildState, options: BuildOptions, starts: int, device: str) -> ListSettings:
        """Return how the lists over so many start rows are made; those of few compact rows are one list."""
        size, groups = self.quantisation.vector_size, self.quantisation.groups
        if self.codebooks is None:
            return ListSettings(size, min(options.list_dimensions, size), options.lists, options.seed, device)
        lists, asked = 1 if starts <= options.flat_limit else options.lists, map_columns(state.folder / _ASKED)["asked"]
        return ListSettings(size, groups, lists, options.seed, device, np.array(asked))

    def start_rows(self, state: BuildState, shards: Sequence[Path]) -> CodeRows:
        """Return the start rows of all shards, in order."""
        if self.codebooks is None:
            return ShardRows(shards)
        return ShardRows([start_codes_path(state, number) for number in range(len(shards))])


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
        codebooks, asked = fit_codebooks(documents, characters, stricter, seed)
        write_columns(state.folder / _ASKED, {"asked": asked}, {"kind": "asked"})
        checksums = codebooks.save(path)
        record = FileRecord(path.name, path.stat().st_size, checksums)
        config = encoder.config
        sizes = config.vector_size, config.coherency_rank, config.sparse_rank
        quantisation = Quantisation("product", *sizes, codebooks.ends.groups, codebooks.heads, record)
        state.write(_RECORD, quantisation)
    codebooks = Codebooks.open(path, quantisation)
    return StoredForm(CompactEncoder(stricter, codebooks), quantisation, codebooks)


def start_codes_path(state: BuildState, shard: int) -> Path:
    """Return where the start codes of a shard wait for the lists."""
    return state.folder / f"{shard_name(shard)}-starts.h5"
