from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from densephrase.errors import IndexFormatError
from densephrase.index.format.manifest import Manifest
from densephrase.index.index_reader import IndexReader
from tests.build_index.samples import random_documents
from tests.index.spoil import Columns, casting, cutting, dropping, rewrite, setting

SHARD = "shard-00001.h5"


def test_bases_number_the_shards_rows(built_index: Path) -> None:
    reader = IndexReader.open(built_index)
    assert len(reader.shards) > 2
    for name in ("documents", "paragraphs", "starts", "ends"):
        base = 0
        for shard, first in zip(reader.shards, getattr(reader.bases, name), strict=False):
            assert first == base
            base += getattr(shard.counts, name)
        assert getattr(reader.bases, name)[-1] == base == getattr(reader.manifest.counts, name)
        assert getattr(reader.bases, name).dtype == np.int64


def test_documents(built_index: Path) -> None:
    reader = IndexReader.open(built_index)
    documents = random_documents(24)
    assert [reader.document(row) for row in range(24)] == documents
    assert [title for shard in reader.shards for title in shard.titles] == [document.title for document in documents]
    assert [name for shard in reader.shards for name in shard.document_ids] == [item.id for item in documents]


@pytest.mark.parametrize("row", [-1, 24])
def test_rows_outside_are_index_errors(built_index: Path, row: int) -> None:
    with pytest.raises(IndexError, match=f"document row {row} of 24"):
        IndexReader.open(built_index).document(row)


def test_an_index_may_move(index_copy: Path, tmp_path: Path) -> None:
    moved = shutil.move(index_copy, tmp_path / "elsewhere")
    reader = IndexReader.open(moved)
    assert reader.encoder_path == tmp_path / "elsewhere" / "encoder"
    assert reader.document(5) == random_documents(24)[5]


@pytest.mark.parametrize("name", [SHARD, "ann.h5", "terms.h5"])
def test_missing_files_are_named(index_copy: Path, name: str) -> None:
    (index_copy / "segments" / "000001" / name).unlink()
    with pytest.raises(IndexFormatError, match=f"{name}: the file is missing"):
        IndexReader.open(index_copy)


@pytest.mark.parametrize("name", [SHARD, "ann.h5", "terms.h5"])
def test_cut_files_are_named(index_copy: Path, name: str) -> None:
    path = index_copy / "segments" / "000001" / name
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(IndexFormatError, match=name):
        IndexReader.open(index_copy)


def _descending(columns: Columns) -> Columns:
    columns["paragraph_start_ptr"][1], columns["paragraph_start_ptr"][2] = (
        columns["paragraph_start_ptr"][2],
        columns["paragraph_start_ptr"][1] + 1,
    )
    return columns


HOSTILE: dict[str, tuple[str, Callable[[Columns], Columns], str]] = {
    "text pointer beyond the text": (SHARD, setting("text_offsets", -1, 2**40), "'text_offsets' does not ascend"),
    "text pointer before the text": (SHARD, setting("text_offsets", 1, -5), "'text_offsets' does not ascend"),
    "first pointer not zero": (SHARD, setting("paragraph_end_ptr", 0, 1), "'paragraph_end_ptr' does not ascend"),
    "paragraph pointer beyond": (SHARD, setting("paragraph_start_ptr", 1, 2**40), "'paragraph_start_ptr' does not"),
    "descending pointers": (SHARD, _descending, "'paragraph_start_ptr' does not ascend"),
    "paragraph of no document": (SHARD, setting("paragraph_document", 0, 999), "'paragraph_document' names rows"),
    "negative paragraph length": (SHARD, setting("paragraph_tokens", 1, -3), "'paragraph_tokens' does not add up"),
    "longer paragraphs": (SHARD, setting("paragraph_tokens", 1, 10**6), "'paragraph_tokens' does not add up"),
    "fewer word pieces": (SHARD, cutting("token_ids"), "'token_ids' is uint16"),
    "fewer sparse rows": (SHARD, cutting("end_sparse"), "'end_sparse' is int8"),
    "fewer keys": (SHARD, cutting("token_keys"), "'token_keys' is int8"),
    "narrow keys": (SHARD, lambda c: {**c, "token_keys": c["token_keys"][:, :-1].copy()}, "'token_keys' is int8"),
    "no sparse vectors": (SHARD, dropping("start_sparse"), "no column 'start_sparse'"),
    "wrong dtype": (SHARD, casting("start_codes", "uint8"), "'start_codes' is uint8"),
    "wide dtype": (SHARD, casting("start_token", "int64"), "'start_token' is int64"),
    "missing rows": (SHARD, cutting("end_codes"), "'end_codes' is int8"),
    "missing column": (SHARD, dropping("end_char"), "no column 'end_char'"),
    "narrow rows": (SHARD, lambda c: {**c, "end_codes": c["end_codes"][:, :-1].copy()}, "'end_codes' is int8"),
    "list pointer beyond": ("ann.h5", setting("list_ptr", 2, 2**40), "'list_ptr' does not divide"),
    "list of unknown rows": ("ann.h5", setting("ids", 0, 2**30), "'ids' names rows"),
    "lists of fewer rows": ("ann.h5", cutting("ids"), "'ids' is int32"),
    "group pointer beyond": ("ann.h5", setting("group_ptr", 1, 2**40), "'group_ptr' does not divide"),
    "groups of fewer lists": ("ann.h5", cutting("list_codes"), "'list_codes' is int8"),
    "fewer groups": ("ann.h5", cutting("group_codes"), "'group_codes' is int8"),
    "terms of unknown documents": ("terms.h5", setting("paragraph_document", -1, 10**6), r"terms\.h5"),
    "terms of other documents": ("terms.h5", setting("paragraph_document", 5, 0), "to other documents than the shard"),
    "paragraphs of other documents": (SHARD, setting("paragraph_document", 0, 1), "'paragraph_document' gives para"),
    "paragraph before its document": (SHARD, setting("paragraph_start", 0, -1), "'paragraph_end', row 0: the value"),
    "paragraph turned round": (SHARD, setting("paragraph_end", 1, 0), "'paragraph_end', row 1: the value"),
    "lengths below zero": ("terms.h5", setting("paragraph_length", 2, -7), "paragraph_length counts -7 terms"),
    "documents of negative length": ("terms.h5", setting("document_length", 0, -1), "document_length counts -1 terms"),
    "terms of more documents": (
        "terms.h5",
        lambda c: {**c, "document_length": np.append(c["document_length"], np.int32(1))},
        "25 documents, the shards have .* of 24",
    ),
    "terms of fewer paragraphs": ("terms.h5", cutting("paragraph_document"), r"terms\.h5"),
}


@pytest.mark.parametrize(("name", "change", "message"), HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_row_numbers_are_refused(
    index_copy: Path, name: str, change: Callable[[Columns], Columns], message: str
) -> None:
    rewrite(index_copy, name, change)
    with pytest.raises(IndexFormatError, match=f"(?s){name}.*{message}|{message}"):
        IndexReader.open(index_copy)


def test_a_second_segment_is_refused(index_copy: Path) -> None:
    manifest = Manifest.load(index_copy)
    replace(manifest, segments=manifest.segments * 2).save(index_copy)
    with pytest.raises(IndexFormatError, match="2 segments; this version reads one"):
        IndexReader.open(index_copy)


def test_damaged_metadata_is_named(index_copy: Path) -> None:
    rewrite(index_copy, SHARD, setting("metadata_blob", 0, ord("[")))
    reader = IndexReader.open(index_copy)
    with pytest.raises(IndexFormatError, match="shard-00001.h5: metadata of document row 0"):
        reader.document(int(reader.bases.documents[1]))
