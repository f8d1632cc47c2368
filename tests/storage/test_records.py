from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from densephrase.errors import IndexFormatError
from densephrase.storage.records import record_from_json, record_to_json


@dataclass(frozen=True)
class Inner:
    name: str


@dataclass(frozen=True)
class Outer:
    count: int
    rate: float
    inner: Inner
    several: tuple[Inner, ...]
    texts: dict[str, str]
    options: dict[str, int | str | None]
    extra: Inner | None = None


RECORD = Outer(1, 0.5, Inner("a"), (Inner("b"), Inner("c")), {"x": "y"}, {"i": 1, "s": "t", "n": None})
CONTENT = record_to_json(RECORD)


@pytest.mark.parametrize("extra", [None, Inner("d")], ids=["without", "with"])
def test_round_trip(extra: Inner | None) -> None:
    record = Outer(**{**RECORD.__dict__, "extra": extra})
    assert record_from_json(Outer, record_to_json(record), "here") == record


def test_defaults_may_be_left_out() -> None:
    content = {name: value for name, value in CONTENT.items() if name != "extra"}
    assert record_from_json(Outer, content, "here") == RECORD


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": "1"}, "here.count: expected int, found str '1'"),
        ({"count": True}, "here.count: expected int, found bool True"),
        ({"count": -1}, "here.count: expected a count, found -1"),
        ({"count": 1.0}, "here.count: expected int"),
        ({"inner": []}, "here.inner: expected an object"),
        ({"inner": {"name": 1}}, "here.inner.name: expected str"),
        ({"several": [{"name": "b"}, {}]}, r"here.several\[1\]: unknown keys \[\], missing keys \['name'\]"),
        ({"several": {}}, "here.several: expected tuple"),
        ({"texts": {"x": 1}}, "here.texts.x: expected str"),
        ({"options": {"x": []}}, "here.options.x: expected int"),
        ({"extra": 5}, "here.extra"),
        ({"surplus": 5}, r"here: unknown keys \['surplus'\]"),
        ({"texts": {"x": ["long" * 100]}}, r"found list .*\.\.\."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_content_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(IndexFormatError, match=message):
        record_from_json(Outer, {**CONTENT, **change}, "here")


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_anything_but_an_object_is_refused(content: object) -> None:
    with pytest.raises(IndexFormatError, match="here: expected an object"):
        record_from_json(Outer, content, "here")
