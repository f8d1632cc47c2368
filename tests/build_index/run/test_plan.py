from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.build_index.run.plan import DocumentDigest, plan_shards, shards_of
from densephrase.data import Document

DOCUMENT = Document("a", "text", "title", {"n": 1})


@given(st.lists(st.integers(0, 50)), st.integers(1, 60))
def test_shards_keep_the_order_and_the_limit(lengths: list[int], limit: int) -> None:
    documents = [Document(str(row), "x" * length) for row, length in enumerate(lengths)]
    shards = [list(members) for _, members in shards_of(documents, limit)]
    assert [document for shard in shards for document in shard] == documents
    sizes = [sum(len(document.text) for document in shard) for shard in shards]
    for shard, size in zip(shards, sizes, strict=True):
        assert size <= limit or sum(bool(document.text) for document in shard) == 1
    for shard, before in zip(shards[1:], sizes, strict=False):
        assert before + len(shard[0].text) > limit
    plans = list(plan_shards(documents, limit))
    assert [plan.documents for plan in plans] == [len(shard) for shard in shards]
    assert [plan.characters for plan in plans] == sizes


@pytest.mark.parametrize(
    "change",
    [{"id": "b"}, {"text": "texts"}, {"title": ""}, {"metadata": {"n": 2}}, {"text": "texttitle", "title": ""}],
    ids=["id", "text", "title", "metadata", "border"],
)
def test_every_field_shows_in_the_digest(change: dict) -> None:
    first, second = DocumentDigest(), DocumentDigest()
    first.add(DOCUMENT)
    second.add(replace(DOCUMENT, **change))
    assert first.hexdigest() != second.hexdigest()


def test_a_shard_is_read_only_as_far_as_it_is_consumed() -> None:
    seen = []

    def documents() -> Iterator[Document]:
        for row in range(10):
            seen.append(row)
            yield Document(str(row), "x" * 10)

    next(iter(plan_shards(documents(), 30)))
    assert len(seen) == 4
