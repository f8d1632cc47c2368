from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.shards import shard_builder
from densephrase.build_index.shards.shard_builder import build_shard, plain_quantisation
from densephrase.data import Document
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.format.index_parts import Quantisation
from densephrase.index.format.shard_format import stored_columns
from densephrase.index.shards.shard import Shard
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


@pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "sparc"])
def test_columns_are_those_of_the_format(sparc_size: int) -> None:
    encoder = FakeEncoder(sparc_size=sparc_size)
    content = build_shard(DOCUMENTS["mixed"], encoder)
    columns = {name: np.concatenate(pieces) for name, pieces in content.columns.items()}
    expected = stored_columns(plain_quantisation(encoder.config))
    assert {name: column.dtype.name for name, column in columns.items()} == {
        name: dtypes[0] for name, (dtypes, _) in expected.items()
    }
    assert columns["document_paragraph_ptr"].tolist() == [0, 0, 2, 2, 3]
    assert columns["paragraph_document"].tolist() == [1, 1, 3]
    assert columns["paragraph_start"].tolist() == [0, 9, 0]
    assert columns["paragraph_end"].tolist() == [7, 14, 4]
    assert columns["paragraph_tokens"].tolist() == [2, 1, 1]
    assert content.bytes == sum(column.nbytes for column in columns.values())


class _BrokenEncoder(FakeEncoder):
    def __init__(self, **changes: object) -> None:
        super().__init__(sparc_size=8)
        self.changes = changes

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        return [replace(item, **self.changes) for item in super().encode_paragraphs(paragraphs)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"start_codes": np.zeros((1, 4), np.int8)},
            "rows of int8 (1, 4) for starts; its",
        ),
        ({"start_sparse": None}, "no rows for starts; its configuration promises int8 rows of 6 codes"),
        ({"end_sparse": np.zeros((3, 5), np.int8)}, "rows of int8 (3, 5) for ends"),
        ({"token_keys": None}, "no sparse keys and 3 word pieces for 3 tokens"),
        ({"token_keys": np.zeros((3, 9), np.int8)}, "sparse keys of int8 (3, 9)"),
        ({"token_ids": np.zeros(99, np.int32)}, "99 word pieces for 3 tokens"),
    ],
    ids=["narrow rows", "no sparse vectors", "narrow sparse vectors", "no keys", "narrow keys", "other tokens"],
)
def test_an_encoder_that_breaks_its_promises_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BuildError, match=re.escape(message)):
        build_shard([Document("d", "one two three")], _BrokenEncoder(**changes))


@pytest.mark.parametrize("vocabulary", [2**16, 2**17], ids=["narrow pieces", "wide pieces"])
def test_long_paragraphs_and_large_vocabularies_take_wider_columns(tmp_path: Path, vocabulary: int) -> None:
    words = [f"w{number}" for number in range(70_000)]
    documents = [Document("d", "short one\n\n" + " ".join(words))]
    encoder = FakeEncoder(
        vector_size=2,
        coherency_rank=0,
        kept_starts=0.0002,
        kept_ends=0.0002,
        sparc_size=8,
        vocabulary=vocabulary,
        capacity=10**5,
    )
    content = build_shard(documents, encoder)
    content.write(tmp_path / "shard.h5")
    shard = Shard.open(tmp_path / "shard.h5", content.counts, Quantisation("int8", 2, 0, sparse_rank=3))
    inputs = [ParagraphInput("short one"), ParagraphInput(" ".join(words))]
    expected = encoder.encode_paragraphs(inputs)
    for name in ("start_token", "start_char", "end_token", "end_char"):
        assert getattr(shard, name).dtype == np.int32
        assert getattr(shard, name).tolist() == [value for item in expected for value in getattr(item, name).tolist()]
    assert shard.token_ids.dtype == (np.uint16 if vocabulary == 2**16 else np.int32)
    assert shard.token_ids.tolist() == [piece for item in expected for piece in item.token_ids.tolist()]


def test_all_documents_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_builder, "ENCODED_TOGETHER", 1)
    reports: list[tuple[int, int, int]] = []
    build_shard(DOCUMENTS["mixed"], FakeEncoder(), lambda *report: reports.append(report))
    assert np.array(reports).tolist() == [[1, 7, 2], [2, 5, 1], [1, 4, 1]]
