"""What a segment of passages has beside its shards: vectors in one file, inverted lists over them, and terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from densephrase.build_index.lists.code_rows import SegmentRows
from densephrase.build_index.lists.inverted_list_builder import ANN_FILE, ListSettings, write_inverted_lists
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.vector_file import write_vectors
from densephrase.build_index.run.build_state import BuildState
from densephrase.build_index.run.finished_parts import is_intact, shard_name
from densephrase.build_index.run.progress import ProgressCounter
from densephrase.build_index.shards.terms import write_terms
from densephrase.index.format.index_parts import AnnRecord, TermsRecord
from densephrase.index.passages.passage_manifest import TextShardRecord, VectorsRecord
from densephrase.index.passages.passage_vectors import CODES, VECTORS_FILE, read_vector_quantiser
from densephrase.index.shards.text_shard import TextShard
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.columns import map_columns


@dataclass(frozen=True, slots=True)
class SegmentParts:
    """Makes the parts of the folder `segment` over its finished `shards`; one that a record vouches for is kept."""

    state: BuildState
    segment: Path
    shards: tuple[TextShardRecord, ...]
    options: PassageBuildOptions
    counter: ProgressCounter

    @property
    def passages(self) -> int:
        """Number of passages."""
        return sum(shard.counts.paragraphs for shard in self.shards)

    def vectors(self, quantiser: VectorQuantiser, sample: int) -> VectorsRecord:
        """Join the codes of all shards; `sample` passages gave the quantiser."""
        record = self.state.read("vectors", VectorsRecord)
        if record is not None and is_intact(self.segment, record.file):
            return record
        rows = SegmentRows([codes_path(self.state, number) for number in range(len(self.shards))], CODES)
        self.counter.enter("vectors", total=rows.count)
        record = write_vectors(self.segment / VECTORS_FILE, rows, quantiser, sample, self.counter.advance)
        self.state.write("vectors", record)
        return record

    def ann(self, vectors: VectorsRecord | None, device: str | None) -> AnnRecord:
        """Put the vectors into inverted lists, on a device; few of them, or none, are left as they are.

        Raises:
            MissingExtraError, DeviceError: if FAISS cannot fit the lists.
        """
        if vectors is None or device is None or self.passages <= self.options.flat_limit:
            return AnnRecord("flat")
        record = self.state.read("ann", AnnRecord)
        if record is not None and record.file is not None and is_intact(self.segment, record.file):
            return record
        self.counter.enter("inverted lists", total=2 * self.passages)
        path, size = self.segment / vectors.file.file, vectors.size
        quantiser = read_vector_quantiser(map_columns(path), size)
        settings = ListSettings(size, size, self.options.lists, self.options.seed, device)
        rows, advance = SegmentRows([path], CODES), self.counter.advance
        record = write_inverted_lists(rows, self.segment / ANN_FILE, quantiser, settings, advance)
        self.state.write("ann", record)
        return record

    def terms(self) -> TermsRecord:
        """Write the term index."""
        record = self.state.read("terms", TermsRecord)
        if record is not None and is_intact(self.segment, record.file):
            return record
        self.counter.enter("terms", total=self.passages)
        shards = (TextShard.open_texts(self.segment / shard.file.file, shard.counts) for shard in self.shards)
        record = write_terms(self.segment, shards, self.options.language, self.counter.advance)
        self.state.write("terms", record)
        return record


def codes_path(state: BuildState, shard: int) -> Path:
    """Return where the codes of a shard wait for the others."""
    return state.folder / f"{shard_name(shard)}-codes.h5"
