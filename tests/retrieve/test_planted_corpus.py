"""A planted corpus: paraphrases that share no word, and distractors that share all.

Vectors find what terms cannot, terms find what vectors cannot, and both together find both. The encoder is scripted: it
knows what a text means, and what a name means it does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.retrieve.passage_searcher import PassageSearcher
from tests.retrieve.made_rows import made_rows

SIZE, MEANINGS = 32, 12
MEANING = np.linalg.qr(np.random.default_rng(1).standard_normal((SIZE, SIZE)))[0][:MEANINGS].astype(np.float32)

# A question about meaning m: (its words), the paraphrase that answers it, and those that only share its words.
ASKED = [f"alpha{number} beta{number} gamma{number}" for number in range(MEANINGS)]
PARAPHRASES = [f"delta{number} epsilon{number} answers in other words" for number in range(MEANINGS)]
DISTRACTORS = [f"{question} but about something else" for question in ASKED for _ in range(3)]
# A question with a rare name: the encoder takes every name for any other.
NAMED = [f"who is name{number}" for number in range(MEANINGS)]
PEOPLE = [f"name{number} is a person of no renown" for number in range(MEANINGS)]

TEXTS = [*PARAPHRASES, *DISTRACTORS, *PEOPLE]
QUESTIONS = [*ASKED, *NAMED]
GOLD = [*range(MEANINGS), *(len(PARAPHRASES) + len(DISTRACTORS) + number for number in range(MEANINGS))]
PERSON = np.full(SIZE, SIZE**-0.5, np.float32)


def passage_vectors() -> NDArray[np.float32]:
    random = np.random.default_rng(2)
    noise = 0.05 * random.standard_normal((len(TEXTS), SIZE)).astype(np.float32)
    vectors = noise.copy()
    vectors[:MEANINGS] += MEANING
    vectors[-len(PEOPLE) :] += PERSON
    return vectors


def encode(questions: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([MEANING[ASKED.index(text)] if text in ASKED else PERSON for text in questions])


@pytest.fixture
def searcher(tmp_path: Path) -> PassageSearcher:
    return PassageSearcher(made_rows(tmp_path, TEXTS, passage_vectors()), encode, term_weight=0.1)


def found_first(searcher: PassageSearcher, top_k: int, **options: str) -> NDArray[np.bool_]:
    """Say of each question whether its passage is among the first."""
    answers = searcher.search(QUESTIONS, top_k, **options)  # type: ignore[arg-type]
    return np.array(
        [f"p{gold}" in {passage.document.id for passage in some} for gold, some in zip(GOLD, answers, strict=True)]
    )


def test_vectors_find_paraphrases_and_terms_do_not(searcher: PassageSearcher) -> None:
    assert found_first(searcher, 1, strategy="dense")[:MEANINGS].all()
    assert not found_first(searcher, 10, strategy="bm25")[:MEANINGS].any()


def test_terms_find_names_and_vectors_do_not(searcher: PassageSearcher) -> None:
    assert found_first(searcher, 1, strategy="bm25")[MEANINGS:].all()
    assert found_first(searcher, 1, strategy="dense")[MEANINGS:].mean() < 0.3


def test_both_together_find_both(searcher: PassageSearcher) -> None:
    assert found_first(searcher, 1, strategy="hybrid").all()


def test_reciprocal_ranks_find_both_among_the_first(searcher: PassageSearcher) -> None:
    assert found_first(searcher, 5, strategy="hybrid", fusion="reciprocal-rank").all()
