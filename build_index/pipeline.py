"""Build an index: plan, estimate, encode shard by shard, add the ANN and the term index, then write the manifest.

Every part is a file that appears complete or not at all, followed by a record; a build that is run again skips what is
recorded. Nothing depends on when or how often it was stopped, so the finished files are always the same.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from densephrase.build_index.compact.end_rows import ENDS_FILE, EndSettings, write_end_rows
from densephrase.build_index.disk_estimate import SizeRates, measure_rates
from densephrase.build_index.lists.inverted_list_builder import ANN_FILE, write_inverted_lists
from densephrase.build_index.lists.list_training import open_faiss
from densephrase.build_index.run.background import BackgroundWriter
from densephrase.build_index.run.build_inputs import BuildInputs, carry_out, versions_of
from densephrase.build_index.run.build_state import BuildState, check_apart, check_target
from densephrase.build_index.run.encoder_copy import copy_encoder
from densephrase.build_index.run.finished_parts import SEGMENT, finished_shards, is_intact, shard_name
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.plan import plan_shards, planned_shards
from densephrase.build_index.run.progress import Listener, ProgressCounter
from densephrase.build_index.run.resources import FreeBytes, check_space, free_bytes
from densephrase.build_index.shards.shard_builder import ShardContent, build_shard
from densephrase.build_index.shards.terms import write_terms
from densephrase.build_index.stored_form import StoredForm, asked, compact_form, rows_path
from densephrase.corpus.memory import written_documents
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document
from densephrase.encoder.config import EncoderConfig
from densephrase.errors import DiskSpaceError
from densephrase.index.format.index_parts import AnnRecord, FileRecord, SegmentRecord, ShardRecord, TermsRecord
from densephrase.index.format.manifest import Manifest
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.storage.atomic_file import make_folder

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


def build(
    corpus: str | Path | Iterable[Document],
    index_path: str | Path,
    *,
    encoder: PhraseEncoder,
    options: BuildOptions | None = None,
    progress: Listener | None = None,
    free: FreeBytes = free_bytes,
) -> Manifest:
    """Build the index of `corpus` in the folder `index_path`, or continue a build that was stopped there.

    The corpus is read twice (to plan and to encode) and never held in memory; documents that are handed over are asked
    for once, and kept in a file beside the index meanwhile. To continue, hand over the same ones again. Inverted lists
    are fitted on the device of the encoder. `progress` is told how far the build is; `free` says how many bytes may go
    to a folder's disk.

    Raises:
        CorpusError: if the corpus cannot be read, is empty, or holds bad documents and `options.skip_bad` is off.
        BuildError: if the folder holds something else, or the inputs have changed.
        DiskSpaceError: if the index would not fit on the disk.
        MissingExtraError, DeviceError: if the index needs inverted lists and FAISS cannot fit them.
    """
    index_path = Path(index_path)
    check_target(index_path)
    if not isinstance(corpus, str | os.PathLike):
        with written_documents(corpus, index_path, skip_bad=(options or BuildOptions()).skip_bad) as path:
            return build(path, index_path, encoder=encoder, options=options, progress=progress, free=free)
    check_apart(Path(corpus), index_path)
    run = _Run(Path(corpus), index_path, encoder, options or BuildOptions(), ProgressCounter(progress))
    carry_out(index_path, run.plan(), partial(run.build_parts, free=free))
    run.counter.enter("done")
    return Manifest.load(index_path)


@dataclass(frozen=True, slots=True)
class _Run:
    corpus: Path
    index_path: Path
    encoder: PhraseEncoder
    options: BuildOptions
    counter: ProgressCounter

    @property
    def segment(self) -> Path:
        return self.index_path / SEGMENTS_FOLDER / SEGMENT

    def plan(self) -> BuildInputs:
        """Read the corpus once; what is wrong with it shows now and not after hours."""
        self.counter.enter("reading the corpus")
        documents = read_corpus(self.corpus, **self.options.reading())
        shards = tuple(plan_shards(documents, self.options.shard_characters))
        encoder, options = self.encoder, self.options.stored()
        return BuildInputs(shards, encoder.fingerprint, encoder.precision, options, versions_of(encoder.device))

    def documents(self) -> Iterator[Document]:
        """Read the corpus again; what is left out was told while planning."""
        return read_corpus(self.corpus, **self.options.reading(), quiet=True)

    def build_parts(self, state: BuildState, inputs: BuildInputs, is_new: bool, free: FreeBytes) -> None:
        """Make what there is no record of, then the manifest."""
        finished = finished_shards(state, ShardRecord, self.segment, len(inputs.shards), self.counter)
        try:
            encoder_record = copy_encoder(state, self.encoder, _settings)
            form = self._form(state, inputs)
            left = inputs.characters - sum(inputs.shards[number].characters for number in finished)
            self._check_space(state, inputs, form, left, free)
        except DiskSpaceError:
            if is_new:  # leave the disk as it was
                shutil.rmtree(self.index_path)
            raise
        make_folder(self.segment)
        shards = self._build_shards(state, inputs, form, finished)
        ann = self._build_ann(state, form, shards)
        ends = self._build_ends(state, form, shards, ann)
        terms = self._build_terms(state, form, shards)
        segments = (SegmentRecord(SEGMENT, shards, ann, terms, ends),)
        Manifest(encoder_record, form.quantisation, segments, inputs.options, inputs.versions).save(self.index_path)

    def _form(self, state: BuildState, inputs: BuildInputs) -> StoredForm:
        if self.options.profile != "compact":
            return StoredForm.plain(self.encoder)
        return compact_form(state, self.encoder, self.documents(), inputs.characters, self.options.seed, self.counter)

    def _check_space(
        self, state: BuildState, inputs: BuildInputs, form: StoredForm, left: int, free: FreeBytes
    ) -> None:
        rates = state.read("estimate", SizeRates)
        if rates is None:
            self.counter.enter("estimating disk space")
            rates = measure_rates(
                self.documents(),
                inputs.characters,
                form.encoder,
                self.options.language,
                state.folder,
                form.quantisation,
            )
            state.write("estimate", rates)
        if rates.starts * inputs.characters > self.options.flat_limit:
            open_faiss(self.encoder.device)  # what is missing shows now and not after hours
        needed = rates.bytes_left(left, inputs.characters, *form.beside_shards(self.options))
        check_space(needed, self.index_path, free(self.index_path))

    def _build_shards(
        self, state: BuildState, inputs: BuildInputs, form: StoredForm, finished: dict[int, ShardRecord]
    ) -> tuple[ShardRecord, ...]:
        resumed = sum(inputs.shards[number].characters for number in finished)
        self.counter.enter("encoding", total=inputs.characters, resumed=resumed)
        if len(finished) < len(inputs.shards):
            characters, done = self.options.shard_characters, set(finished)
            with BackgroundWriter() as writer:
                for number, members in planned_shards(self.corpus, self.documents(), characters, inputs.shards, done):
                    # No name for the content here: it is large, and gone when it is written.
                    writer.submit(
                        partial(
                            self._write_shard,
                            state,
                            number,
                            build_shard(members, form.encoder, self._report_encoded, form.quantisation),
                            finished,
                        )
                    )
        return tuple(finished[number] for number in range(len(inputs.shards)))

    def _report_encoded(self, documents: int, characters: int, tokens: int) -> None:
        self.counter.advance(done=characters, documents=documents, tokens=tokens)

    def _write_shard(
        self, state: BuildState, number: int, content: ShardContent, finished: dict[int, ShardRecord]
    ) -> None:
        path = self.segment / f"{shard_name(number)}.h5"
        if content.rows:
            content.write_rows(rows_path(state, number))
        checksums = content.write(path)
        record = ShardRecord(FileRecord(path.name, path.stat().st_size, checksums), content.counts)
        state.write(shard_name(number), record)
        finished[number] = record
        self.counter.advance(written=record.file.bytes)

    def _build_ann(self, state: BuildState, form: StoredForm, shards: tuple[ShardRecord, ...]) -> AnnRecord:
        starts = sum(shard.counts.starts for shard in shards)
        if starts <= self.options.flat_limit and form.codebooks is None:
            return AnnRecord("flat")
        record = state.read("ann", AnnRecord)
        if record is not None and record.file is not None and is_intact(self.segment, record.file):
            return record
        self.counter.enter("inverted lists", total=2 * starts)
        record = write_inverted_lists(
            form.rows(state, self._paths(shards), "start"),
            self.segment / ANN_FILE,
            self.encoder.start_quantiser,
            form.list_settings(state, self.options, starts, self.encoder.device),
            self.counter.advance,
        )
        state.write("ann", record)
        return record

    def _build_ends(
        self, state: BuildState, form: StoredForm, shards: tuple[ShardRecord, ...], ann: AnnRecord
    ) -> FileRecord | None:
        if form.codebooks is None:
            return None
        record = state.read("ends", FileRecord)
        if record is not None and is_intact(self.segment, record):
            return record
        rows = form.rows(state, self._paths(shards), "end")
        self.counter.enter("ends", total=rows.count)
        record = write_end_rows(
            rows,
            self.segment / ENDS_FILE,
            form.preceding_starts(self.segment, shards, ann, self.encoder.start_quantiser),
            self.encoder.end_quantiser,
            EndSettings(form.quantisation.end_groups, asked(state, "end"), self.options.seed),
            self.counter.advance,
        )
        state.write("ends", record)
        return record

    def _paths(self, shards: tuple[ShardRecord, ...]) -> list[Path]:
        return [self.segment / shard.file.file for shard in shards]

    def _build_terms(self, state: BuildState, form: StoredForm, shards: tuple[ShardRecord, ...]) -> TermsRecord:
        record = state.read("terms", TermsRecord)
        if record is not None and is_intact(self.segment, record.file):
            return record
        self.counter.enter("terms", total=sum(shard.counts.paragraphs for shard in shards))
        opened = (form.open_shard(self.segment, shard) for shard in shards)
        record = write_terms(self.segment, opened, self.options.language, self.counter.advance, form.term_form)
        state.write("terms", record)
        return record


def _settings(encoder: Path) -> str:
    """Return what the configuration of an encoder's copy says beside its confidence, which may be fitted again."""
    return EncoderConfig.load(encoder).digest_without_confidence()
