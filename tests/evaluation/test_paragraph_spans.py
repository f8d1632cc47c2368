"""The spans of a paragraph against a loop over every start and end."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph, QuestionVectors
from densephrase.evaluation.spans import ParagraphSpans, paragraph_spans
from densephrase.quantise.scalar import VectorQuantiser
from tests.search.sparse_cases import VOCABULARY, Factors, explicit_scores, make_factors, make_ngrams

SIZE, RANK = 6, 3
SCALE = np.array([0.02, 0.03, 0.04, 0.05], np.float32)
PARTS = ("dense_start", "dense_end", "coherency", "sparc_start", "sparc_end")


def make_encoder(random: np.random.Generator, max_answer_tokens: int) -> Any:
    """Make the parts of an encoder that scores depend on."""

    def quantiser() -> VectorQuantiser:
        offset = np.concatenate([random.normal(size=SIZE), np.zeros(RANK)]).astype(np.float32)
        return VectorQuantiser(offset, random.uniform(0.01, 0.1, SIZE + RANK).astype(np.float32))

    config = SimpleNamespace(vector_size=SIZE, coherency_rank=RANK, max_answer_tokens=max_answer_tokens)
    return SimpleNamespace(config=config, start_quantiser=quantiser(), end_quantiser=quantiser(), sparse_scale=SCALE)


def make_paragraph(random: np.random.Generator, tokens: int, kept: float, sparse: bool = False) -> EncodedParagraph:
    """Make a paragraph of which the filter kept a share of the starts and of the ends."""
    starts, ends = (np.flatnonzero(random.random(tokens) < kept).astype(np.int32) for _ in range(2))
    one, other = (make_factors(random, tokens, side, 3) for side in (starts, ends))
    return EncodedParagraph(
        tokens,
        starts,
        starts * 5,
        random.integers(-127, 128, (len(starts), SIZE + RANK)).astype(np.int8),
        ends,
        ends * 5 + 4,
        random.integers(-127, 128, (len(ends), SIZE + RANK)).astype(np.int8),
        random.integers(0, VOCABULARY, tokens).astype(np.int32),
        *((one.queries, other.queries, one.keys) if sparse else ()),
    )


def make_questions(random: np.random.Generator, count: int, sparse: bool = False) -> QuestionVectors:
    start, end = random.normal(size=(2, count, SIZE)).astype(np.float32)
    return QuestionVectors(start, end, tuple(make_ngrams(random, 6, 60) for _ in range(count)) if sparse else None)


def sparse_sides(paragraph: EncodedParagraph, questions: QuestionVectors, number: int) -> list[NDArray[np.float64]]:
    """Return the sparse scores of all starts and all ends, 0 where there are none."""
    sides = (paragraph.start_token, paragraph.start_sparse), (paragraph.end_token, paragraph.end_sparse)
    if questions.sparse is None:
        return [np.zeros(len(tokens)) for tokens, _ in sides]
    return [
        explicit_scores(
            Factors(rows, tokens, paragraph.token_keys), paragraph.token_ids, SCALE, questions.sparse[number], side
        )
        for side, (tokens, rows) in enumerate(sides)
        if rows is not None
    ]


def brute_force(
    encoder: Any, paragraph: EncodedParagraph, questions: QuestionVectors, number: int
) -> dict[int, tuple[int, float, tuple[float, ...]]]:
    """Try every pair; return each start's best end (the first of equal ones), their score and its parts."""
    sparse_start, sparse_end = sparse_sides(paragraph, questions, number)
    found: dict[int, tuple[int, float, tuple[float, ...]]] = {}
    for i, start_row in enumerate(encoder.start_quantiser.decode(paragraph.start_codes)):
        for j, end_row in enumerate(encoder.end_quantiser.decode(paragraph.end_codes)):
            if not 0 <= paragraph.end_token[j] - paragraph.start_token[i] < encoder.config.max_answer_tokens:
                continue
            parts = (
                float(start_row[:SIZE] @ questions.start[number]),
                float(end_row[:SIZE] @ questions.end[number]),
                float(start_row[SIZE:] @ end_row[SIZE:]),
                float(sparse_start[i]),
                float(sparse_end[j]),
            )
            first = int(paragraph.start_char[i])
            if first not in found or sum(parts) > found[first][1]:
                found[first] = (int(paragraph.end_char[j]), sum(parts), parts)
    return found


def best(spans: ParagraphSpans) -> tuple[int, int] | None:
    row = spans.best()
    return None if row is None else (int(spans.start[row]), int(spans.end[row]))


@pytest.mark.parametrize("max_answer_tokens", [1, 4, 100], ids=["one token", "four tokens", "any length"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 1.0], ids=["few kept", "half kept", "all kept"])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "with sparse rows"])
@pytest.mark.parametrize("seed", range(5))
def test_spans_are_those_of_brute_force(seed: int, sparse: bool, kept: float, max_answer_tokens: int) -> None:
    random = np.random.default_rng(seed)
    encoder = make_encoder(random, max_answer_tokens)
    paragraph, questions = make_paragraph(random, 30, kept, sparse), make_questions(random, 4, sparse)
    for number, spans in enumerate(paragraph_spans(encoder, paragraph, questions)):
        expected = brute_force(encoder, paragraph, questions, number)
        assert spans.start.tolist() == list(expected)
        assert spans.end.tolist() == [end for end, _, _ in expected.values()]
        np.testing.assert_allclose(spans.score, [score for _, score, _ in expected.values()], rtol=1e-4, atol=1e-4)
        for row, (_, score, parts) in enumerate(expected.values()):
            found = spans.parts(row)
            assert [getattr(found, name) for name in PARTS] == pytest.approx(parts, rel=1e-4, abs=1e-4)
            assert found.total == pytest.approx(score, rel=1e-4, abs=1e-4)
        first = max(expected, key=lambda start: expected[start][1], default=None)
        assert best(spans) == (None if first is None else (first, expected[first][0]))


@pytest.mark.parametrize("without", ["rows", "scale", "n-grams"])
def test_sparse_scores_need_rows_scale_and_ngrams(without: str) -> None:
    random = np.random.default_rng(3)
    encoder = make_encoder(random, 4)
    paragraph, questions = make_paragraph(random, 20, 1.0, sparse=True), make_questions(random, 2, sparse=True)
    if without == "rows":
        paragraph = replace(paragraph, start_sparse=None, end_sparse=None, token_keys=None)
    elif without == "scale":
        encoder.sparse_scale = None
    else:
        questions = replace(questions, sparse=None)
    for spans in paragraph_spans(encoder, paragraph, questions):
        assert not spans.sparc_start.any()
        assert not spans.sparc_end.any()


def test_ties_go_to_the_first_start_and_its_first_end() -> None:
    random = np.random.default_rng(0)
    encoder = make_encoder(random, 3)
    tokens = np.arange(8, dtype=np.int32)
    codes = np.full((8, SIZE + RANK), 7, np.int8)
    paragraph = EncodedParagraph(8, tokens, tokens * 5, codes, tokens, tokens * 5 + 4, codes, tokens)
    question = np.ones((1, SIZE), np.float32)
    [spans] = paragraph_spans(encoder, paragraph, QuestionVectors(question, question))
    assert best(spans) == (0, 4)
    np.testing.assert_array_equal(spans.end, tokens * 5 + 4)


@pytest.mark.parametrize("tokens", [0, 1], ids=["no token", "one token, end filtered"])
def test_no_span_where_no_end_can_be_reached(tokens: int) -> None:
    random = np.random.default_rng(0)
    paragraph = make_paragraph(random, tokens, 1.0)
    nothing = make_paragraph(random, 0, 1.0)
    paragraph = EncodedParagraph(
        tokens,
        paragraph.start_token,
        paragraph.start_char,
        paragraph.start_codes,
        *(getattr(nothing, name) for name in ("end_token", "end_char", "end_codes")),
        paragraph.token_ids,
    )
    found = paragraph_spans(make_encoder(random, 3), paragraph, make_questions(random, 2))
    assert [best(spans) for spans in found] == [None, None]
