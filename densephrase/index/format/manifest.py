"""The manifest: what an index is made of, with the checksum of every byte; it carries no times and no outer paths."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import Counts, EncoderRecord, FileRecord, Quantisation, SegmentRecord
from densephrase.storage.atomic_file import write_json_file
from densephrase.storage.records import brief, record_from_json
from densephrase.storage.regular_file import MISSING, file_problem, reason
from densephrase.storage.strict_json import decode_json

FORMAT = "densephrase-index"
INDEX_FORMAT_VERSION = 4
MANIFEST_FILE = "manifest.json"
SEGMENTS_FOLDER = "segments"
ENCODER_FOLDER = "encoder"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")  # file systems know no longer ones
_MOST_BYTES = 64 << 20  # of a manifest; one of 10,000 shards takes about 30 MB


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
        content = {
            "format": FORMAT,
            "format_version": INDEX_FORMAT_VERSION,
            "counts": asdict(self.counts),
            **asdict(self),
        }
        write_json_file(index_path / MANIFEST_FILE, {**content, "checksum": _checksum(content)})

    @classmethod
    def load(cls, index_path: Path) -> Manifest:
        """Read and check the manifest of the index at `index_path`.

        Raises:
            IndexFormatError: if there is none, or it is damaged, of another format version, or names outer files.
        """
        path = index_path / MANIFEST_FILE
        try:
            return cls._from_content(path, _read(path))
        except RecursionError as error:
            raise IndexFormatError(f"{path}: the content is nested too deeply; rebuild the index") from error

    @classmethod
    def _from_content(cls, path: Path, content: dict[str, Any]) -> Manifest:
        for key, wanted in (("format", FORMAT), ("format_version", INDEX_FORMAT_VERSION)):
            found = content.pop(key, None)
            if found != wanted:
                problem = f"{key} is {brief(found)}, this version reads {wanted!r}"
                raise IndexFormatError(f"{path}: {problem}; rebuild the index")
        counts = record_from_json(Counts, content.pop("counts", None), f"{path}: counts")
        manifest = record_from_json(cls, content, f"{path}: manifest")
        manifest.check(path, counts)
        return manifest

    def check(self, path: Path, counts: Counts) -> None:
        """Raise IndexFormatError, which names `path`, where the parts don't fit each other or the stored `counts`."""
        names = [self.encoder.path, *self.encoder.files, *(file.file for file in self.files)]
        for segment in self.segments:
            names += [segment.name, *(file.file for file in segment.files)]
        for name in names:
            if not _PLAIN_NAME.fullmatch(name):
                found = f"{brief(name)} is not a plain file name"
                raise IndexFormatError(f"{path}: {found}; do not use an index from this source")
        if counts != self.counts:
            raise IndexFormatError(f"{path}: counts are {counts}, but the shards add up to {self.counts}")
        quantisation = self.quantisation
        if problem := quantisation.problem():
            raise IndexFormatError(f"{path}: {problem}; rebuild the index")
        for segment in self.segments:
            if problem := segment.problem(quantisation):
                raise IndexFormatError(f"{path}: {problem}; rebuild the index")


def _read(path: Path) -> dict[str, Any]:
    problem = file_problem(path)
    if problem == MISSING:
        raise IndexFormatError(
            f"{path.parent} holds no finished index ({MANIFEST_FILE} is missing); give the folder of an index, "
            "or run the build (again) to finish one"
        )
    try:
        if problem is None and path.stat().st_size > _MOST_BYTES:
            problem = f"the file has more than {_MOST_BYTES} bytes"
        content = None if problem else decode_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problem = f"not readable as JSON ({reason(error)})"
    if problem:
        raise IndexFormatError(f"{path}: {problem}; rebuild the index")
    if not isinstance(content, dict):
        raise IndexFormatError(f"{path}: expected a JSON object; rebuild the index")
    version = content.get("format_version")
    if version == INDEX_FORMAT_VERSION and content.pop("checksum", None) != _checksum(content):
        raise IndexFormatError(f"{path}: the content does not fit its checksum; the file was damaged or edited")
    content.pop("checksum", None)
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
