"""Texts of paragraphs, taken together, against those that are read one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.index_reader import IndexReader
from densephrase.search.prepare.tables import IndexTables
from tests.index.spoil import rewrite
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

LONG = Document("long", "Paris is a city. " * 400 + "\n\nZürich\n\n" + "東京 " * 900)


def tables_of(reader: IndexReader) -> IndexTables:
    encoder = FakeEncoder()
    return IndexTables.of(reader, (encoder.start_quantiser, encoder.end_quantiser))


@pytest.mark.parametrize("profile", ["default", "compact"])
@pytest.mark.parametrize("layout", [{}, {"shard_characters": 200}], ids=["one shard", "shards"])
def test_texts_are_those_of_the_reader(layout: dict[str, Any], profile: str, make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher([*random_documents(3, documents=8), LONG], profile=profile, **layout)
    assert (len(reader.shards) > 1) == bool(layout)
    rows = list(range(int(reader.bases.paragraphs[-1])))
    for asked in (rows, rows[::-1], rows[-3:], [2, 2], []):
        assert tables_of(reader).paragraph_texts(asked) == [reader.paragraph_text(row) for row in asked]


@pytest.mark.parametrize("profile", ["default", "compact"])
def test_a_paragraph_that_is_too_short_is_named(profile: str, make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher([Document("d", "Zürich\n\nParis")], profile=profile)
    shard = reader.shards[0].path

    def lengthen(columns: dict[str, Any]) -> dict[str, Any]:
        return {**columns, "paragraph_end": columns["paragraph_end"] + np.int32(3)}

    rewrite(reader.path, shard.name, lengthen)
    with pytest.raises(IndexFormatError, match=f"{shard}: paragraph 1 has 5 characters of 8"):
        tables_of(IndexReader.open(reader.path)).paragraph_texts([1])


def test_damaged_bytes_are_named(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher([Document("d", "Zürich\n\nParis")], profile="compact")
    shard = reader.shards[0].path

    def spoil(columns: dict[str, Any]) -> dict[str, Any]:
        odd = columns["odd_blob"].copy()
        odd[odd == "ü".encode()[0]] = 255
        return {**columns, "odd_blob": odd}

    rewrite(reader.path, shard.name, spoil)
    with pytest.raises(IndexFormatError, match=f"{shard}: paragraphs 0 to 0 are not UTF-8"):
        tables_of(IndexReader.open(reader.path)).paragraph_texts([1, 0])
