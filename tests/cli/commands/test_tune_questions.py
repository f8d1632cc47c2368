"""`tune-questions`, and what `ask` and `evaluate` do with the encoder that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from densephrase.data import Question
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.training.query_side.config import QuerySideConfig
from tests.conftest import make_encoder
from tests.training.query_side_samples import build_index, make_copies

Run = Callable[..., Any]


def write(path: Path, questions: list[Question]) -> Path:
    """Write questions as JSON lines."""
    rows = [
        {"id": item.id, "question": item.text, "answers": list(item.answers), "context": item.context}
        for item in questions
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two paragraphs, to be read only."""
    return build_index(tmp_path_factory.mktemp("tune") / "words", make_copies())


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Questions about it."""
    return write(tmp_path / "asked.jsonl", make_copies())


def test_an_index_is_searched_with_the_tuned_encoder(run: Run, index: Path, asked: Path, tmp_path: Path) -> None:
    settings = ["--batch-questions", "8", "--learning-rate", "0.01", "--weights", "all", "--epochs", "6"]
    ran = run("tune-questions", index, asked, "--output", tmp_path / "tuned", *settings, "--json")
    assert ran.code == 0
    [report] = ran.objects
    assert report["exact_match_after"] > report["exact_match_before"]
    assert "epoch 6/6  exact match" in ran.err
    before, after = (
        run("evaluate", index, asked, "--json", *encoder).objects[0]
        for encoder in ((), ("--encoder", report["encoder"]))
    )
    assert after["em"] > before["em"]
    assert before["encoder"] == before["index"]["encoder"] == after["index"]["encoder"]
    assert after["encoder"] == PhraseEncoder.from_pretrained(report["encoder"]).fingerprint
    answers = [
        run("ask", index, "who who who", "--json", *encoder).objects[0]["answers"]
        for encoder in ((), ("--encoder", report["encoder"]))
    ]
    assert answers[0] != answers[1]


@pytest.mark.parametrize("command", ["ask", "evaluate"])
def test_another_phrase_side_is_refused(command: str, run: Run, index: Path, asked: Path, tmp_path: Path) -> None:
    make_encoder(start_threshold=0.5).save_pretrained(tmp_path / "other")
    ran = run(command, index, asked, "--encoder", tmp_path / "other")
    assert (ran.code, ran.out) == (1, "")
    assert "has another phrase side" in ran.err
    assert "start_threshold" in ran.err


def test_an_output_in_the_index_is_wrong_usage(run: Run, index: Path, asked: Path) -> None:
    ran = run("tune-questions", index, asked, "--output", index / "encoder")
    assert ran.code == 2
    assert "lies in the index" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [[], ["--output", "tuned", "--labels", "title"], ["--output", "tuned", "--epochs", "0"]],
    ids=["no output", "unknown", "too small"],
)
def test_settings_without_sense_are_wrong_usage(arguments: list[str], run: Run, index: Path, asked: Path) -> None:
    ran = run("tune-questions", index, asked, *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_too_few_questions_are_1(run: Run, index: Path, tmp_path: Path) -> None:
    few = write(tmp_path / "few.jsonl", make_copies()[:1])
    ran = run("tune-questions", index, few, "--output", tmp_path / "tuned")
    assert ran.code == 1
    assert "Give more questions" in ran.err
    assert not (tmp_path / "tuned").exists()


def test_help_explains_every_setting(run: Run) -> None:
    out = run("tune-questions", "--help").out
    assert all(f"--{field.name.replace('_', '-')}" in out for field in fields(QuerySideConfig))
