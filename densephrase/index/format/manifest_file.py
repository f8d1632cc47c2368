"""The file of a manifest: JSON with a kind, a version and a checksum, written in one step and read with distrust."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densephrase.errors import IndexFormatError
from densephrase.storage.atomic_file import write_json_file
from densephrase.storage.records import brief
from densephrase.storage.regular_file import MISSING, file_problem, reason
from densephrase.storage.strict_json import decode_json

MANIFEST_FILE = "manifest.json"
SEGMENTS_FOLDER = "segments"
ENCODER_FOLDER = "encoder"
PHRASES, PASSAGES = "densephrase-index", "densephrase-passages"  # kinds of index, as `format` names them
_OPENED_BY = {
    PHRASES: "an index of phrases; open it with PhraseIndex.open, or search it with `densephrase ask`",
    PASSAGES: "an index of passages; open it with PassageIndex.open, or search it with `densephrase retrieve`",
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")  # file systems know no longer ones
_MOST_BYTES = 64 << 20  # of a manifest; one of 10,000 shards takes about 30 MB


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """Where the manifest of an index of one kind and version stands."""

    path: Path
    format: str
    version: int

    @classmethod
    def of(cls, index_path: Path, format: str, version: int) -> ManifestFile:
        """Return the manifest's file in the folder of an index."""
        return cls(index_path / MANIFEST_FILE, format, version)

    def write(self, content: Mapping[str, Any]) -> None:
        """Replace the manifest; with it an index is complete."""
        whole = {"format": self.format, "format_version": self.version, **content}
        write_json_file(self.path, {**whole, "checksum": _checksum(whole)})

    def read(self) -> dict[str, Any]:
        """Return what `write` was given, after checking that it is all there.

        Raises:
            IndexFormatError: if the file is missing or damaged, or of another kind or version.
        """
        content = _read(self.path)
        version, found = content.get("format_version"), content.get("format")
        if found != self.format and isinstance(found, str) and found in _OPENED_BY:
            raise IndexFormatError(f"{self.path.parent} is {_OPENED_BY[found]}")
        checksum = content.pop("checksum", None)
        if version == self.version and checksum != _checksum(content):
            raise IndexFormatError(
                f"{self.path}: the content does not fit its checksum; the file was damaged or edited"
            )
        for key, wanted in (("format", self.format), ("format_version", self.version)):
            found = content.pop(key, None)
            if found != wanted:
                problem = f"{key} is {brief(found)}, this version reads {wanted!r}"
                raise IndexFormatError(f"{self.path}: {problem}; rebuild the index")
        return content

    def check_names(self, names: Iterable[str]) -> None:
        """Raise IndexFormatError for a name that could lead out of the index."""
        for name in names:
            if not _PLAIN_NAME.fullmatch(name):
                found = f"{brief(name)} is not a plain file name"
                raise IndexFormatError(f"{self.path}: {found}; do not use an index from this source")


def index_kind(index_path: Path) -> str | None:
    """Return the kind of the index in a folder, PHRASES or PASSAGES; None where it holds none that can be read."""
    try:
        found = _read(index_path / MANIFEST_FILE).get("format")
    except (IndexFormatError, RecursionError):
        return None
    return found if isinstance(found, str) and found in _OPENED_BY else None


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
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
