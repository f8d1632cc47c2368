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
from densephrase.storage.atomic_file import write_json
from densephrase.storage.records import brief, record_from_json
from densephrase.storage.regular_file import MISSING, file_problem, reason
from densephrase.storage.strict_json import decode_json

FORMAT = "densephrase-index"
FORMAT_VERSION = 4
MANIFEST_FILE = "manifest.json"
SEGMENTS_FOLDER = "segments"
ENCODER_FOLDER = "encoder"
HEADS = 4  # of sparse vectors: unigrams and bigrams of starts, then of ends
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")  # file systems know no longer ones
_MOST_BYTES = 64 << 20  # of a manifest; one of 10,000 shards takes about 30 MB
_MOST_COLUMNS = 8192  # of a row: squares of them are held in memory


@dataclass(frozen=True, slots=True)
class EncoderRecord:
    """The encoder's copy: folder relative to the index, fingerprint, and the sha256 of each of its files.

    `settings` is a sha256 of its configuration without the confidence, which may be fitted again; None in indexes of
    former versions.
    """

    path: str
    fingerprint: str
    files: dict[str, str]
    settings: str | None = None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of columns: its size and the sha256 of each column and of all other bytes."""

    file: str
    bytes: int
    checksums: dict[str, str]


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How rows are stored: as codes of 8 bits ("int8") or as bytes of product quantisers ("product").

    An "int8" row holds `vector_size` + `coherency_rank` codes, whose offsets and scales belong to the encoder. Rows
    have contextualised sparse vectors too, as factors of `sparse_rank` dimensions, where that is not 0; then the word
    pieces of all tokens are stored with factors of their own. A "product" start holds `start_groups` bytes, which stand
    in the inverted lists with what they mean, and an end `end_groups`. A factor is one byte for each of the heads
    `sparse_heads`; what those stand for is in the file `codebooks`.
    """

    type: str
    vector_size: int
    coherency_rank: int
    sparse_rank: int = 0
    start_groups: int = 0
    end_groups: int = 0
    sparse_heads: tuple[int, ...] = ()
    codebooks: FileRecord | None = None

    @property
    def is_product(self) -> bool:
        """Whether rows are product-quantised."""
        return self.codebooks is not None

    @property
    def columns(self) -> int:
        """Columns that a row stands for: its vector and its coherency."""
        return self.vector_size + self.coherency_rank

    @property
    def code_type(self) -> str:
        """The dtype of codes."""
        return "uint8" if self.is_product else "int8"

    @property
    def row_sizes(self) -> tuple[int, int]:
        """Codes in a start and in an end row."""
        return (self.start_groups, self.end_groups) if self.is_product else (self.columns, self.columns)

    @property
    def factor_columns(self) -> tuple[int, int, int]:
        """Codes of sparse factors for each start, each end and each token."""
        if not self.is_product:
            return 2 * self.sparse_rank, 2 * self.sparse_rank, HEADS * self.sparse_rank
        starts = sum(head < HEADS // 2 for head in self.sparse_heads)
        return starts, len(self.sparse_heads) - starts, len(self.sparse_heads)

    def problem(self) -> str | None:
        """Return what makes no sense, None where everything does."""
        heads, groups = self.sparse_heads, (self.start_groups, self.end_groups)
        if list(heads) != sorted(set(heads) & set(range(HEADS))) or (heads and not self.sparse_rank):
            return f"sparse heads {brief(heads)} are not some of 0 to {HEADS - 1}, ascending"
        is_int8 = (self.type, groups, self.sparse_heads, self.codebooks) == ("int8", (0, 0), (), None)
        is_product = self.type == "product" and min(groups) > 0 and self.codebooks is not None
        if not (is_int8 or is_product) or not self.vector_size:
            return f"quantisation {self} is unknown"
        if max(self.columns, self.sparse_rank) > _MOST_COLUMNS:
            return f"quantisation {self} has more than {_MOST_COLUMNS} dimensions"
        return None


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an index or a part of it holds; `tokens` are the paragraphs' own word pieces."""

    documents: int
    paragraphs: int
    tokens: int
    starts: int
    ends: int


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """A shard's file and what is in it."""

    file: FileRecord
    counts: Counts


@dataclass(frozen=True, slots=True)
class AnnRecord:
    """How start vectors are searched: "flat" (scan all codes) or "inverted-lists" with the parameters of the fit.

    Lists hold the first `dimensions` codes of each start row; all of them where rows are product-quantised, which are
    stored nowhere else.
    """

    kind: str
    lists: int = 0
    groups: int = 0
    dimensions: int = 0
    training_rows: int = 0
    iterations: int = 0
    seed: int = 0
    file: FileRecord | None = None


@dataclass(frozen=True, slots=True)
class TermsRecord:
    """The term index and the name of the analyser that made its terms."""

    analyser: str
    file: FileRecord


@dataclass(frozen=True, slots=True)
class SegmentRecord:
    """A folder of shards with one ANN and one term index over all of them.

    `ends` are the product-quantised end rows of all shards, None where shards hold codes of 8 bits.
    """

    name: str
    shards: tuple[ShardRecord, ...]
    ann: AnnRecord
    terms: TermsRecord
    ends: FileRecord | None = None

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """Every file of the segment."""
        others = self.ann.file, self.ends, self.terms.file
        return (*(shard.file for shard in self.shards), *(file for file in others if file is not None))

    def problem(self, quantisation: Quantisation) -> str | None:
        """Return what does not fit rows that are stored so, None where everything does."""
        ann, names = self.ann, [file.file for file in self.files]
        if not self.shards:
            return f"segment {self.name} has no shards"
        if len(set(names)) < len(names):
            return f"segment {self.name} names a file twice"
        if ann.kind != ("flat" if ann.file is None else "inverted-lists"):
            return f"segment {self.name} has an unknown kind of ANN, {ann.kind!r}"
        if quantisation.is_product:
            fits = ann.file is not None and ann.dimensions == quantisation.start_groups
        else:
            fits = ann.file is None or 1 <= ann.dimensions <= quantisation.vector_size
        if not fits:
            size = quantisation.start_groups or quantisation.vector_size
            return f"the lists of segment {self.name} hold {ann.dimensions} dimensions of vectors of {size}"
        if (self.ends is None) == quantisation.is_product:
            found = "no product-quantised ends" if self.ends is None else "product-quantised ends"
            return f"segment {self.name} has {found} beside rows of type {quantisation.type!r}"
        return None


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
        content = {"format": FORMAT, "format_version": FORMAT_VERSION, "counts": asdict(self.counts), **asdict(self)}
        write_json(index_path / MANIFEST_FILE, {**content, "checksum": _checksum(content)})

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
        for key, wanted in (("format", FORMAT), ("format_version", FORMAT_VERSION)):
            found = content.pop(key, None)
            if found != wanted:
                problem = f"{key} is {brief(found)}, this version reads {wanted!r}"
                raise IndexFormatError(f"{path}: {problem}; rebuild the index")
        counts = record_from_json(Counts, content.pop("counts", None), f"{path}: counts")
        manifest = record_from_json(cls, content, f"{path}: manifest")
        manifest._check(path, counts)
        return manifest

    def _check(self, path: Path, counts: Counts) -> None:
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
    if version == FORMAT_VERSION and content.pop("checksum", None) != _checksum(content):
        raise IndexFormatError(f"{path}: the content does not fit its checksum; the file was damaged or edited")
    content.pop("checksum", None)
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
