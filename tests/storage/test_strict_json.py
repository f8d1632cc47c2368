from __future__ import annotations

import json
from typing import Any

import pytest

from densephrase.storage.strict_json import decode_json, first_surrogate, is_deeper, surrogate_cause, walk_containers


def nested(levels: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_bytes_and_text_are_the_same(encoding: str) -> None:
    value = {"a": [1, 2.5, None, True, "\u00e9"]}
    text = json.dumps(value, ensure_ascii=False)
    assert decode_json(text) == decode_json(text.encode(encoding)) == value


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "-1e999", "{", "", "1 2", "{'a': 1}"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode_json(text)


def test_a_key_that_stands_twice_is_refused_where_that_is_asked_for() -> None:
    text = '[{"a": {"b": 1, "b": 2}}]'
    assert decode_json(text) == [{"a": {"b": 2}}]
    with pytest.raises(ValueError, match="a key stands twice"):
        decode_json(text, unique_keys=True)
    assert decode_json('[{"a": 1}, {"a": 1}]', unique_keys=True) == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize("kind", [dict, list])
@pytest.mark.parametrize("levels", [0, 1, 5, 100_000])
def test_depth_is_counted_in_objects_and_lists(levels: int, kind: type) -> None:
    value = nested(levels, kind)
    assert not is_deeper(value, levels)
    assert levels == 0 or is_deeper(value, levels - 1)
    assert not is_deeper([{}, [1], "text"], 2)


def test_containers_come_with_their_names_and_depths() -> None:
    value = {"a": [[1], {"b": {}}], "c": 2}
    found = [(name, depth) for name, _, depth in walk_containers(value, "top")]
    assert found[0] == ("top", 1)
    assert sorted(found) == [("a", 2), ("a", 3), ("a", 3), ("b", 4), ("top", 1)]


@pytest.mark.parametrize(
    ("text", "code"),
    [("", None), ("plain", None), ("\U0001f600", None), ("a\ud83d", 0xD83D), ("\u00e9\udce9\ud800", 0xDCE9)],
)
def test_the_first_half_of_a_pair(text: str, code: int | None) -> None:
    assert first_surrogate(text) == code


def test_a_byte_that_is_not_utf8_is_named() -> None:
    code = first_surrogate(b"caf\xe9".decode("utf-8", "surrogateescape"))
    assert code is not None
    assert surrogate_cause(code).startswith("the byte 0xE9, which is not UTF-8 here, or half of a surrogate pair")
    assert surrogate_cause(0xD83D) == "half of a surrogate pair, which UTF-8 cannot store"
