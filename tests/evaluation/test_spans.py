"""The best span against a loop over every start and end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.evaluation.spans import best_spans

SIZE, RANK = 6, 3


def make_encoder(random: np.random.Generator, max_answer_tokens: int) -> Any:
    """Make the parts of an encoder that scores depend on."""

    def quantiser() -> VectorQuantiser:
        offset = np.concatenate([random.normal(size=SIZE), np.zeros(RANK)]).astype(np.float32)
        return VectorQuantiser(offset, random.uniform(0.01, 0.1, SIZE + RANK).astype(np.float32))

    config = SimpleNamespace(vector_size=SIZE, coherency_rank=RANK, max_answer_tokens=max_answer_tokens)
    return SimpleNamespace(config=config, start_quantiser=quantiser(), end_quantiser=quantiser())


def make_paragraph(random: np.random.Generator, tokens: int, kept: float) -> EncodedParagraph:
    """Make a paragraph of which the filter kept a share of the starts and of the ends."""
    starts, ends = (np.flatnonzero(random.random(tokens) < kept).astype(np.int32) for _ in range(2))
    return EncodedParagraph(
        tokens,
        starts,
        starts * 5,
        random.integers(-127, 128, (len(starts), SIZE + RANK)).astype(np.int8),
        ends,
        ends * 5 + 4,
        random.integers(-127, 128, (len(ends), SIZE + RANK)).astype(np.int8),
    )


def brute_force(
    encoder: Any, paragraph: EncodedParagraph, start: NDArray[np.float32], end: NDArray[np.float32]
) -> tuple[int, int, float] | None:
    """Try every pair; the first of equal ones stays."""
    best = None
    for i, start_row in enumerate(encoder.start_quantiser.decode(paragraph.start_codes)):
        for j, end_row in enumerate(encoder.end_quantiser.decode(paragraph.end_codes)):
            if not 0 <= paragraph.end_token[j] - paragraph.start_token[i] < encoder.config.max_answer_tokens:
                continue
            score = float(start_row[:SIZE] @ start + end_row[:SIZE] @ end + start_row[SIZE:] @ end_row[SIZE:])
            if best is None or score > best[2]:
                best = (int(paragraph.start_char[i]), int(paragraph.end_char[j]), score)
    return best


@pytest.mark.parametrize("max_answer_tokens", [1, 4, 100], ids=["one token", "four tokens", "any length"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 1.0], ids=["few kept", "half kept", "all kept"])
@pytest.mark.parametrize("seed", range(5))
def test_best_spans_are_those_of_brute_force(seed: int, kept: float, max_answer_tokens: int) -> None:
    random = np.random.default_rng(seed)
    encoder = make_encoder(random, max_answer_tokens)
    paragraph = make_paragraph(random, 30, kept)
    start, end = random.normal(size=(2, 4, SIZE)).astype(np.float32)
    found = best_spans(encoder, paragraph, start, end)
    expected = [brute_force(encoder, paragraph, *vectors) for vectors in zip(start, end, strict=True)]
    assert [span and span[:2] for span in found] == [span and span[:2] for span in expected]
    scores, expected_scores = ([span[2] for span in spans if span is not None] for spans in (found, expected))
    assert scores == pytest.approx(expected_scores, rel=1e-4)


def test_ties_go_to_the_first_start_and_its_first_end() -> None:
    random = np.random.default_rng(0)
    encoder = make_encoder(random, 3)
    tokens = np.arange(8, dtype=np.int32)
    codes = np.full((8, SIZE + RANK), 7, np.int8)
    paragraph = EncodedParagraph(8, tokens, tokens * 5, codes, tokens, tokens * 5 + 4, codes)
    question = np.ones((1, SIZE), np.float32)
    [span] = best_spans(encoder, paragraph, question, question)
    assert span is not None
    assert span[:2] == (0, 4)


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
    )
    question = np.ones((2, SIZE), np.float32)
    assert best_spans(make_encoder(random, 3), paragraph, question, question) == [None, None]
