"""Candidates against the search that they come from, and labels against the text."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from densephrase.data import Question
from densephrase.encoder.encoded import QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.index.index_reader import IndexReader
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher
from densephrase.training.query_side.candidates import Candidates, TuningSearcher
from densephrase.training.query_side.heads import HeadPair, question_vectors
from densephrase.training.query_side.labels import RightSpans, find_places
from densephrase.training.query_side.questions import freeze_questions
from tests.training.facts import make_facts
from tests.training.query_side_samples import build_index

FACTS = make_facts()


class Opened(NamedTuple):
    """An index and its encoder."""

    reader: IndexReader
    encoder: PhraseEncoder


@pytest.fixture(scope="module", params=[0, 6], ids=["dense", "with Sparc"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """An index with and without contextualised sparse vectors."""
    path = build_index(tmp_path_factory.mktemp("tuned") / "facts", FACTS, sparc_size=request.param)
    reader = IndexReader.open(path)
    return Opened(reader, PhraseEncoder.from_pretrained(reader.encoder_path, bf16=False))


def find(opened: Opened, question: Question, candidates: int) -> tuple[Candidates | None, QuestionVectors]:
    [frozen] = freeze_questions(opened.encoder, [question])
    vectors = question_vectors(HeadPair(opened.encoder.model), [frozen])
    return TuningSearcher(*opened, candidates, RightSpans({})).find(frozen, vectors), vectors


def test_frozen_states_give_the_encoders_vectors(opened: Opened) -> None:
    frozen = freeze_questions(opened.encoder, FACTS)
    assert [item.question for item in frozen] == FACTS
    found = question_vectors(HeadPair(opened.encoder.model), frozen)
    expected = opened.encoder.encode_questions([fact.text for fact in FACTS])
    np.testing.assert_allclose(found.start, expected.start, rtol=0.02, atol=2e-3)
    np.testing.assert_allclose(found.end, expected.end, rtol=0.02, atol=2e-3)
    assert (found.sparse is None) == (expected.sparse is None)
    for one, other in zip(found.sparse or (), expected.sparse or (), strict=True):
        np.testing.assert_array_equal(one.unigrams, other.unigrams)
        np.testing.assert_allclose(one.bigram_weights, other.bigram_weights, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("candidates", [40, 10_000], ids=["some starts", "all starts"])
def test_the_best_span_of_each_start_has_the_score_of_search(opened: Opened, candidates: int) -> None:
    found, vectors = find(opened, FACTS[7], candidates)
    assert found is not None
    scores = found.start[found.span_start] @ vectors.start[0] + found.end[found.span_end] @ vectors.end[0]
    best: dict[int, float] = defaultdict(lambda: -np.inf)
    for start, score in zip(found.span_start.tolist(), (scores + found.constant).tolist(), strict=True):
        best[start] = max(best[start], score)
    searcher = Searcher(*opened)
    [spans] = searcher.spans([FACTS[7].text], vectors, searcher.plan(SearchOptions()), candidates)
    assert sorted(best.values(), reverse=True) == pytest.approx(spans.score.tolist(), rel=1e-4, abs=1e-4)


def test_every_end_within_reach_is_a_candidate_once(opened: Opened) -> None:
    found, _ = find(opened, FACTS[0], 10_000)
    assert found is not None
    spans = set(zip(found.span_start.tolist(), found.span_end.tolist(), strict=True))
    assert len(spans) == len(found.span_start)
    longest, expected = opened.encoder.config.max_answer_tokens, 0
    for shard in opened.reader.shards:
        for paragraph in range(shard.counts.paragraphs):
            starts = shard.start_token[slice(*shard.paragraph_start_ptr[paragraph : paragraph + 2])].astype(int)
            ends = shard.end_token[slice(*shard.paragraph_end_ptr[paragraph : paragraph + 2])].astype(int)
            expected += sum(0 <= end - start < longest for start in starts for end in ends)
    assert len(spans) == expected


def test_a_question_without_a_right_span_has_no_candidates(opened: Opened) -> None:
    assert find(opened, replace(FACTS[0], answers=("nowhere",)), 10_000)[0] is None


def label(opened: Opened, question: Question, spans: list[tuple[int, str]], by_position: bool) -> list[bool]:
    """Return the labels of texts in documents, each at the first place that it stands at."""
    places = find_places(opened.reader, [question]) if by_position else {}
    starts = [opened.reader.document(row).text.index(text) for row, text in spans]
    ends = [start + len(text) for start, (_, text) in zip(starts, spans, strict=True)]
    columns = (np.array(column) for column in ([row for row, _ in spans], starts, ends))
    return RightSpans(places).labels(question, *columns, lambda row: opened.reader.document(row).text).tolist()


def test_labels_by_answer_take_the_text_anywhere(opened: Opened) -> None:
    question = replace(FACTS[1], answers=("The Queen",))
    spans = [(0, "queen"), (0, "the queen"), (0, "by the queen"), (3, "queen")]
    assert label(opened, question, spans, by_position=False) == [True, True, False, True]


def test_labels_by_position_want_the_marked_place(opened: Opened) -> None:
    question, text = FACTS[3], FACTS[3].context or ""
    assert question.answers == ("london",)
    spans = [(1, "london"), (1, "in london"), (6, "london")]
    assert label(opened, question, spans, by_position=True) == [True, False, False]
    elsewhere = replace(question, context="  " + text, answer_starts=(2 + question.answer_starts[0],))
    assert label(opened, elsewhere, spans, by_position=True) == [True, False, False]


@pytest.mark.parametrize(
    "changes",
    [{"title": "nowhere"}, {"context": "another paragraph"}, {"context": None}, {"answer_starts": (-1,)}],
    ids=["no such title", "no such paragraph", "no paragraph", "no offset"],
)
def test_a_question_without_a_known_place_is_labelled_by_answer(opened: Opened, changes: dict[str, object]) -> None:
    question = replace(FACTS[3], **changes)  # type: ignore[arg-type]
    assert label(opened, question, [(1, "london"), (6, "london")], by_position=True) == [True, True]
