"""Texts of paragraphs, read by their bytes, against slices of their documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.format.shard_format import STRINGS
from densephrase.index.index_reader import IndexReader
from densephrase.index.verify import verify
from tests.build_index.samples import write_corpus
from tests.index.spoil import rewrite, setting
from tests.search.fake_encoder import FakeEncoder

SHARD = "shard-00000.h5"
TEXTS = [
    "Zürich.\n\n東京 is a city.\n\n𝔘nicode",  # one to four bytes a character
    "  \n\n  spaces around  \n\n\n\n  and between  ",
    "one paragraph",
    "e\u0301 \u200d👩\u200d🚀\n\nlast é",
]


def build_index(folder: Path, **options: Any) -> Path:
    """Build an index of TEXTS."""
    documents = [Document(f"d{number}", text, "Title") for number, text in enumerate(TEXTS)]
    corpus = write_corpus(folder / "docs.jsonl", documents)
    build(corpus, folder / "index", encoder=FakeEncoder(), options=BuildOptions(**options))
    return folder / "index"


@pytest.mark.parametrize("options", [{}, {"shard_characters": 10}], ids=["one shard", "shards"])
def test_paragraphs_are_pieces_of_their_documents(options: dict[str, int], tmp_path: Path) -> None:
    path = build_index(tmp_path, **options)
    reader, row = IndexReader.open(path), 0
    assert (len(reader.shards) > 1) == bool(options)
    texts = []
    for number, shard in enumerate(reader.shards):
        for paragraph in range(shard.counts.paragraphs):
            document = reader.document(int(shard.paragraph_document[paragraph] + reader.bases.documents[number]))
            start, end = int(shard.paragraph_start[paragraph]), int(shard.paragraph_end[paragraph])
            texts.append(shard.paragraph_text(paragraph))
            assert texts[-1] == reader.paragraph_text(row) == document.text[start:end]
            row += 1
    assert {"東京 is a city.", "𝔘nicode", "one paragraph", "last é"} <= set(texts)
    assert verify(path) == []


@pytest.mark.parametrize("profile", ["default", "compact"])
def test_passages_are_slices_of_the_text(profile: str, tmp_path: Path) -> None:
    [shard] = IndexReader.open(build_index(tmp_path, profile=profile)).shards
    for row in range(len(TEXTS)):
        document, size = shard.document(row), len(shard.text(row))
        for start in range(size + 2):
            for end in range(start - 1, size + 3):
                assert document.passage(start, end) == document.text[start:end]


@pytest.mark.parametrize("row", [-1, 10**6])
def test_rows_outside_are_index_errors(row: int, built_index: Path) -> None:
    reader = IndexReader.open(built_index)
    with pytest.raises(IndexError, match=f"paragraph row {row} of {reader.bases.paragraphs[-1]}"):
        reader.paragraph_text(row)


@pytest.mark.parametrize(
    ("byte", "message"),
    [
        (-1, "claims bytes -1 to"),
        (10**9, "claims bytes 1000000000 to"),
        (2**62, "claims bytes"),
        (2, "are not UTF-8"),  # within the ü
    ],
)
def test_a_damaged_byte_is_named_when_it_is_read(byte: int, message: str, tmp_path: Path) -> None:
    path = build_index(tmp_path)
    rewrite(path, SHARD, lambda columns: {**columns, "paragraph_byte": np.full_like(columns["paragraph_byte"], byte)})
    shard = IndexReader.open(path).shards[0]
    last = shard.counts.paragraphs - 1
    with pytest.raises(IndexFormatError, match=message) as raised:
        shard.paragraph_text(last)
    assert str(raised.value).startswith(f"{shard.path}: column 'text_blob': ")
    assert str(raised.value).endswith("; the file is damaged, rebuild the index")
    assert any("column 'paragraph_byte', row 0: the value is not where" in problem for problem in verify(path))


@pytest.mark.parametrize("name", STRINGS)
def test_the_column_of_a_damaged_string_is_named(name: str, tmp_path: Path) -> None:
    path = build_index(tmp_path)
    rewrite(path, SHARD, setting(f"{name}_blob", 0, 255))
    [shard] = IndexReader.open(path).shards
    with pytest.raises(IndexFormatError) as raised:
        assert shard.document(0).text
    assert f"{shard.path}: column '{name}_blob': bytes 0 to" in str(raised.value)


def test_paragraphs_in_no_order_are_named_when_they_are_read(tmp_path: Path) -> None:
    path = build_index(tmp_path)
    rewrite(path, SHARD, lambda columns: {**columns, "paragraph_byte": columns["paragraph_byte"][::-1].copy()})
    with pytest.raises(IndexFormatError, match="claims bytes"):
        IndexReader.open(path).shards[0].paragraph_text(0)
