"""`calibrate`, and what the other commands make of a fitted confidence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from densephrase.confidence.model import check_confidence
from densephrase.encoder.config import EncoderConfig
from densephrase.phrase_index import PhraseIndex
from tests.cli.conftest import write_lines

Run = Callable[..., Any]

# Whole word pieces of the tiny encoder, one a paragraph: the only span of a paragraph is the answer, if it is one.
ARTICLES = {
    "Towns": ["paris", "london", "city", "river", "king", "queen"],
    "Courts_of_Europe": ["king", "queen", "paris", "war", "year", "born"],
    "Wars": ["war", "year", "born", "city", "river", "london"],
    "Rivers": ["river", "city", "london", "paris", "year", "war"],
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions of every paragraph; every third one has a reference that nothing matches."""
    rows = [
        {
            "question": f"which {word} {number}",
            "answers": ["zebra" if number % 3 == 0 else word],
            "title": title.replace("_", " "),
            "context": word,
        }
        for title, words in ARTICLES.items()
        for number, word in enumerate(words)
    ]
    return write_lines(tmp_path_factory.mktemp("asked") / "questions.jsonl", rows)


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The articles as a corpus."""
    rows = [{"id": title, "title": title, "text": "\n\n".join(words)} for title, words in ARTICLES.items()]
    return write_lines(tmp_path_factory.mktemp("articles") / "corpus.jsonl", rows)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, articles: Path, tiny_encoder_path: Path) -> Path:
    """An index of the articles whose encoder has no confidence."""
    path = tmp_path_factory.mktemp("plain") / "index"
    PhraseIndex.build(articles, path, tiny_encoder_path).close()
    return path


@pytest.fixture
def calibrated(run: Run, plain: Path, asked: Path, tmp_path: Path) -> Path:
    """The encoder with a confidence fitted on it."""
    ran = run("calibrate", plain, asked, "--output", tmp_path / "encoder", "--held-out", 4, "--unseen", 1)
    assert ran.code == 0, ran.err
    return tmp_path / "encoder"


def test_the_encoder_is_written_with_its_confidence(calibrated: Path, plain: Path) -> None:
    old, new = EncoderConfig.load(plain / "encoder"), EncoderConfig.load(calibrated)
    assert old.confidence == {}
    assert set(new.confidence) == {"open", "closed"}
    check_confidence(new.confidence)
    for name in ("model.safetensors", "tokenizer.json"):
        assert (calibrated / name).read_bytes() == (plain / "encoder" / name).read_bytes()
    unchanged = json.loads((plain / "encoder" / "config.json").read_text("utf-8"))
    written = json.loads((calibrated / "config.json").read_text("utf-8"))
    assert {**written, "confidence": {}} == unchanged


def test_the_report_is_json(run: Run, plain: Path, asked: Path, tmp_path: Path) -> None:
    ran = run("calibrate", plain, asked, "--output", tmp_path / "e", "--held-out", 4, "--unseen", 1, "--json")
    [report] = ran.objects
    assert report["open"]["unanswerable"] == 0.25
    assert report["closed"]["unanswerable"] == 0.5
    assert report["closed"]["fitted_on"] == 2 * 18
    assert report["closed"]["unseen"]["answers"] == 2 * 6
    for setting in ("open", "closed"):
        assert 0 <= report[setting]["threshold"] <= 1
        assert 0 <= report[setting]["unseen"]["calibration_error"] <= 1
    assert report["output"] == str(tmp_path / "e")


def test_articles_of_other_questions_are_left_out(run: Run, plain: Path, asked: Path, tmp_path: Path) -> None:
    kept, towns = tmp_path / "kept.jsonl", tmp_path / "towns.jsonl"
    rows = asked.read_text("utf-8").splitlines(keepends=True)
    kept.write_text("".join(row for row in rows if "Towns" not in row), encoding="utf-8")
    towns.write_text("".join(row for row in rows if "Towns" in row), encoding="utf-8")
    options = ("--held-out", 3, "--unseen", 1, "--json")
    ran = run("calibrate", plain, kept, "--output", tmp_path / "e", "--exclude-articles-of", towns, *options)
    assert ran.objects[0]["excluded_documents"] == 1
    assert "No articles are left out" not in ran.err
    ran = run("calibrate", plain, kept, "--output", tmp_path / "f", *options)
    assert ran.objects[0]["excluded_documents"] == 0
    assert "--exclude-articles-of" in ran.err
    ran = run("calibrate", plain, asked, "--output", tmp_path / "f", "--exclude-articles-of", towns, "--held-out", 4)
    assert "6 of 24 held-out questions are about articles that are left out" in ran.err


def test_the_report_for_people(run: Run, plain: Path, asked: Path, tmp_path: Path) -> None:
    ran = run("calibrate", plain, asked, "--output", tmp_path / "e", "--held-out", 4, "--unseen", 1)
    assert "calibration error" in ran.out
    assert "F1 with no-answer" in ran.out


def test_an_index_may_get_the_confidence_itself(run: Run, plain: Path, asked: Path, tmp_path: Path) -> None:
    index = shutil.copytree(plain, tmp_path / "index")
    ran = run("calibrate", index, asked, "--renew", "--held-out", 4, "--unseen", 1)
    assert ran.code == 0, ran.err
    [reply] = run("ask", index, "which king", "--json").objects
    assert all(0 < answer["confidence"] < 1 for answer in reply["answers"])
    assert run("verify", index).code == 0


def test_answers_carry_their_confidence(run: Run, calibrated: Path, articles: Path, tmp_path: Path) -> None:
    PhraseIndex.build(articles, tmp_path / "index", calibrated).close()
    [reply] = run("ask", tmp_path / "index", "which king", "--json").objects
    confidences = [answer["confidence"] for answer in reply["answers"]]
    assert all(0 < confidence < 1 for confidence in confidences)
    middle = sorted(confidences)[len(confidences) // 2]
    [less] = run("ask", tmp_path / "index", "which king", "--json", "--min-confidence", middle).objects
    assert [answer["confidence"] for answer in less["answers"]] == [c for c in confidences if c >= middle]
    ran = run("ask", tmp_path / "index", "which king", "--top-k", 1)
    assert f"confidence {100 * confidences[0]:.0f} %, score" in ran.out
    assert "no answer found" in run("ask", tmp_path / "index", "which king", "--min-confidence", 1).out


def test_evaluation_withholds_answers(run: Run, calibrated: Path, articles: Path, asked: Path, tmp_path: Path) -> None:
    PhraseIndex.build(articles, tmp_path / "index", calibrated).close()
    for where in ([tmp_path / "index"], ["--closed", "--encoder", calibrated]):
        [every] = run("evaluate", *where, asked, "--json").objects
        [none] = run("evaluate", *where, asked, "--json", "--min-confidence", 1).objects
        assert (every["answered"], none["answered"], none["em"]) == (1.0, 0.0, 0.0)
        assert every["em"] > 0


def test_no_answer_is_right_for_unanswerable_questions(run: Run, calibrated: Path, tmp_path: Path) -> None:
    rows = [
        {"question": "which king", "answers": ["king"], "context": "king"},
        {"question": "which queen", "answers": [], "is_impossible": True, "context": "war"},
    ]
    file = write_lines(tmp_path / "q.jsonl", rows)
    [given] = run("evaluate", "--closed", file, "--encoder", calibrated, "--json").objects
    [withheld] = run("evaluate", "--closed", file, "--encoder", calibrated, "--json", "--min-confidence", 1).objects
    assert (given["has_answer"]["em"], given["no_answer"]["em"], given["em"]) == (100, 0, 50)
    assert (withheld["has_answer"]["em"], withheld["no_answer"]["em"], withheld["em"]) == (0, 100, 50)
    assert withheld["min_confidence"] == 1
    ran = run("evaluate", "--closed", file, "--encoder", calibrated)
    assert "not answered where there is no answer" in ran.out


@pytest.mark.parametrize("command", ["ask", "evaluate", "closed"])
def test_an_encoder_without_confidence_is_1(
    command: str, run: Run, plain: Path, asked: Path, tiny_encoder_path: Path
) -> None:
    arguments = {
        "ask": ["ask", plain, "which king"],
        "evaluate": ["evaluate", plain, asked],
        "closed": ["evaluate", "--closed", asked, "--encoder", tiny_encoder_path],
    }[command]
    ran = run(*arguments, "--min-confidence", "0.5", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "densephrase calibrate" in ran.err


@pytest.mark.parametrize("value", ["2", "-0.1", "nan", "much"])
def test_a_confidence_is_a_probability(value: str, run: Run, plain: Path) -> None:
    ran = run("ask", plain, "which king", "--min-confidence", value)
    assert (ran.code, ran.out) == (2, "")
    assert "min" in ran.err and "confidence" in ran.err


def test_the_output_may_not_lie_in_the_index(run: Run, plain: Path, asked: Path) -> None:
    for folder in (plain, plain / "encoder"):
        ran = run("calibrate", plain, asked, "--output", folder)
        assert (ran.code, ran.out) == (2, "")
        assert "lies in the index" in ran.err


def test_a_share_is_less_than_1(run: Run, plain: Path, asked: Path, tmp_path: Path) -> None:
    ran = run("calibrate", plain, asked, "--output", tmp_path / "e", "--open-unanswerable", "1")
    assert (ran.code, ran.out) == (2, "")


def test_questions_of_other_articles_are_refused(run: Run, index_path: Path, asked: Path, tmp_path: Path) -> None:
    ran = run("calibrate", index_path, asked, "--output", tmp_path / "e", "--held-out", 4)
    assert (ran.code, ran.out) == (1, "")
    assert "24 of 24 held-out questions have no article in the index" in ran.err
    assert "0 held-out questions to fit to" in ran.err
    assert not (tmp_path / "e").exists()
