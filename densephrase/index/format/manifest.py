"""The manifest: what an index is made of, with the checksum of every byte; it carries no times and no outer paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import Counts, EncoderRecord, FileRecord, Quantisation, SegmentRecord
from densephrase.index.format.manifest_file import PHRASES, ManifestFile
from densephrase.storage.records import record_from_json

INDEX_FORMAT_VERSION = 4


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole index.

    `options` are the build options that the bytes depend on, `versions` those of the libraries that made them.
    """

    encoder: EncoderRecord
    quantisation: Quantisation
    segments: tuple[SegmentRecord, ...]
    options: Mapping[str, int | str | None]
    versions: Mapping[str, str]

    @property
    def counts(self) -> Counts:
        """The sums over all shards."""
        shards = [asdict(shard.counts) for segment in self.segments for shard in segment.shards]
        return Counts(**{name: sum(shard[name] for shard in shards) for name in Counts.__dataclass_fields__})

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Every file of columns that belongs to no segment."""
        return () if self.quantisation.codebooks is None else (self.quantisation.codebooks,)

    @property
    def bytes(self) -> int:
        """Size of all columns files on disk."""
        return sum(file.bytes for file in (*self.files, *(file for item in self.segments for file in item.files)))

    def save(self, index_path: Path) -> None:
        """Write manifest.json atomically; with it the index is complete."""
        _file(index_path).write({"counts": asdict(self.counts), **asdict(self)})

    @classmethod
    def load(cls, index_path: Path) -> Manifest:
        """Read and check the manifest of the index at `index_path`.

        Raises:
            IndexFormatError: if there is none, or it is damaged, of another format version, or names outer files.
        """
        file = _file(index_path)
        try:
            content = file.read()
            counts = record_from_json(Counts, content.pop("counts", None), f"{file.path}: counts")
            manifest = record_from_json(cls, content, f"{file.path}: manifest")
        except RecursionError as error:
            raise IndexFormatError(f"{file.path}: the content is nested too deeply; rebuild the index") from error
        manifest.check(file.path, counts)
        return manifest

    def check(self, path: Path, counts: Counts) -> None:
        """Raise IndexFormatError, which names `path`, where the parts don't fit each other or the stored `counts`."""
        names = [self.encoder.path, *self.encoder.files, *(file.file for file in self.files)]
        for segment in self.segments:
            names += [segment.name, *(file.file for file in segment.files)]
        _file(path.parent).check_names(names)
        if counts != self.counts:
            raise IndexFormatError(f"{path}: counts are {counts}, but the shards add up to {self.counts}")
        quantisation = self.quantisation
        if problem := quantisation.problem():
            raise IndexFormatError(f"{path}: {problem}; rebuild the index")
        for segment in self.segments:
            if problem := segment.problem(quantisation):
                raise IndexFormatError(f"{path}: {problem}; rebuild the index")


def _file(index_path: Path) -> ManifestFile:
    return ManifestFile.of(index_path, PHRASES, INDEX_FORMAT_VERSION)
