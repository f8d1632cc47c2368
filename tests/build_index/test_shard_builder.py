from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index import shard_builder
from densephrase.build_index.shard_builder import build_shard
from densephrase.data import Document
from densephrase.index.manifest import Quantisation
from densephrase.index.shard import COLUMNS, Shard
from tests.search.fake_encoder import FakeEncoder

DOCUMENTS = {
    "none": [],
    "empty": [Document("a", "")],
    "blank": [Document("a", " \n\n ")],
    "mixed": [Document("a", ""), Document("b", "one two\n\nthree"), Document("c", "\n"), Document("d", "four")],
    "surrogate": [Document("a\ud800", "one two", "", {"\ud800": "\udfff"})],
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_without_tokens_have_rows_too(tmp_path: Path, name: str) -> None:
    documents = DOCUMENTS[name]
    content = build_shard(documents, FakeEncoder())
    content.write(tmp_path / "shard.h5")
    shard = Shard.open(tmp_path / "shard.h5", content.counts, Quantisation("int8", 12, 3))
    assert [shard.document(row) for row in range(len(documents))] == documents


def test_columns_are_those_of_the_format() -> None:
    content = build_shard(DOCUMENTS["mixed"], FakeEncoder())
    columns = {name: np.concatenate(pieces) for name, pieces in content.columns.items()}
    assert {name: column.dtype.name for name, column in columns.items()} == {
        name: dtype for name, (dtype, _) in COLUMNS.items()
    }
    assert columns["document_paragraph_ptr"].tolist() == [0, 0, 2, 2, 3]
    assert columns["paragraph_document"].tolist() == [1, 1, 3]
    assert columns["paragraph_start"].tolist() == [0, 9, 0]
    assert columns["paragraph_end"].tolist() == [7, 14, 4]
    assert columns["paragraph_tokens"].tolist() == [2, 1, 1]
    assert content.bytes == sum(column.nbytes for column in columns.values())


def test_all_documents_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_builder, "ENCODED_TOGETHER", 1)
    reports: list[tuple[int, int, int]] = []
    build_shard(DOCUMENTS["mixed"], FakeEncoder(), lambda *report: reports.append(report))
    assert np.array(reports).tolist() == [[1, 7, 2], [2, 5, 1], [1, 4, 1]]
