"""A phrase index as a passage retriever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from densephrase import PhraseIndex
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import SearchError
from densephrase.retrieve.phrase_paragraphs import PhraseParagraphs
from densephrase.retrieve.retriever import Retriever
from tests.search.conftest import random_documents

QUESTIONS = ["Who wrote Hamlet?", "Paris river"]


@pytest.fixture
def index(tmp_path: Path, tiny_encoder: PhraseEncoder) -> PhraseIndex:
    corpus = tmp_path / "corpus.jsonl"
    rows = ({"id": item.id, "title": item.title, "text": item.text} for item in random_documents(3, documents=12))
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return PhraseIndex.build(corpus, tmp_path / "index", encoder=tiny_encoder)


def test_paragraphs_have_the_scores_of_their_best_phrases(index: PhraseIndex) -> None:
    retriever: Retriever = PhraseParagraphs(index.search, strategy="sparse-first", explain=True)
    found = retriever.search(QUESTIONS, 4)
    answers = index.search(QUESTIONS, top_k=4, unit="paragraph", strategy="sparse-first", explain=True)
    assert [len(passages) for passages in found] == [len(some) for some in answers]
    assert all(found)
    for passages, some in zip(found, answers, strict=True):
        for passage, answer in zip(passages, some, strict=True):
            assert passage.text == answer.context
            assert answer.text in passage.text
            assert passage.document == answer.document
            assert passage.score == answer.score == passage.parts["phrase"]
            assert passage.term_matches == answer.term_matches
        assert len({passage.id for passage in passages}) == len(passages)
        assert [passage.score for passage in passages] == sorted((p.score for p in passages), reverse=True)


def test_refusals_are_those_of_the_phrase_search(index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match="top_k is 0"):
        PhraseParagraphs(index.search).search(QUESTIONS, 0)
    with pytest.raises(SearchError, match="no search option 'fuzzy'"):
        PhraseParagraphs(index.search, fuzzy=True).search(QUESTIONS, 1)


def test_a_string_is_no_list_of_questions_here_either(index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match="takes a list of questions; found 'Who wrote Hamlet"):
        PhraseParagraphs(index.search).search("Who wrote Hamlet?", 3)
