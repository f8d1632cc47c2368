"""The parts of an index as the manifest records them: how rows are stored, which files there are, what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from densephrase.storage.records import brief

HEAD_COUNT = 4  # of sparse vectors: unigrams and bigrams of starts, then of ends
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

    @classmethod
    def of(cls, path: Path, checksums: dict[str, str]) -> FileRecord:
        """Return the record of a file that has just been written with these checksums."""
        return cls(path.name, path.stat().st_size, checksums)


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
            return 2 * self.sparse_rank, 2 * self.sparse_rank, HEAD_COUNT * self.sparse_rank
        starts = sum(head < HEAD_COUNT // 2 for head in self.sparse_heads)
        return starts, len(self.sparse_heads) - starts, len(self.sparse_heads)

    def problem(self) -> str | None:
        """Return what makes no sense, None where everything does."""
        heads, groups = self.sparse_heads, (self.start_groups, self.end_groups)
        if list(heads) != sorted(set(heads) & set(range(HEAD_COUNT))) or (heads and not self.sparse_rank):
            return f"sparse heads {brief(heads)} are not some of 0 to {HEAD_COUNT - 1}, ascending"
        is_int8 = (self.type, groups, self.sparse_heads, self.codebooks) == ("int8", (0, 0), (), None)
        is_product = self.type == "product" and min(groups) > 0 and self.codebooks is not None
        if not (is_int8 or is_product) or not self.vector_size:
            return f"quantisation {self} is unknown"
        if max(self.columns, self.sparse_rank) > _MOST_COLUMNS:
            return f"quantisation {self} has more than {_MOST_COLUMNS} dimensions"
        return None


@dataclass(frozen=True, slots=True)
class TextCounts:
    """How much text an index or a part of it holds; `tokens` are the paragraphs' own word pieces."""

    documents: int
    paragraphs: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Counts(TextCounts):
    """How much an index of phrases or a part of it holds."""

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


def segment_problem(name: str, files: Sequence[FileRecord], shards: int, ann: AnnRecord) -> str | None:
    """Return what fits no segment of either kind of index, None where everything does."""
    if not shards:
        return f"segment {name} has no shards"
    if len({file.file for file in files}) < len(files):
        return f"segment {name} names a file twice"
    if ann.kind != ("flat" if ann.file is None else "inverted-lists"):
        return f"segment {name} has an unknown kind of ANN, {ann.kind!r}"
    return None


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
        ann = self.ann
        if problem := segment_problem(self.name, self.files, len(self.shards), ann):
            return problem
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
