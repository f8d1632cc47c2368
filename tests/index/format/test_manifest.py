from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from densephrase.errors import IndexFormatError
from densephrase.index.format import manifest_file
from densephrase.index.format.index_parts import (
    AnnRecord,
    Counts,
    EncoderRecord,
    FileRecord,
    Quantisation,
    SegmentRecord,
    ShardRecord,
    TermsRecord,
)
from densephrase.index.format.manifest import Manifest

SHARDS = (
    ShardRecord(FileRecord("shard-00000.h5", 10, {"a": "0" * 64}), Counts(1, 2, 3, 4, 5)),
    ShardRecord(FileRecord("shard-00001.h5", 20, {"a": "1" * 64}), Counts(10, 20, 30, 40, 50)),
)
TERMS = TermsRecord("english-1", FileRecord("terms.h5", 5, {}))
SEGMENT = SegmentRecord("000001", SHARDS, AnnRecord("flat"), TERMS)
MANIFEST = Manifest(
    EncoderRecord("encoder", "f" * 64, {"config.json": "e" * 64}),
    Quantisation("int8", 12, 3),
    (SEGMENT,),
    {"seed": 0, "lists": None, "language": "english"},
    {"numpy": "2"},
)


def test_round_trip(tmp_path: Path) -> None:
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path) == MANIFEST
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_round_trip_with_lists(tmp_path: Path) -> None:
    ann = AnnRecord("inverted-lists", 8, 2, 12, 100, 10, 0, FileRecord("ann.h5", 7, {"ids": "2" * 64}))
    manifest = replace(MANIFEST, segments=(replace(SEGMENT, ann=ann),))
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert manifest.bytes == 42


def test_sums() -> None:
    assert MANIFEST.counts == Counts(11, 22, 33, 44, 55)
    assert MANIFEST.bytes == 35
    assert MANIFEST.quantisation.row_sizes == (15, 15)


PRODUCT = Quantisation("product", 12, 3, 0, 5, 2, (), FileRecord("codebooks.h5", 3, {}))
LISTS = AnnRecord("inverted-lists", 8, 2, 5, 100, 10, 0, FileRecord("ann.h5", 7, {}))


def test_compact_round_trip(tmp_path: Path) -> None:
    segment = replace(SEGMENT, ann=LISTS, ends=FileRecord("ends.h5", 4, {"end_codes": "3" * 64}))
    manifest = replace(MANIFEST, quantisation=PRODUCT, segments=(segment,))
    manifest.save(tmp_path)
    assert Manifest.load(tmp_path) == manifest
    assert (manifest.bytes, PRODUCT.row_sizes) == (49, (5, 2))


@pytest.mark.parametrize(
    ("quantisation", "ends", "problem"),
    [
        (PRODUCT, None, "no product-quantised ends"),
        (Quantisation("int8", 12, 3), FileRecord("ends.h5", 4, {}), "ends beside rows of type 'int8'"),
        (replace(PRODUCT, end_groups=0), FileRecord("ends.h5", 4, {}), "unknown"),
        (replace(PRODUCT, start_groups=6), FileRecord("ends.h5", 4, {}), "hold 5 dimensions of vectors of 6"),
    ],
)
def test_rows_of_two_kinds_are_refused(
    tmp_path: Path, quantisation: Quantisation, ends: FileRecord | None, problem: str
) -> None:
    segments = (replace(SEGMENT, ann=LISTS, ends=ends),)
    replace(MANIFEST, quantisation=quantisation, segments=segments).save(tmp_path)
    with pytest.raises(IndexFormatError, match=problem):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": ' * 10_000, "\udcff"], ids=range(6))
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(IndexFormatError, match=r"manifest\.json"):
        Manifest.load(tmp_path)


def test_a_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="holds no finished index.*run the build"):
        Manifest.load(tmp_path)


def _edit(content: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split(".")
    place: Any = content
    for key in parents:
        place = place[int(key) if key.isdigit() else key]
    place[last] = value


def _save_edited(folder: Path, path: str, value: object) -> None:
    MANIFEST.save(folder)
    content = json.loads((folder / "manifest.json").read_text())
    _edit(content, path, value)
    (folder / "manifest.json").write_text(json.dumps(content))


def test_an_edited_manifest_is_noticed(tmp_path: Path) -> None:
    _save_edited(tmp_path, "versions.numpy", "3")
    with pytest.raises(IndexFormatError, match="does not fit its checksum"):
        Manifest.load(tmp_path)


def test_another_format_version_is_named(tmp_path: Path) -> None:
    _save_edited(tmp_path, "format_version", 3)
    with pytest.raises(IndexFormatError, match="format_version is 3, this version reads 4; rebuild the index"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize("dimensions", [0, 13])
def test_lists_of_impossible_dimensions_are_refused(tmp_path: Path, dimensions: int) -> None:
    ann = AnnRecord("inverted-lists", 8, 2, dimensions, 100, 10, 0, FileRecord("ann.h5", 7, {"ids": "2" * 64}))
    replace(MANIFEST, segments=(replace(SEGMENT, ann=ann),)).save(tmp_path)
    with pytest.raises(IndexFormatError, match=f"hold {dimensions} dimensions of vectors of 12; rebuild the index"):
        Manifest.load(tmp_path)


HOSTILE: dict[str, tuple[str, object]] = {
    "parent folder": ("encoder.path", "../other"),
    "absolute path": ("encoder.path", "/etc"),
    "dots": ("segments.0.name", ".."),
    "path in a shard": ("segments.0.shards.0.file.file", "../../secret.h5"),
    "backslash": ("segments.0.terms.file.file", "..\\secret.h5"),
    "line end": ("segments.0.terms.file.file", "terms.h5\n"),
    "encoder file": ("encoder.files", {"../../etc/passwd": "0"}),
    "negative count": ("segments.0.shards.0.counts.starts", -4),
    "counts that do not add up": ("segments.0.shards.0.counts.starts", 5),
    "unknown quantisation": ("quantisation.type", "int4"),
    "no dimensions": ("quantisation.vector_size", 0),
    "unknown ANN": ("segments.0.ann.kind", "hnsw"),
    "lists without file": ("segments.0.ann.kind", "inverted-lists"),
    "unknown key": ("segments.0.surprise", 1),
    "segments as text": ("segments", "all"),
    "counts missing": ("counts", None),
    "name too long for a file": ("segments.0.terms.file.file", "t" * 300),
    "no shards": ("segments.0.shards", []),
    "one file twice": ("segments.0.shards.1.file.file", "shard-00000.h5"),
    "more than an array holds": ("segments.0.ann.seed", 2**63),
    "a number of 4,000 digits": ("segments.0.ann.training_rows", 10**3999),
    "endless vectors": ("quantisation.vector_size", 2**40),
    "endless sparse vectors": ("quantisation.sparse_rank", 10**5),
    "heads without end": ("quantisation.sparse_heads", [0] * 100_000),
    "a surrogate": ("encoder.path", "\ud800"),
    "not a number": ("quantisation.vector_size", float("nan")),
    "nested format": ("format", [[[[["x" * 1000]]]]]),
}


@pytest.mark.parametrize(("path", "value"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_content_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, value: object) -> None:
    checksum: Callable[..., str] = lambda _: "fits"  # noqa: E731
    monkeypatch.setattr(manifest_file, "_checksum", checksum)  # an attacker would make it fit
    _save_edited(tmp_path, path, value)
    with pytest.raises(IndexFormatError, match=r"manifest\.json") as error:
        Manifest.load(tmp_path)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("depth", [100, *range(800, 1000, 10)])
@pytest.mark.parametrize("key", ["format", "extra", "segments"])
def test_nesting_that_json_still_reads_is_refused(tmp_path: Path, key: str, depth: int) -> None:
    content = f'{{"format": "densephrase-index", "format_version": 4, "{key}": {"[" * depth}{"]" * depth}}}'
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(IndexFormatError, match=r"manifest\.json"):
        Manifest.load(tmp_path)


def test_a_manifest_without_end_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(2**40)  # takes no place on the disk
    with pytest.raises(IndexFormatError, match="more than 67108864 bytes"):
        Manifest.load(tmp_path)
