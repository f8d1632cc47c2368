"""Sharding: which document goes into which shard, and a digest of each, found in one pass before the build starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from densephrase.data import Document
from densephrase.errors import BuildError


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """The documents of a shard: how many, how many characters of text, and a sha256 over all their fields."""

    documents: int
    characters: int
    digest: str


def metadata_json(document: Document) -> str:
    """Return the metadata as it is stored."""
    return json.dumps(dict(document.metadata), ensure_ascii=False, separators=(",", ":"))


class DocumentDigest:
    """Sha256 over documents, field by field with its length, so that no two lists of documents look alike."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, document: Document) -> None:
        """Add a document."""
        for field in (document.id, document.title, document.text, metadata_json(document)):
            content = field.encode("utf-8", "surrogatepass")
            self._sha256.update(len(content).to_bytes(8, "little"))
            self._sha256.update(content)

    def hexdigest(self) -> str:
        """Return the digest of all documents so far."""
        return self._sha256.hexdigest()


def shards_of(documents: Iterable[Document], shard_characters: int) -> Iterator[tuple[int, Iterator[Document]]]:
    """Yield (shard number, its documents): a shard is full when the next document would exceed `shard_characters`.

    A longer document gets a shard of its own. Consume the documents of a shard before asking for the next one.
    """
    for number, group in groupby(_numbered(documents, shard_characters), key=itemgetter(0)):
        yield number, map(itemgetter(1), group)


def plan_shards(documents: Iterable[Document], shard_characters: int) -> Iterator[ShardPlan]:
    """Yield the plan of each shard; holds one document at a time."""
    for _, members in shards_of(documents, shard_characters):
        digest, count, characters = DocumentDigest(), 0, 0
        for document in members:
            digest.add(document)
            count, characters = count + 1, characters + len(document.text)
        yield ShardPlan(count, characters, digest.hexdigest())


def planned_shards(
    corpus: Path,
    documents: Iterable[Document],
    shard_characters: int,
    plans: Sequence[ShardPlan],
    finished: Container[int],
) -> Iterator[tuple[int, list[Document]]]:
    """Yield (shard number, its documents) of the shards that are not `finished`, all as they were planned.

    Raises:
        BuildError: if the `corpus` has changed since it was planned.
    """
    seen = 0
    for number, members in shards_of(documents, shard_characters):
        if number in finished:
            for _ in members:  # read past them
                pass
        else:
            digest, held = DocumentDigest(), list(members)
            for document in held:
                digest.add(document)
            if number >= len(plans) or digest.hexdigest() != plans[number].digest:
                raise _changed(corpus, number)
            yield number, held
        seen = number + 1
    if seen != len(plans):
        raise _changed(corpus, seen)


def _changed(corpus: Path, shard: int) -> BuildError:
    return BuildError(
        f"{corpus} has changed while it was indexed (shard {shard}). Put the old content back to continue, or remove "
        "the index folder to start over."
    )


def _numbered(documents: Iterable[Document], shard_characters: int) -> Iterator[tuple[int, Document]]:
    shard, filled = 0, 0
    for document in documents:
        if filled and filled + len(document.text) > shard_characters:
            shard, filled = shard + 1, 0
        filled += len(document.text)
        yield shard, document
