"""The comparison of term scores: what is right for a question, what is counted, and the printed tables."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import term_scores
from benchmarks.plain_terms import TermScores
from benchmarks.term_scores import CUTS, Asked, Collection, accuracy, groups
from densephrase.data import Question

FACTS = ["Ada wrote programs.", "Bread needs flour.", "Cats chase mice.", "Dunes move slowly.", "Elms grow tall."]
QUERIES = ["Who wrote programs?", "What does bread need?", "What do cats chase?", "What moves slowly?", "What grows?"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    documents = [("a", "Facts", "\n\n".join(FACTS)), ("b", "Baking", "Flour is milled."), ("c", "Mills", "Wind.")]
    rows = [json.dumps({"id": name, "title": title, "text": text}) for name, title, text in documents]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rows = [
        {"question": query, "answers": [fact.split()[0]], "title": "Facts", "context": f" {fact}\n"}
        for query, fact in zip(QUERIES, FACTS, strict=True)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def scored(paragraph: list[float], document: list[float]) -> TermScores:
    return TermScores(np.array(paragraph, np.float32), np.array(document, np.float32), np.array([0, 0, 1], np.int32))


def test_collection_joins_paragraphs_to_their_documents(corpus: Path) -> None:
    collection = Collection.read(str(corpus))
    assert collection.titles == ["Facts", "Baking", "Mills"]
    assert collection.texts == [*FACTS, "Flour is milled.", "Wind."]
    assert collection.paragraph_document.tolist() == [0, 0, 0, 0, 0, 1, 2]


def test_right_is_the_own_paragraph_or_else_one_with_the_answer() -> None:
    collection = Collection([""], ["Ada wrote.", "Bob read.", "Ada wrote."], np.zeros(3, np.int32))
    own = Question("1", "Who wrote?", ("Ada",), (0,), context="Ada wrote.\n")
    absent = Question("2", "Who read?", ("Bob", "Rob"), (0, -1), context="Bob read a lot.")
    found = groups(collection, [own, absent, Question("3", "Who?", ("Eve",))])
    assert [[asked.text for asked in group] for group in found.values()] == [["Who wrote?"], ["Who read?", "Who?"]]
    right = [[row for row in range(3) if asked.is_right(row)] for group in found.values() for asked in group]
    assert right == [[0, 2], [1], []]


def test_a_group_without_questions_is_left_out() -> None:
    collection = Collection([""], ["Ada wrote."], np.zeros(1, np.int32))
    assert list(groups(collection, [Question("1", "Who?", context="Ada wrote.")])) == ["own paragraph"]


@pytest.mark.parametrize(
    ("paragraph", "right", "expected"),
    [
        pytest.param([3, 2, 1], 0, [100, 100, 100], id="first"),
        pytest.param([3, 2, 1], 1, [0, 100, 100], id="second"),
        pytest.param([3, 2, 0], 2, [0, 0, 0], id="shares no term"),
        pytest.param([2, 2, 2], 0, [100, 100, 100], id="ties by row"),
        pytest.param([2, 2, 2], 2, [0, 100, 100], id="last of a tie"),
    ],
)
def test_accuracy_counts_ranks(paragraph: list[float], right: int, expected: list[float]) -> None:
    found = accuracy(lambda text: scored(paragraph, [0, 0]), [Asked("?", right.__eq__)], [0.0])
    assert found.shape == (1, len(CUTS))
    assert found[0].tolist() == expected


def test_accuracy_adds_the_weighted_document_score() -> None:
    asked = [Asked("in the better document", (2).__eq__), Asked("nowhere", (9).__eq__)]
    found = accuracy(lambda text: scored([2, 3, 1], [0, 4]), asked, [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(found[:, 0], [0, 0, 50])
    np.testing.assert_array_equal(found[:, 1], [50, 50, 50])


def test_table_compares_both_sides(
    corpus: Path, questions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--questions", str(questions), "--corpus", str(corpus), "--document-weights", "0", "0.5"]
    monkeypatch.setattr(sys, "argv", ["term_scores", *arguments])
    term_scores.main()
    output = capsys.readouterr().out
    assert "5 of 5 held-out questions" in output
    assert "Right is the own paragraph, 5 questions" in output
    assert "answer string" not in output
    rows = [line for line in output.splitlines() if line.startswith(("| BM25", "| tf-idf"))]
    assert len(rows) == len(term_scores.PARAGRAPH_GRID) + len(term_scores.DOCUMENT_GRID) + 1
    assert rows[0].startswith("| BM25 as shipped")
    assert rows[0].endswith("| 100.0 / 100.0 / 100.0 | 100.0 / 100.0 / 100.0 |")
    assert output.count("best top-1") == 2


def test_questions_without_articles_are_refused(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(json.dumps({"question": "Who?", "answers": ["Ada"], "context": "Ada."}), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["term_scores", "--questions", str(path), "--corpus", str(corpus)])
    with pytest.raises(SystemExit):
        term_scores.main()
    assert "has no article to hold out" in capsys.readouterr().err
