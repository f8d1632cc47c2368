"""Build an index of passages: plan, sample, encode shard by shard, join the vectors, add lists and terms, the manifest.

As for phrases, every part is a file that appears complete or not at all, followed by a record; a build that is run
again skips what is recorded, and the finished files are the same however often it was stopped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from densephrase.build_index.lists.list_training import open_faiss
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_sample import PassageRates, PassageSample, fit_vector_quantiser
from densephrase.build_index.passages.passage_shard import (
    PassageCoder,
    PassageShardContent,
    build_passage_shard,
    encode_checked,
)
from densephrase.build_index.passages.passage_source import PassageSource, open_source
from densephrase.build_index.passages.segment_parts import SegmentParts, codes_path
from densephrase.build_index.run.background import BackgroundWriter
from densephrase.build_index.run.build_inputs import BuildInputs, carry_out, versions_of
from densephrase.build_index.run.build_state import BuildState, check_apart, check_target
from densephrase.build_index.run.encoder_copy import copy_encoder
from densephrase.build_index.run.finished_parts import SEGMENT, finished_shards, is_intact, shard_name
from densephrase.build_index.run.plan import plan_shards, planned_shards
from densephrase.build_index.run.progress import Listener, ProgressCounter
from densephrase.build_index.run.resources import FreeBytes, check_space, free_bytes
from densephrase.corpus.memory import written_documents
from densephrase.data import Document
from densephrase.errors import DiskSpaceError
from densephrase.index.format.index_parts import FileRecord, TextCounts
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.index.passages.passage_manifest import (
    PassageManifest,
    PassageSegment,
    TextShardRecord,
)
from densephrase.index.passages.passage_vectors import (
    read_vector_quantiser,
    vector_quantiser_columns,
)
from densephrase.storage.atomic_file import make_folder
from densephrase.storage.columns import map_columns, write_columns

if TYPE_CHECKING:
    from densephrase.encoder.passage.passage_encoder import PassageEncoder

_QUANTISER_FILE = "quantiser.h5"


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """What was found in the sample: rates, its size, and where there is an encoder the file of the quantiser."""

    rates: PassageRates
    passages: int
    quantiser: FileRecord | None


@dataclass(frozen=True, slots=True)
class FinishedShard:
    """The file of a shard, what is in it, and the file of codes that waits for the other shards'."""

    file: FileRecord
    counts: TextCounts
    codes: FileRecord | None


def build_passages(
    corpus: str | Path | Iterable[Document],
    index_path: str | Path,
    *,
    encoder: PassageEncoder | None,
    options: PassageBuildOptions | None = None,
    progress: Listener | None = None,
    free: FreeBytes = free_bytes,
) -> PassageManifest:
    """Build the passage index of `corpus` in the folder `index_path`, or continue a build that was stopped there.

    The corpus is a file, a folder, documents that are asked for once, or the folder of an index, whose documents and
    paragraphs are then taken as they are. From anything else, passages are the paragraphs that a phrase index with the
    default encoder would have. `encoder` makes their vectors; without one the index is searched by terms only.
    `progress` is told how far the build is; `free` says how many bytes may go to a folder's disk.

    Raises:
        CorpusError: if the corpus cannot be read, is empty, or holds bad documents and `options.skip_bad` is off.
        IndexFormatError: if it is an index that is damaged.
        BuildError: if the folder holds something else, or the inputs have changed.
        DiskSpaceError: if the index would not fit on the disk.
        MissingExtraError, DeviceError: if the index needs inverted lists and FAISS cannot fit them.
    """
    index_path, options = Path(index_path), options or PassageBuildOptions()
    check_target(index_path)
    if not isinstance(corpus, str | os.PathLike):
        with written_documents(corpus, index_path, skip_bad=options.skip_bad) as path:
            return build_passages(path, index_path, encoder=encoder, options=options, progress=progress, free=free)
    check_apart(Path(corpus), index_path)
    source = open_source(Path(corpus), options.reading())
    run = _PassageRun(Path(corpus), index_path, source, encoder, options, ProgressCounter(progress))
    carry_out(index_path, run.plan(), partial(run.build_parts, free=free))
    run.counter.enter("done")
    return PassageManifest.load(index_path)


@dataclass(frozen=True, slots=True)
class _PassageRun:
    corpus: Path
    index_path: Path
    source: PassageSource
    encoder: PassageEncoder | None
    options: PassageBuildOptions
    counter: ProgressCounter

    @property
    def segment(self) -> Path:
        return self.index_path / SEGMENTS_FOLDER / SEGMENT

    @property
    def vector_size(self) -> int:
        return 0 if self.encoder is None else self.encoder.config.vector_size

    def plan(self) -> BuildInputs:
        """Read the corpus once; what is wrong with it shows now and not after hours."""
        self.counter.enter("reading the corpus")
        shards = tuple(plan_shards(self.source.documents(), self.options.shard_characters))
        cutting = self.source.cutting
        how_cut: dict[str, int | str | None] = {
            "cutting tokenizer": cutting.tokenizer,
            "cutting capacity": cutting.capacity,
        }
        return BuildInputs(
            shards,
            encoder="" if self.encoder is None else self.encoder.fingerprint,
            precision="" if self.encoder is None else self.encoder.precision,
            options=self.options.stored() | how_cut,
            versions=versions_of("cpu" if self.encoder is None else self.encoder.device),
            content="passages",
        )

    def build_parts(self, state: BuildState, inputs: BuildInputs, is_new: bool, free: FreeBytes) -> None:
        """Make what there is no record of, then the manifest."""
        finished = self._finished(state, len(inputs.shards))
        try:
            encoder_record = None if self.encoder is None else copy_encoder(state, self.encoder)
            sample = self._sample(state, inputs)
            left = inputs.characters - sum(inputs.shards[number].characters for number in finished)
            self._check_space(inputs, sample, left, free)
        except DiskSpaceError:
            if is_new:  # leave the disk as it was
                shutil.rmtree(self.index_path)
            raise
        make_folder(self.segment)
        coder = self._coder(state, sample)
        shards = self._build_shards(state, inputs, coder, finished)
        parts = SegmentParts(state, self.segment, shards, self.options, self.counter)
        vectors = None if coder is None else parts.vectors(coder.quantiser, sample.passages)
        ann = parts.ann(vectors, None if coder is None else coder.encoder.device)
        terms = parts.terms()
        segment = PassageSegment(SEGMENT, shards, terms, vectors, ann)
        options = {name: inputs.options[name] for name in self.options.stored()}
        weight = None if self.encoder is None else self.encoder.config.term_weight
        weight = None if weight is None else float(weight)
        manifest = PassageManifest(encoder_record, self.source.cutting, (segment,), options, inputs.versions, weight)
        manifest.save(self.index_path)

    def _finished(self, state: BuildState, shards: int) -> dict[int, FinishedShard]:
        finished = finished_shards(state, FinishedShard, self.segment, shards, self.counter)
        return {
            number: record
            for number, record in finished.items()
            if record.codes is None or is_intact(state.folder, record.codes)
        }

    def _sample(self, state: BuildState, inputs: BuildInputs) -> SampleRecord:
        record = state.read("sample", SampleRecord)
        if record is not None and (record.quantiser is None or is_intact(state.folder, record.quantiser)):
            return record
        self.counter.enter("sampling passages")
        sample, quantiser = PassageSample.take(self.source, inputs.characters), None
        if self.encoder is not None:
            path = state.folder / _QUANTISER_FILE
            fitted = fit_vector_quantiser(encode_checked(self.encoder, sample.inputs))
            checksums = write_columns(path, vector_quantiser_columns(fitted), {"kind": "quantiser"})
            quantiser = FileRecord.of(path, checksums)
        record = SampleRecord(sample.rates(self.options.language, state.folder), len(sample.inputs), quantiser)
        state.write("sample", record)
        return record

    def _coder(self, state: BuildState, sample: SampleRecord) -> PassageCoder | None:
        if self.encoder is None or sample.quantiser is None:
            return None
        columns = map_columns(state.folder / sample.quantiser.file)
        return PassageCoder(self.encoder, read_vector_quantiser(columns, self.vector_size))

    def _check_space(self, inputs: BuildInputs, sample: SampleRecord, left: int, free: FreeBytes) -> None:
        rates, limit = sample.rates, self.options.flat_limit
        if self.encoder is not None and rates.passages * inputs.characters > limit:
            open_faiss(self.encoder.device)  # what is missing shows now and not after hours
        needed = rates.bytes_left(left, inputs.characters, self.vector_size, limit)
        check_space(needed, self.index_path, free(self.index_path))

    def _build_shards(
        self, state: BuildState, inputs: BuildInputs, coder: PassageCoder | None, finished: dict[int, FinishedShard]
    ) -> tuple[TextShardRecord, ...]:
        resumed = sum(inputs.shards[number].characters for number in finished)
        self.counter.enter("encoding", total=inputs.characters, resumed=resumed)
        firsts = list(accumulate((shard.documents for shard in inputs.shards), initial=0))
        if len(finished) < len(inputs.shards):
            documents, characters = self.source.documents(quiet=True), self.options.shard_characters
            with BackgroundWriter() as writer:
                for number, members in planned_shards(self.corpus, documents, characters, inputs.shards, set(finished)):
                    cut = self.source.cut(members, firsts[number])
                    content = build_passage_shard(members, cut, coder, self._report_encoded)
                    writer.submit(partial(self._write_shard, state, number, content, finished))
        return tuple(
            TextShardRecord(finished[number].file, finished[number].counts) for number in range(len(inputs.shards))
        )

    def _report_encoded(self, documents: int, characters: int, tokens: int) -> None:
        self.counter.advance(done=characters, documents=documents, tokens=tokens)

    def _write_shard(
        self, state: BuildState, number: int, content: PassageShardContent, finished: dict[int, FinishedShard]
    ) -> None:
        path, waiting, codes = self.segment / f"{shard_name(number)}.h5", codes_path(state, number), None
        if self.encoder is not None:
            codes = FileRecord.of(waiting, content.write_codes(waiting))
        record = FinishedShard(FileRecord.of(path, content.write(path)), content.counts, codes)
        state.write(shard_name(number), record)
        finished[number] = record
        self.counter.advance(written=record.file.bytes + (0 if codes is None else codes.bytes))
