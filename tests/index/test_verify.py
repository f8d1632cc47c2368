from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from densephrase.index.verify import verify
from densephrase.storage.columns import map_columns
from tests.index.spoil import Columns, rewrite, setting

SEGMENT = "segments/000001"
SHARD = "shard-00001.h5"
FILES = [
    f"{SEGMENT}/shard-00000.h5",
    f"{SEGMENT}/ann.h5",
    f"{SEGMENT}/terms.h5",
    "encoder/config.json",
    "manifest.json",
]


def test_a_sound_index_has_no_problems(built_index: Path) -> None:
    assert verify(built_index) == []


def test_a_path_may_be_relative_or_a_link(built_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(built_index)
    monkeypatch.chdir(built_index.parent)
    assert verify(built_index.name) == []
    assert verify(tmp_path / "link") == []


def _flip(path: Path, position: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1 << bit
    path.write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_any_flipped_bit_is_found_and_its_file_named(index_copy: Path, name: str) -> None:
    random = np.random.default_rng(1)
    original = (index_copy / name).read_bytes()
    for position in random.integers(0, len(original), 12):
        _flip(index_copy / name, int(position), int(random.integers(8)))
        # A manifest has white space between its parts, where any other white space means the same.
        if name != "manifest.json" or not chr(original[position]).isspace():
            assert any(name in problem for problem in verify(index_copy)), position
        (index_copy / name).write_bytes(original)


@pytest.mark.parametrize("column", ["text_blob", "start_codes", "paragraph_end", "end_token"])
def test_a_flipped_bit_in_a_column_is_named(index_copy: Path, column: str) -> None:
    path = index_copy / SEGMENT / SHARD
    span = map_columns(path).spans[column]
    _flip(path, span.offset + span.bytes // 2, 3)
    assert verify(index_copy) == [f"{SEGMENT}/{SHARD}: column '{column}' does not match the checksum"]


def test_a_flipped_bit_between_columns_is_named(index_copy: Path) -> None:
    path = index_copy / SEGMENT / SHARD
    spans = sorted(map_columns(path).spans.values(), key=lambda span: span.offset)
    gap = next(a.offset + a.bytes for a, b in zip(spans, spans[1:], strict=False) if a.offset + a.bytes < b.offset)
    _flip(path, gap, 0)
    assert verify(index_copy) == [f"{SEGMENT}/{SHARD}: the bytes outside its columns do not match the checksum"]


@pytest.mark.parametrize("name", FILES)
def test_missing_files_are_named(index_copy: Path, name: str) -> None:
    (index_copy / name).unlink()
    problems = verify(index_copy)
    assert len(problems) == 1
    assert name.split("/")[-1] in problems[0]
    assert "missing" in problems[0]


def test_cut_files_are_named(index_copy: Path) -> None:
    path = index_copy / SEGMENT / SHARD
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-100])
    assert f"{SEGMENT}/{SHARD}: the file has {size - 100} bytes, expected {size}" in verify(index_copy)


@pytest.mark.parametrize("name", [f"{SEGMENT}/deleted.npy", f"{SEGMENT}/shard-00099.h5", "encoder/pickle.bin"])
def test_unknown_files_are_named(index_copy: Path, name: str) -> None:
    (index_copy / name).write_bytes(b"")
    assert verify(index_copy) == [f"{name}: the file is not part of the index"]


def test_files_without_end_are_named_and_not_read(index_copy: Path) -> None:
    for name in (f"{SEGMENT}/{SHARD}", "encoder/config.json"):
        os.truncate(index_copy / name, 2**42)  # takes no place on the disk
    problems = verify(index_copy)
    assert [problem.partition(" the file has ")[0] for problem in problems] == [
        "encoder/config.json:",
        f"{SEGMENT}/{SHARD}:",
    ]


def test_swapped_shards_are_found(index_copy: Path) -> None:
    first, second = (index_copy / SEGMENT / f"shard-0000{number}.h5" for number in range(2))
    shutil.move(first, index_copy / "kept")
    shutil.move(second, first)
    shutil.move(index_copy / "kept", second)
    assert verify(index_copy)


def _swap(column: str, one: int, two: int) -> Callable[[Columns], Columns]:
    def change(columns: Columns) -> Columns:
        columns[column][[one, two]] = columns[column][[two, one]]
        return columns

    return change


def _first_id_from_the_shard_before(columns: Columns) -> Columns:
    columns["document_id_blob"][:4] = np.frombuffer(b"id-0", np.uint8)
    return columns


def _other_codes(columns: Columns) -> Columns:
    columns["codes"][5] ^= 1
    return columns


def _negative_piece(columns: Columns) -> Columns:
    columns["token_ids"] = columns["token_ids"].astype(np.int32)
    columns["token_ids"][4] = -1
    return columns


ROWS: dict[str, tuple[str, Callable[[Columns], Columns], str]] = {
    "paragraph past its text": (SHARD, setting("paragraph_end", 1, 10_000), "column 'paragraph_end', row 1"),
    "paragraph turned round": (SHARD, setting("paragraph_start", 0, 10_000), "column 'paragraph_end', row 0"),
    "paragraph before the last": (SHARD, setting("paragraph_start", 1, 1), "column 'paragraph_start', row 1"),
    "paragraph at another byte": (
        SHARD,
        setting("paragraph_byte", 1, 3),
        "column 'paragraph_byte', row 1: the value is",
    ),
    "negative tokens": (SHARD, setting("paragraph_tokens", 0, -1), "column 'paragraph_tokens' does not add up"),
    "other tokens": (SHARD, setting("paragraph_tokens", 0, 10_000), "column 'paragraph_tokens' does not add up"),
    "start outside": (SHARD, setting("start_char", 2, 10_000), "column 'start_char', row 2"),
    "end before its paragraph": (SHARD, setting("end_char", 0, 0), "column 'end_char', row 0"),
    "no such token": (SHARD, setting("end_token", 0, 10_000), "column 'end_token', row 0: the value is no token"),
    "tokens in no order": (SHARD, _swap("start_token", 0, 1), "column 'start_token', row 1: the value does not ascend"),
    "wide word pieces": (SHARD, _negative_piece, "column 'token_ids', row 4: the value is no word piece"),
    "bytes that are no text": (SHARD, setting("text_blob", 0, 255), "column 'text_blob': bytes 0 to"),
    "metadata that is no JSON": (SHARD, setting("metadata_blob", 0, 65), "document row 0"),
    "an id twice": (SHARD, _first_id_from_the_shard_before, "also stands in shard-00000.h5 row 0"),
    "a list in no order": ("ann.h5", _swap("ids", 0, 1), "column 'ids', row 1: the value does not ascend"),
    "a row twice": ("ann.h5", lambda c: {**c, "ids": np.zeros_like(c["ids"])}, "column 'ids': start row 0 stands"),
    "other codes": ("ann.h5", _other_codes, "column 'codes', row 5: the codes are not those of their start row"),
    "unknown posting": ("terms.h5", setting("paragraph_ids", 3, 10_000), "column 'paragraph_ids', row 3"),
    "empty posting": ("terms.h5", setting("document_tf", 2, 0), "column 'document_tf', row 2"),
    "pointer out of order": (SHARD, setting("paragraph_start_ptr", 1, 2**40), "'paragraph_start_ptr' does not ascend"),
}


@pytest.mark.parametrize(("name", "change", "message"), ROWS.values(), ids=list(ROWS))
def test_rows_that_do_not_fit_are_named(
    index_copy: Path, name: str, change: Callable[[Columns], Columns], message: str
) -> None:
    rewrite(index_copy, name, change)
    problems = verify(index_copy)
    assert any(message in problem and name in problem for problem in problems), problems
