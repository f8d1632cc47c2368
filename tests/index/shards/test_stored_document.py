"""Documents of an index behave as those that were indexed, and read what is looked at."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from densephrase.data import Document
from densephrase.index.shards.stored_document import StoredDocument

PLAIN = Document("d", "Paris is a city.", "Paris", {"year": 1905})


class Texts:
    """A text that counts how often it is read."""

    def __init__(self) -> None:
        self.read = 0

    def text(self) -> str:
        self.read += 1
        return PLAIN.text

    def passage(self, start: int, end: int) -> str:
        return PLAIN.text[start:end]


def stored(texts: Texts) -> StoredDocument:
    return StoredDocument.of(PLAIN.id, PLAIN.title, PLAIN.metadata, texts.text, texts.passage)


def test_the_text_is_read_once_and_when_it_is_looked_at() -> None:
    texts = Texts()
    document = stored(texts)
    assert (document.id, document.title, document.metadata) == ("d", "Paris", {"year": 1905})
    assert document.passage(0, 5) == "Paris"
    assert texts.read == 0
    assert document.text == document.text == PLAIN.text
    assert texts.read == 1


def test_it_equals_the_plain_document() -> None:
    document = stored(Texts())
    assert document == PLAIN
    assert PLAIN == document  # noqa: SIM300 - the plain one is asked first
    assert document == stored(Texts())
    assert document != replace(PLAIN, title="Berlin")
    assert replace(PLAIN, text="Berlin") != document
    assert document != "Paris is a city."


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy], ids=["shallow", "deep"])
def test_copies_are_plain(copied: Callable[[Any], Any]) -> None:
    assert type(copied(stored(Texts()))) is Document
    assert copied(stored(Texts())) == PLAIN


def test_dataclass_functions() -> None:
    assert asdict(stored(Texts())) == asdict(PLAIN)
    assert replace(stored(Texts()), title="Berlin") == replace(PLAIN, title="Berlin")
    assert repr(stored(Texts())).endswith(repr(PLAIN))


def test_unknown_attributes_are_errors() -> None:
    with pytest.raises(AttributeError, match="'body'"):
        stored(Texts()).body  # noqa: B018
