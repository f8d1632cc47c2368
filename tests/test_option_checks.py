"""Options are checked by their types, whatever class they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from densephrase.option_checks import check_choices, unknown_option


@dataclass(frozen=True, slots=True)
class Options:
    """Some of each kind."""

    colour: Literal["red", "green"] = "red"
    loud: bool = False
    size: int = 1


def refusal(name: str, found: object, expected: str) -> ValueError:
    return ValueError(f"{name} {found!r}: {expected}")


@pytest.mark.parametrize("options", [{}, {"colour": "green", "loud": True}, {"size": "not checked"}], ids=str)
def test_what_the_types_allow_is_accepted(options: dict[str, Any]) -> None:
    refused: list[tuple[str, object, str]] = []
    check_choices(Options(**options), lambda *told: refused.append(told) or ValueError(told))
    assert refused == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "blue"}, "colour 'blue': one of 'red', 'green'"),
        ({"colour": ["red"]}, "colour ['red']: one of 'red', 'green'"),
        ({"colour": None}, "colour None: one of 'red', 'green'"),
        ({"loud": 1}, "loud 1: True or False"),
        ({"loud": None, "colour": "blue"}, "colour 'blue': one of 'red', 'green'"),
    ],
    ids=str,
)
def test_other_values_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_choices(Options(**options), refusal)
    assert str(caught.value) == message


def test_the_first_unknown_name_is_named() -> None:
    assert unknown_option(Options, {"size": 1, "colour": "red"}) is None
    assert unknown_option(Options, {"size": 1, "speed": 2, "weight": 3}) == ("speed", "colour, loud, size")
