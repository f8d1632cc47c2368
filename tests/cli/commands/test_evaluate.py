"""`evaluate`: figures of a search whose answers are known, and of a real index."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from densephrase.data import Answer, Document, Evidence, ScoreParts

Run = Callable[..., Any]
TEXT = "Hamlet is a play by Shakespeare.\n\nHe died in New York."
DOCUMENT = Document("d", TEXT)
BOUNDS = {"Hamlet": (0, 32), "Shakespeare": (0, 32), "New York": (34, 54), "died in New York": (34, 54)}


def answer(phrase: str) -> Answer:
    start = TEXT.index(phrase)
    return Answer((Evidence(DOCUMENT, start, start + len(phrase), *BOUNDS[phrase], 1.0, ScoreParts(1, 0, 0, 0, 0)),))


class FixedIndex:
    """Gives the same answers to the same questions."""

    replies = {
        "Who wrote Hamlet?": ["Shakespeare", "New York"],
        "Where did Tesla die?": ["Hamlet", "died in New York", "New York"],
        "When was Tesla born?": [],
    }
    encoder = SimpleNamespace(
        config=SimpleNamespace(max_answer_tokens=20, paragraph_weight=1.5, document_weight=0.25),
        fingerprint="c0ffee",
        runtime="torch",
    )

    @classmethod
    def open(cls, path: str, device: str, encoder: str | None, runtime: str) -> Self:
        return cls()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def search(self, question: str, top_k: int, unit: str = "phrase", **options: Any) -> list[Answer]:
        answers = [answer(phrase) for phrase in self.replies[question]]
        if unit == "paragraph":
            answers = list({found.context: found for found in reversed(answers)}.values())[::-1]
        return answers[:top_k]

    def info(self) -> dict[str, int]:
        return {"documents": 1}


@pytest.fixture
def fixed_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("densephrase.phrase_index.PhraseIndex", FixedIndex)


@pytest.mark.usefixtures("fixed_index")
def test_open_figures(run: Run, questions: Path) -> None:
    ran = run("evaluate", "index", questions, "--json")
    assert ran.code == 0
    [figures] = ran.objects
    assert figures["mode"] == "open"
    assert figures["questions"] == 3
    assert figures["em"] == pytest.approx(100 / 3)
    assert figures["f1"] == pytest.approx(100 / 3)
    assert figures["em_top_k"] == pytest.approx({"1": 100 / 3, "5": 200 / 3, "10": 200 / 3})
    assert figures["top_k_accuracy"] == pytest.approx({"1": 1 / 3, "5": 2 / 3, "10": 2 / 3})
    assert figures["paragraph_top_k_accuracy"] == pytest.approx({"1": 1 / 3, "5": 2 / 3, "10": 2 / 3})
    assert figures["paragraphs_of_answers"] == pytest.approx(4 / 3)
    assert figures["paragraph_accuracy"] == pytest.approx(1 / 3)
    assert all(seconds > 0 for seconds in figures["seconds_per_question"].values())
    assert figures["search"]["strategy"] == "hybrid"
    assert (figures["search"]["paragraph_weight"], figures["search"]["document_weight"]) == (1.5, 0.25)
    assert figures["index"] == {"documents": 1}
    assert figures["threads"] >= 1
    assert figures["runtime"] == "torch"
    assert "torch" in figures["versions"]


@pytest.mark.usefixtures("fixed_index")
def test_paragraph_accuracy_is_null_without_paragraphs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(
        '{"question": "Who wrote Hamlet?", "answers": ["Shakespeare"]}\n', encoding="utf-8"
    )
    [figures] = run("evaluate", "index", tmp_path / "q.jsonl", "--json", "--top-k", "1").objects
    assert figures["paragraph_accuracy"] is None
    assert figures["em"] == 100
    assert figures["top_k_accuracy"] == {"1": 1.0}


@pytest.mark.usefixtures("fixed_index")
def test_predictions_are_json_lines(run: Run, questions: Path, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    assert run("evaluate", "index", questions, "--predictions", file).code == 0
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["q1", "q2", "q3"]
    assert [len(row["answers"]) for row in rows] == [2, 3, 0]
    assert rows[0]["answers"][0]["text"] == "Shakespeare"


@pytest.mark.usefixtures("fixed_index")
def test_a_limit_takes_a_sample(run: Run, questions: Path) -> None:
    [figures] = run("evaluate", "index", "--limit", "2", questions, "--seed", "5", "--json").objects
    assert (figures["questions"], figures["limit"], figures["seed"]) == (2, 2, 5)


@pytest.mark.usefixtures("fixed_index")
def test_figures_for_people(run: Run, questions: Path) -> None:
    ran = run("evaluate", "index", questions)
    assert ran.code == 0
    rows = {name.strip(): value for name, value in (line.rsplit("  ", 1) for line in ran.out.splitlines())}
    assert rows["exact match"] == "33.33"
    assert rows["answer in the paragraphs of the first 5 answers"] == "66.67"
    assert rows["answer in the first 5 paragraphs"] == "66.67"
    assert rows["questions encoded by"] == "torch"


def test_open_with_a_real_index(run: Run, index_path: Path, questions: Path) -> None:
    ran = run("evaluate", index_path, questions, "--json", "--top-k", "50", "--threads", "1")
    assert ran.code == 0
    [figures] = ran.objects
    assert figures["questions"] == 3
    assert figures["threads"] == 1
    assert figures["top_k_accuracy"]["50"] == 1.0
    assert figures["index"]["documents"] == 3


def test_closed_with_a_real_encoder(run: Run, questions: Path, tmp_path: Path, tiny_encoder_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    ran = run("evaluate", "--closed", questions, "--encoder", tiny_encoder_path, "--json", "--predictions", file)
    assert ran.code == 0
    [figures] = ran.objects
    assert (figures["mode"], figures["questions"], figures["runtime"]) == ("closed", 3, "torch float32")
    assert 0 <= figures["em"] <= figures["f1"] <= 100
    assert figures["paragraph_accuracy"] is figures["top_k_accuracy"] is None
    contexts = {row["id"]: row["context"] for row in map(json.loads, questions.read_text("utf-8").splitlines())}
    for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        [found] = row["answers"]
        assert contexts[row["id"]][found["start"] : found["end"]] == found["text"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["questions.jsonl"],
        ["--closed", "index", "questions.jsonl"],
        ["--closed", "questions.jsonl", "--strategy", "hybrid"],
        ["--closed", "questions.jsonl", "--runtime", "onnx"],
        ["index", "questions.jsonl", "--limit", "0"],
    ],
    ids=" ".join,
)
def test_arguments_that_do_not_go_together(arguments: list[str], run: Run) -> None:
    ran = run("evaluate", *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_more_threads_than_there_are(run: Run, questions: Path) -> None:
    ran = run("evaluate", "index", questions, "--threads", "100000")
    assert (ran.code, ran.out) == (2, "")
    assert "threads is 100000; expected a whole number from 1 to" in ran.err


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "no questions"), ("broken\n", "line 1"), ('{"question": "Who?", "answers": ["x"]}\n', "no context")],
    ids=["empty", "broken", "no context"],
)
def test_bad_questions_are_1(content: str, message: str, run: Run, tmp_path: Path, tiny_encoder_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(content, encoding="utf-8")
    ran = run("evaluate", "--closed", tmp_path / "q.jsonl", "--encoder", tiny_encoder_path, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert message in ran.err


def test_questions_without_answers_are_pointed_out(run: Run, index_path: Path, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"question": "Who?", "answers": [], "is_impossible": true}\n', encoding="utf-8")
    ran = run("evaluate", index_path, tmp_path / "q.jsonl", "--json")
    assert ran.objects[0]["questions_without_answers"] == 1
    assert "1 of 1 questions have no reference answer" in ran.err
    assert "such as BEIR, have none" in ran.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.jsonl", '{"question": "Who wrote Hamlet?", "answer": ["Shakespeare"]}\n'),
        ("q.jsonl", '{"question": "Who wrote Hamlet?", "answers": {"text": ["Shakespeare"], "answer_start": [20]}}\n'),
        ("q.jsonl", '{"input": "Who wrote Hamlet?", "output": [{"answer": "Shakespeare"}, {"provenance": []}]}\n'),
        ("q.tsv", "Who wrote Hamlet?\t['Shakespeare']\n"),
    ],
    ids=["NQ-open", "Hugging Face", "KILT", "DPR"],
)
@pytest.mark.usefixtures("fixed_index")
def test_questions_of_public_forms(name: str, content: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content + content.replace("'Shakespeare'", "''").replace('"Shakespeare"', '""'))
    [figures] = run("evaluate", "index", tmp_path / name, "--json").objects
    assert (figures["questions"], figures["questions_without_answers"]) == (2, 1)
    assert figures["has_answer"]["em"] == 100
