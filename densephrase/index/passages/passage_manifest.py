"""The manifest of an index of passages: its parts, with the checksum of every byte; no times and no outer paths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import (
    AnnRecord,
    EncoderRecord,
    FileRecord,
    Quantisation,
    TermsRecord,
    TextCounts,
    segment_problem,
)
from densephrase.index.format.manifest_file import PASSAGES, ManifestFile
from densephrase.storage.records import record_from_json

PASSAGE_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cutting:
    """How texts were cut into passages: each has at most `capacity` word pieces of a tokenizer.

    tokenizer: the sha256 of its file. Indexes of one corpus with equal cutting have equal paragraphs, row by row.
    """

    tokenizer: str
    capacity: int


@dataclass(frozen=True, slots=True)
class VectorsRecord:
    """The file of vectors: how many dimensions they have, and to how many passages their quantiser was fitted."""

    size: int
    sample: int
    file: FileRecord

    @property
    def quantisation(self) -> Quantisation:
        """How they are stored: codes of 8 bits, without coherency."""
        return Quantisation("int8", self.size, 0)


@dataclass(frozen=True, slots=True)
class TextShardRecord:
    """The file of a shard and what is in it."""

    file: FileRecord
    counts: TextCounts


@dataclass(frozen=True, slots=True)
class PassageSegment:
    """A folder of shards with one term index and, where there is an encoder, one file of vectors over all of them."""

    name: str
    shards: tuple[TextShardRecord, ...]
    terms: TermsRecord
    vectors: VectorsRecord | None
    ann: AnnRecord

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Every file of the segment."""
        vectors = None if self.vectors is None else self.vectors.file
        others = vectors, self.ann.file, self.terms.file
        return (*(shard.file for shard in self.shards), *(file for file in others if file is not None))

    def problem(self) -> str | None:
        """Return what does not fit, None where everything does."""
        ann = self.ann
        if problem := segment_problem(self.name, self.files, len(self.shards), ann):
            return problem
        if self.vectors is None:
            return None if ann.file is None else f"segment {self.name} has inverted lists, but no vectors"
        if ann.file is not None and ann.dimensions != self.vectors.size:
            return (
                f"the lists of segment {self.name} hold {ann.dimensions} dimensions of vectors of {self.vectors.size}"
            )
        return self.vectors.quantisation.problem()


@dataclass(frozen=True, slots=True)
class PassageManifest:
    """The whole index. There is an encoder where there are vectors; without, it is searched by terms only.

    `options` are the build options that the bytes depend on, `versions` those of the libraries that made them.
    `term_weight` is the tuned weight of BM25 beside the scores of the encoder, None where none was tuned.
    """

    encoder: EncoderRecord | None
    cutting: Cutting
    segments: tuple[PassageSegment, ...]
    options: Mapping[str, int | str | None]
    versions: Mapping[str, str]
    term_weight: float | None = None

    def with_term_weight(self, weight: float) -> PassageManifest:
        """Return the manifest with another tuned weight."""
        return replace(self, term_weight=float(weight))

    @property
    def counts(self) -> TextCounts:
        """The sums over all shards."""
        shards = [asdict(shard.counts) for segment in self.segments for shard in segment.shards]
        return TextCounts(**{name: sum(shard[name] for shard in shards) for name in TextCounts.__dataclass_fields__})

    @property
    def bytes(self) -> int:
        """Size of all columns files on disk."""
        return sum(file.bytes for segment in self.segments for file in segment.files)

    def save(self, index_path: Path) -> None:
        """Write manifest.json atomically; with it the index is complete."""
        _file(index_path).write({"counts": asdict(self.counts), **asdict(self)})

    @classmethod
    def load(cls, index_path: Path) -> PassageManifest:
        """Read and check the manifest of the index of passages at `index_path`.

        Raises:
            IndexFormatError: if there is none, or it is damaged, of another kind or version, or names outer files.
        """
        file = _file(index_path)
        try:
            content = file.read()
            counts = record_from_json(TextCounts, content.pop("counts", None), f"{file.path}: counts")
            manifest = record_from_json(cls, content, f"{file.path}: manifest")
        except RecursionError as error:
            raise IndexFormatError(f"{file.path}: the content is nested too deeply; rebuild the index") from error
        manifest.check(file, counts)
        return manifest

    def check(self, file: ManifestFile, counts: TextCounts) -> None:
        """Raise IndexFormatError, which names the `file`, where the parts don't fit each other or stored `counts`."""
        names = [] if self.encoder is None else [self.encoder.path, *self.encoder.files]
        for segment in self.segments:
            names += [segment.name, *(member.file for member in segment.files)]
        file.check_names(names)
        if self.term_weight is not None and not 0 <= self.term_weight < math.inf:
            raise IndexFormatError(
                f"{file.path}: term_weight is {self.term_weight}, expected at least 0; tune it again"
            )
        if counts != self.counts:
            raise IndexFormatError(f"{file.path}: counts are {counts}, but the shards add up to {self.counts}")
        for segment in self.segments:
            problem = segment.problem()
            if problem is None and (segment.vectors is None) != (self.encoder is None):
                problem = f"segment {segment.name} has vectors without an encoder, or none beside one"
            if problem is not None:
                raise IndexFormatError(f"{file.path}: {problem}; rebuild the index")


def _file(index_path: Path) -> ManifestFile:
    return ManifestFile.of(index_path, PASSAGES, PASSAGE_FORMAT_VERSION)
