"""`ask`: one question or a stream of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]
RUNTIMES = ([], ["--runtime", "onnx"], ["--runtime", "torch"])


class Terminal(io.StringIO):
    """A standard input that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_json_is_one_object_with_exact_spans(run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "Who wrote Hamlet?", "--json")
    assert ran.code == 0
    [reply] = ran.objects
    assert reply["question"] == "Who wrote Hamlet?"
    assert reply["seconds"] > 0
    assert len(reply["answers"]) == 5
    for answer in reply["answers"]:
        first = answer["start"] - answer["context_start"]
        assert answer["context"][first : first + answer["end"] - answer["start"]] == answer["text"]
        assert answer["score"] == pytest.approx(sum(answer["parts"].values()), rel=1e-4, abs=1e-4)
        assert answer["document"]["id"] in ("hamlet", "tesla", "notes")


def test_text_shows_question_answers_and_sources(run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "Who wrote Hamlet?", "--top-k", "2")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "Who wrote Hamlet?"
    assert lines[1].startswith(" 1. ")
    assert lines[4].startswith(" 2. ")
    assert "score" in lines[3]
    assert "\x1b" not in ran.out
    assert "opened" in ran.err


@pytest.mark.parametrize("given", [[], ["-"]], ids=["no question", "dash"])
def test_questions_are_read_from_stdin(
    given: list[str], run: Run, index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Who wrote Hamlet?\n\n  When was Tesla born?  \n"))
    ran = run("ask", index_path, *given, "--json", "--top-k", "1")
    assert [reply["question"] for reply in ran.objects] == ["Who wrote Hamlet?", "When was Tesla born?"]


def test_no_question_at_a_terminal_is_wrong_usage(run: Run, index_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    ran = run("ask", index_path)
    assert (ran.code, ran.out) == (2, "")
    assert "give a question" in ran.err


@pytest.mark.parametrize("strategy", ["hybrid", "dense-first", "sparse-first"])
def test_search_options_are_passed_on(strategy: str, run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "play Shakespeare", "--json", "--strategy", strategy, "--document-weight", "0")
    [reply] = ran.objects
    assert reply["answers"]
    assert all(answer["parts"]["document_terms"] == 0 for answer in reply["answers"])


def test_runtimes_agree(run: Run, index_path: Path) -> None:
    replies = [
        run("ask", index_path, "Who wrote Hamlet?", "--json", *given).objects[0]["answers"] for given in RUNTIMES
    ]
    scores = [[answer["score"] for answer in answers] for answers in replies]
    assert scores[0] == scores[1]
    assert scores[0] != scores[2]
    np.testing.assert_allclose(scores[0], scores[2], atol=0.1)


def test_a_runtime_that_cannot_be_used_is_1(run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "Who?", "--runtime", "onnx", "--device", "cuda")
    assert (ran.code, ran.out) == (1, "")
    assert "runs on 'cpu', not on 'cuda'" in ran.err


@pytest.mark.parametrize("unit", ["phrase", "sentence", "paragraph", "document"])
def test_units(unit: str, run: Run, index_path: Path) -> None:
    for form in ([], ["--json"]):
        ran = run("ask", index_path, "play", "--unit", unit, "--top-k", "50", *form)
        assert ran.code == 0
    documents = [answer["document"]["id"] for answer in ran.objects[0]["answers"]]
    assert unit != "document" or len(documents) == len(set(documents))


@pytest.mark.parametrize(
    "arguments",
    [["--top-k", "0"], ["--top-k", "x"], ["--strategy", "guess"], ["--unit", "word"], ["--paragraph-weight", "-1"]],
    ids=" ".join,
)
def test_options_without_sense_are_wrong_usage(arguments: list[str], run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "Who?", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert arguments[0].strip("-").replace("-", "_") in ran.err.replace("-", "_")


def test_a_byte_order_mark_in_piped_questions_is_dropped(
    run: Run, index_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = "\ufeffWho wrote Hamlet?\r\n\ufeff\r\n\ufeffWhen was Tesla born?\r\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped.encode()), encoding="utf-8"))
    ran = run("ask", index_path, "--json", "--top-k", "1")
    assert [reply["question"] for reply in ran.objects] == ["Who wrote Hamlet?", "When was Tesla born?"]


def test_a_line_without_end_is_an_error(run: Run, index_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Who?\n" + "x" * 2_000_000))
    ran = run("ask", index_path, "--json")
    assert (ran.code, len(ran.objects)) == (1, 1)
    assert "Line 2 of stdin has more than 1,000,000 characters" in ran.err


@pytest.mark.parametrize("question", ["", " \t"], ids=["nothing", "spaces"])
def test_an_empty_question_is_wrong_usage(question: str, run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, question)
    assert (ran.code, ran.out) == (2, "")
    assert "the question is empty" in ran.err


def test_a_question_that_is_not_utf8_is_wrong_usage(run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "caf\udce9", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "not UTF-8" in ran.err


def test_a_line_that_is_not_utf8_is_named(run: Run, index_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Who?\ncaf\xe9\n"), encoding="utf-8"))
    ran = run("ask", index_path, "--json")
    assert ran.code == 1
    assert [reply["question"] for reply in ran.objects] == ["Who?"]
    assert "Line 2" in ran.err


def test_brackets_of_documents_stand_verbatim(run: Run, index_path: Path) -> None:
    ran = run("ask", index_path, "When was Tesla born? [bold]", "--top-k", "50")
    assert "When was Tesla born? [bold]" in ran.out
    assert "[O.S. 28 June]" in ran.out


def test_a_missing_index_is_1(run: Run, tmp_path: Path) -> None:
    ran = run("ask", tmp_path / "none", "Who?", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "none" in ran.err


def test_explained_answers_list_ngrams_and_terms(run: Run, index_path: Path) -> None:
    [reply] = run("ask", index_path, "Who wrote Hamlet?", "--explain", "--json").objects
    best = reply["answers"][0]
    assert best["sparse_matches"] == []  # the encoder of this index makes no sparse vectors
    assert [match["term"] for match in best["term_matches"]] == ["hamlet"]
    total = sum(match["paragraph"] for match in best["term_matches"])
    assert total == pytest.approx(best["parts"]["paragraph_terms"], rel=1e-5)
    assert "hamlet" in run("ask", index_path, "Who wrote Hamlet?", "--explain").out.splitlines()[4]


def test_matches_are_left_out_unasked(run: Run, index_path: Path) -> None:
    [reply] = run("ask", index_path, "Who wrote Hamlet?", "--no-sparc", "--json").objects
    assert not {"sparse_matches", "term_matches"} & set(reply["answers"][0])
