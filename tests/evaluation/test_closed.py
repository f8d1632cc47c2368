"""Closed evaluation with an encoder that is told which span to prefer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.data import Question
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import QuestionError
from densephrase.evaluation.closed import evaluate_closed
from densephrase.phrase_index import PhraseIndex
from densephrase.quantise.scalar import VectorQuantiser
from tests.conftest import make_encoder


class CharacterEncoder:
    """Every character is a token; its row is one-hot in its code point, so a question "xy" finds "x...y"."""

    def __init__(self) -> None:
        self.config: Any = SimpleNamespace(vector_size=128, coherency_rank=0, max_answer_tokens=10, confidence={})
        self.start_quantiser = self.end_quantiser = VectorQuantiser(np.zeros(128, np.float32), np.ones(128, np.float32))
        self.sparse_scale: NDArray[np.float32] | None = None
        self.encoded: list[ParagraphInput] = []

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        self.encoded.extend(paragraphs)
        return [self._encode(paragraph.text) for paragraph in paragraphs]

    def encode_questions(self, texts: Sequence[str]) -> QuestionVectors:
        start, end = (np.stack([np.eye(128, dtype=np.float32)[ord(text[at])] for text in texts]) for at in (0, -1))
        return QuestionVectors(start, end)

    def _encode(self, text: str) -> EncodedParagraph:
        tokens = np.arange(len(text), dtype=np.int32)
        codes = np.eye(128, dtype=np.int8)[[ord(character) for character in text]].reshape(-1, 128)
        pieces = np.array([ord(character) for character in text], np.int32)
        return EncodedParagraph(len(text), tokens, tokens, codes, tokens, tokens + 1, codes, pieces)


def question(identity: str, text: str, answer: str, context: str | None, title: str = "") -> Question:
    return Question(identity, text, (answer,), (-1,), title, context)


def test_each_question_is_answered_from_its_own_paragraph() -> None:
    questions = [
        question("1", "be", "bcde", "abcdef"),
        question("2", "xz", "xyz", "wxyz"),
        question("3", "ac", "something else", "abcdef"),
    ]
    results = {result.question.id: result for result in evaluate_closed(CharacterEncoder(), questions)}  # type: ignore[arg-type]
    assert results["1"].answers == ({"text": "bcde", "score": 2.0, "confidence": None, "start": 1, "end": 5},)
    assert results["2"].answers[0]["text"] == "xyz"
    assert [results[identity].exact_match for identity in "123"] == [True, True, False]
    assert [results[identity].f1 for identity in "123"] == [1.0, 1.0, 0.0]
    assert all(result.right_paragraph is None and result.seconds is None for result in results.values())


def test_a_phrase_has_the_borders_that_a_search_gives_it() -> None:
    [result] = evaluate_closed(CharacterEncoder(), [question("1", "`3", "8143", "port `8143`.")])  # type: ignore[arg-type]
    assert result.answers == ({"text": "8143", "score": 2.0, "confidence": None, "start": 6, "end": 10},)


def test_each_paragraph_is_encoded_once_with_its_title() -> None:
    encoder = CharacterEncoder()
    questions = [question(str(n), "ab", "ab", f"ab {n % 200}", f"title {n % 200}") for n in range(400)]
    assert sum(result.exact_match for result in evaluate_closed(encoder, questions)) == 400  # type: ignore[arg-type]
    assert encoder.encoded == [ParagraphInput(f"ab {n}", f"title {n}") for n in range(200)]


def test_a_paragraph_without_tokens_has_no_answer() -> None:
    [result] = evaluate_closed(CharacterEncoder(), [question("1", "ab", "ab", "")])  # type: ignore[arg-type]
    assert result.answers == ()
    assert not result.exact_match


def test_a_question_without_its_paragraph_is_refused() -> None:
    with pytest.raises(QuestionError, match="'7' has no context"):
        list(evaluate_closed(CharacterEncoder(), [question("7", "ab", "ab", None)]))  # type: ignore[arg-type]


@pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "with Sparc heads"])
def test_scores_are_those_of_an_exhaustive_search_without_terms(tmp_path: Path, sparc_size: int) -> None:
    text = "The king was born in paris, and the queen of the river in london."  # one window
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"id": "d", "title": "Tesla", "text": text}), encoding="utf-8")
    make_encoder(sparc_size=sparc_size).save_pretrained(tmp_path / "encoder")
    questions = [
        question(str(n), words, "x", text, "Tesla") for n, words in enumerate(["who?", "when was he born in", "a"])
    ]
    results = {
        result.question.text: result
        for result in evaluate_closed(PhraseEncoder.from_pretrained(tmp_path / "encoder"), questions)
    }
    PhraseIndex.build(tmp_path / "corpus.jsonl", tmp_path / "index", tmp_path / "encoder").close()
    with PhraseIndex.open(tmp_path / "index", runtime="torch") as index:  # as a closed evaluation encodes questions
        for asked, result in results.items():
            [best] = index.search(asked, top_k=1, exhaustive=True, paragraph_weight=0.0, document_weight=0.0)
            assert best.score == pytest.approx(result.answers[0]["score"], rel=1e-3, abs=1e-3)


class ContextEncoder(CharacterEncoder):
    """Starts (and ends) know the character before the phrase "a.", and a question "axyb" asks for "x" or "y" there."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.sparse_scale = np.full(4, 0.01, np.float32)
        self._side = side

    def encode_questions(self, texts: Sequence[str]) -> QuestionVectors:
        vectors = super().encode_questions(texts)
        return QuestionVectors(vectors.start, vectors.end, tuple(self._ngrams(text[1:-1]) for text in texts))

    def _ngrams(self, asked: str) -> QuestionNgrams:
        pieces = np.array(sorted({ord(character) for character in asked}), np.int32)
        weights = np.zeros((2, len(pieces)), np.float32)
        weights[self._side] = 0.5
        return QuestionNgrams(pieces, weights, np.empty(0, np.int64), np.empty((2, 0), np.float32))

    def _encode(self, text: str) -> EncodedParagraph:
        """Give each place a dimension of its own: a row's q points at the place so many tokens before it."""
        encoded = super()._encode(text)
        places = np.eye(encoded.tokens, dtype=np.int8)
        keys = np.concatenate([10 * places] * 4, axis=1)
        rows = []
        for distance in (1, 2):
            unigrams = 10 * np.eye(encoded.tokens, k=-distance, dtype=np.int8)
            rows.append(np.concatenate([unigrams, np.zeros_like(unigrams)], axis=1))
        return replace(encoded, start_sparse=rows[0], end_sparse=rows[1], token_keys=keys)


@pytest.mark.parametrize("side", [0, 1], ids=["start", "end"])
def test_the_sparse_half_counts(side: int) -> None:
    text = "xab..........yab..........zab"  # too far apart for a span from one to the next
    asked = {"axb": 1, "awwwwb": 1, "ayb": 14, "awwwyb": 14, "azb": 27, "azwwwwwwb": 27, "ab": 1}
    questions = [question(words, words, "ab", text) for words in asked]
    results = list(evaluate_closed(ContextEncoder(side), questions))  # type: ignore[arg-type]
    assert {result.question.text: result.answers[0]["start"] for result in results} == asked
    scores = {result.question.text: result.answers[0]["score"] for result in results}
    assert scores == pytest.approx({words: 2.5 if set(words) & set("xyz") else 2.0 for words in asked})
