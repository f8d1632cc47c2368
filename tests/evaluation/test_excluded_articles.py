"""Articles that questions kept for evaluation are about give no candidates to what is tuned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from densephrase.data import Question
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import QuestionError, TrainingError
from densephrase.evaluation.excluded_articles import article_titles, documents_of, questions_apart
from densephrase.index.index_reader import IndexReader
from densephrase.training.query_side.candidates import TuningSearcher
from densephrase.training.query_side.config import QuerySideConfig
from densephrase.training.query_side.heads import HeadPair, question_vectors
from densephrase.training.query_side.labels import RightSpans
from densephrase.training.query_side.questions import freeze_questions
from densephrase.training.query_side.trainer import tune_questions
from tests.training.facts import make_facts
from tests.training.query_side_samples import build_index

FACTS = make_facts()


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> IndexReader:
    return IndexReader.open(build_index(tmp_path_factory.mktemp("excluded") / "facts", FACTS))


def write(path: Path, *titles: str) -> Path:
    """Write a question about each title."""
    rows = [{"question": "who", "answers": ["x"], **({"title": title} if title else {})} for title in titles]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_titles_are_those_of_all_files(tmp_path: Path) -> None:
    files = write(tmp_path / "a.jsonl", "Queen_A", "", "war"), write(tmp_path / "b.jsonl", "war", "city")
    assert article_titles(files) == {"Queen A", "war", "city"}
    assert article_titles([]) == set()


def test_a_file_without_titles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="none of its 2 questions says which article"):
        article_titles([write(tmp_path / "a.jsonl", "", "")])


def test_documents_are_found_by_their_titles(reader: IndexReader) -> None:
    found = {reader.document(row).id: reader.document(row).title for row in range(8)}
    assert set(documents_of(reader, {"queen a", "city", "nowhere"})) == {
        identity for identity, title in found.items() if title in ("queen_a", "city")
    }
    assert documents_of(reader, ()) == ()


def test_questions_about_articles_that_are_left_out_are_not_asked(reader: IndexReader, tmp_path: Path) -> None:
    asked = [Question(title, "who", title=title) for title in ("war", "queen_a", "")]
    assert questions_apart(asked, {"queen a", "city"}) == [asked[0], asked[2]]
    titles = {fact.title.replace("_", " ") for fact in FACTS}
    with pytest.raises(TrainingError, match="0 questions remain to tune on"):
        tune_questions(reader.path, FACTS, tmp_path / "out", QuerySideConfig(articles="all"), excluded_titles=titles)
    assert not (tmp_path / "out").exists()


def test_candidates_stand_in_no_document_that_is_left_out(reader: IndexReader) -> None:
    encoder = PhraseEncoder.from_pretrained(reader.encoder_path, bf16=False)
    left_out = documents_of(reader, {"queen a"})
    [own] = [fact for fact in FACTS if fact.id == "where-4"]
    frozen = freeze_questions(encoder, [own])
    vectors = question_vectors(HeadPair(encoder.model), frozen)
    every, others = (
        TuningSearcher(reader, encoder, 10**6, RightSpans({}), excluded)._spans(own, vectors, 10**6)
        for excluded in ((), left_out)
    )
    ids = [{reader.document(int(row)).id for row in spans.document} for spans in (every, others)]
    assert ids[1] == ids[0] - set(left_out) != ids[0]
