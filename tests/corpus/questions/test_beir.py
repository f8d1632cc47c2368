"""Folders in the form of BEIR: corpus, queries and judgements."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.questions.beir import read_beir_judgements
from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document, Question
from densephrase.errors import QuestionError

CORPUS = (
    '{"_id": "4983", "title": "Microstructural development", "text": "Alterations of it", "metadata": {}}\n'
    '{"_id": "5836", "title": "", "text": "Myelodysplastic syndromes", "metadata": {"year": 2011}}\n'
)
QUERIES = (
    '{"_id": "1", "text": "0-dimensional biomaterials show inductive properties.", "metadata": {"13734012": []}}\n'
    '{"_id": "3", "text": "1,000 genomes project", "metadata": {}}\n'
    '{"_id": "0", "text": "never judged"}\n'
)
HEADER = "query-id\tcorpus-id\tscore\n"
TEST = HEADER + "3\t5836\t2\n1\t4983\t1\n3\t4983\t0\n"
QUESTIONS = [
    Question("1", "0-dimensional biomaterials show inductive properties."),
    Question("3", "1,000 genomes project"),
    Question("0", "never judged"),
]


@pytest.fixture(params=["", ".gz"], ids=["plain", "zipped"])
def folder(write: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Write a data set, all of its files gzipped or none."""
    for name, content in {
        "corpus.jsonl": CORPUS,
        "queries.jsonl": QUERIES,
        "qrels/test.tsv": TEST,
        "qrels/dev.tsv": HEADER + "3\t4983\t1\n",
    }.items():
        write(f"scifact/{name}{request.param}", content)
    return tmp_path / "scifact"


def named(folder: Path, name: str) -> Path:
    """Return a file of the folder, gzipped or not."""
    return next(folder.glob(f"{name}*"))


def test_a_folder_is_a_corpus(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    documents = [
        Document("4983", "Alterations of it", "Microstructural development"),
        Document("5836", "Myelodysplastic syndromes", "", {"year": 2011}),
    ]
    with caplog.at_level(logging.WARNING):
        assert list(read_corpus(folder)) == documents
    [record] = caplog.records
    assert record.getMessage().startswith(f"{folder}: a folder in the form of BEIR, of which corpus.jsonl")
    assert list(read_corpus(named(folder, "corpus.jsonl"))) == documents


def test_a_folder_is_read_whole_where_its_documents_have_plain_ids(write: Any, tmp_path: Path) -> None:
    write("corpus.jsonl", '{"id": 1, "text": "x"}\n')
    write("queries.jsonl", '{"id": 2, "text": "y"}\n')
    assert [document.id for document in read_corpus(tmp_path)] == ["1", "2"]


def test_documents_whose_metadata_would_hide_a_field_keep_it_apart(write: Any) -> None:
    path = write("corpus.jsonl", '{"_id": "1", "text": "x", "metadata": {"title": "y", "id": 3}}\n')
    assert list(read_corpus(path)) == [Document("1", "x", "", {"metadata": {"title": "y", "id": 3}})]
    path = write("corpus.jsonl", '{"_id": "1", "id": "2", "text": "x"}\n')
    assert list(read_corpus(path)) == [Document("2", "x", "", {"_id": "1"})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param('{"_id": "", "text": "x"}', "field 'id' is empty", id="empty-id"),
        pytest.param('{"_id": [1], "text": "x"}', "field 'id' is a list", id="list-id"),
        pytest.param('{"_id": "7", "title": "x"}', ", id '7': field 'text' is missing", id="no-text"),
        pytest.param('{"_id": "7", "title": "x", "text": ""}', ", id '7': the text is empty", id="empty-text"),
        pytest.param('{"_id": "4983", "text": "x"}', "earlier document has the same id", id="twice"),
    ],
)
def test_bad_documents(write: Any, fails: Any, read_skipping: Any, line: str, expected: str) -> None:
    message = fails("corpus.jsonl", f"{CORPUS}{line}\n")
    assert message.startswith(", line 3") and expected in message
    documents, skipped = read_skipping(write("corpus.jsonl", f"{CORPUS}{line}\n"))
    assert (len(documents), len(skipped)) == (2, 1)


def test_a_folder_holds_questions(folder: Path) -> None:
    assert read_questions(folder) == QUESTIONS
    assert read_questions(named(folder, "queries.jsonl")) == QUESTIONS


def test_a_file_of_judgements_names_the_questions_of_its_split(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_questions(named(folder / "qrels", "test.tsv")) == QUESTIONS[:2]
    assert read_questions(named(folder / "qrels", "dev.tsv")) == QUESTIONS[1:2]
    monkeypatch.chdir(folder / "qrels")
    assert read_questions(named(Path(), "test.tsv")) == QUESTIONS[:2]


@pytest.mark.parametrize("name", ["q.json", "q.txt", "q.jsonl"])
def test_queries_are_told_by_what_a_file_holds(write: Any, name: str) -> None:
    assert read_questions(write(name, QUERIES)) == QUESTIONS


def test_judgements(folder: Path) -> None:
    expected = {"3": {"5836": 2, "4983": 0}, "1": {"4983": 1}}
    assert read_beir_judgements(folder, "test") == expected
    assert read_beir_judgements(str(named(folder / "qrels", "test.tsv"))) == expected
    assert list(read_beir_judgements(folder, "test")) == ["3", "1"]
    assert read_beir_judgements(folder, "dev") == {"3": {"4983": 1}}


def test_the_only_split_needs_no_name(write: Any, tmp_path: Path) -> None:
    write("a/qrels/train.tsv", HEADER + "q\td\t-1\r\n\nq\td\t-1\n")
    assert read_beir_judgements(tmp_path / "a") == {"q": {"d": -1}}
    assert read_beir_judgements(tmp_path / "a", "train") == {"q": {"d": -1}}


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\r\n"), min_size=1).filter(str.strip)
JUDGEMENTS = st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-5, 5), min_size=1, max_size=3), max_size=3)


@given(JUDGEMENTS)
def test_a_round_trip_of_judgements(tmp_path_factory: pytest.TempPathFactory, judgements: dict[str, Any]) -> None:
    rows = [f"{query}\t{one}\t{grade}\n" for query, grades in judgements.items() for one, grade in grades.items()]
    path = tmp_path_factory.mktemp("beir") / "test.tsv"
    path.write_bytes((HEADER + "".join(rows)).encode())
    assert read_beir_judgements(path) == judgements


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("", ["line 1: found ''", "the header query-id"], id="empty"),
        pytest.param("1\t4983\t1\n", ["line 1: found '1\\t4983\\t1'", "the header query-id"], id="no-header"),
        pytest.param(f"{TEST}3\t5836\n", ["line 5: found '3\\t5836'", "a whole number"], id="two-fields"),
        pytest.param(f"{TEST}3\t0\t5836\t1\n", ["line 5", "an id of a query"], id="four-fields"),
        pytest.param(f"{TEST}3 7 1\n", ["line 5: found '3 7 1'", "tabs"], id="spaces"),
        pytest.param(f"{TEST}\t7\t1\n", ["line 5", "an id of a query"], id="no-query"),
        pytest.param(f"{TEST}3\t \t1\n", ["line 5", "an id of a document"], id="no-document"),
        pytest.param(f"{TEST}3\t7\tyes\n", ["line 5: found 'yes' as the grade"], id="grade-of-letters"),
        pytest.param(f"{TEST}3\t7\t0.5\n", ["line 5: found '0.5' as the grade"], id="fraction"),
        pytest.param(f"{TEST}3\t5836\t1\n", ["line 5: the document '5836' has the grades 2 and 1"], id="two-grades"),
        pytest.param(TEST.encode() + b"3\t\xe9\t1\n", ["line 5: an id holds", "0xE9"], id="not-utf8"),
    ],
)
def test_broken_judgements(write: Any, content: str | bytes, words: list[str]) -> None:
    path = write("qrels/test.tsv", content)
    with pytest.raises(QuestionError) as caught:
        read_beir_judgements(path)
    assert str(caught.value).startswith(str(path))
    assert [word for word in words if word not in str(caught.value)] == []


def test_splits_that_are_not_there(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="holds the judgements of dev, test. Say which"):
        read_beir_judgements(folder)
    with pytest.raises(QuestionError, match="no judgements of the split 'train', but those of dev, test"):
        read_beir_judgements(folder, "train")
    with pytest.raises(QuestionError, match=r"holds no judgements; expected files qrels/<split>\.tsv"):
        read_beir_judgements(tmp_path)
    with pytest.raises(QuestionError, match=r"none\.tsv: the file cannot be read"):
        read_beir_judgements(tmp_path / "none.tsv")


def test_questions_that_are_not_there(write: Any, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"a folder without queries\.jsonl\. Give a file of questions"):
        read_questions(tmp_path)
    path = write("qrels/test.tsv", TEST)
    with pytest.raises(QuestionError, match=r"test\.tsv: its queries are missing; expected .*queries\.jsonl"):
        read_questions(path)
    write("queries.jsonl", '{"_id": "1", "text": "x"}\n')
    with pytest.raises(QuestionError, match=r"test\.tsv: judges 1 queries, such as '3', that .*queries\.jsonl lacks"):
        read_questions(path)
    write("queries.jsonl", '{"_id": "1", "text": "x"}\n{"_id": "1", "text": "y"}\n')
    with pytest.raises(QuestionError, match=r"queries\.jsonl: the query '1' stands there twice"):
        read_questions(path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param('{"_id": "7", "text": " "}', ["line 4 (id '7')", "is empty"], id="empty"),
        pytest.param('{"_id": "7", "text": 3}', ["line 4 (id '7')", "is int"], id="number"),
        pytest.param('{"_id": null, "text": "x"}', ["line 4", "'id' is nothing"], id="no-id"),
        pytest.param('{"_id": "7", "title": "T", "text": "x"}', ["line 4: found a title", "queries"], id="document"),
        pytest.param('{"_id": "7"}', ["line 4 (id '4')", "found the keys '_id'", "BEIR's"], id="no-text"),
    ],
)
def test_broken_queries(write: Any, line: str, words: list[str]) -> None:
    with pytest.raises(QuestionError) as caught:
        read_questions(write("queries.jsonl", f"{QUERIES}{line}\n"))
    assert [word for word in words if word not in str(caught.value)] == []
