"""Which runs are one run: the same settings, the same questions, the same models."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from densephrase.data import Question
from densephrase.training.loop.run_identity import run_identity
from tests.conftest import make_encoder

QUESTION = Question("1", "who", ("the king",), (3,), "title", "by the king")
SETTINGS = {"seed": 1, "checkpoint_minutes": 5.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "2"},
        {"text": "when"},
        {"answers": ("the queen",)},
        {"answer_starts": (0,)},
        {"title": "other"},
        {"context": "of the king"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_part_of_a_question_counts(changes: dict[str, Any]) -> None:
    other = replace(QUESTION, **changes)
    assert run_identity("encoder", SETTINGS, [QUESTION]) != run_identity("encoder", SETTINGS, [other])


def test_settings_and_kind_count_but_for_the_time_between_checkpoints() -> None:
    run = run_identity("encoder", SETTINGS, [QUESTION])
    assert run == run_identity("encoder", {**SETTINGS, "checkpoint_minutes": 1.0}, [QUESTION])
    assert run != run_identity("encoder", {**SETTINGS, "seed": 2}, [QUESTION])
    assert run != run_identity("reader", SETTINGS, [QUESTION])
    assert run != run_identity("encoder", SETTINGS, [QUESTION], b"rows")


@pytest.mark.parametrize("role", ["backbone", "teacher"])
def test_a_model_is_known_by_its_weights(role: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    make_encoder().save_pretrained(one)
    shutil.copytree(one, other)
    runs = [run_identity("encoder", {role: str(folder)}, [QUESTION]) for folder in (one, other)]
    assert runs[0] == runs[1]
    make_encoder(vector_size=16).save_pretrained(other)
    assert run_identity("encoder", {role: str(other)}, [QUESTION]) != runs[0]


def test_a_model_of_a_hub_is_known_by_its_name() -> None:
    one, other = (run_identity("encoder", {"backbone": name, "teacher": ""}, [QUESTION]) for name in ("a/b", "a/c"))
    assert one != other
