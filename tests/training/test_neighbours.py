"""Hard negatives: rivals by BM25 against a plain implementation, and batches that bring them together."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest

from densephrase.errors import TrainingError
from densephrase.training.batches import batches_per_epoch, plan_epoch
from densephrase.training.config import TrainingConfig
from densephrase.training.examples import TrainingQuestion, TrainingWindow
from densephrase.training.neighbours import rank_neighbours

CLS, SEP = 1, 2


def make_windows(count: int, seed: int = 0) -> list[TrainingWindow]:
    """Return windows of few different pieces, so that pieces are shared and repeated."""
    rng = np.random.default_rng(seed)
    windows = []
    for number in range(count):
        text = rng.integers(3, 20, int(rng.integers(4, 12))).tolist()
        questions = [
            TrainingQuestion([CLS, *rng.integers(3, 20, int(rng.integers(1, 5))).tolist(), SEP], 1, 1)
            for _ in range(int(rng.integers(1, 4)))
        ]
        windows.append(TrainingWindow(f"article {number % 3}", [CLS, *text, SEP], 1, 1 + len(text), questions))
    return windows


def plain_bm25(question: list[int], text: list[int], texts: list[list[int]]) -> float:
    """BM25 as Robertson and Zaragoza (2009) write it, k1 = 1.2 and b = 0.75, with Lucene's idf."""
    mean = sum(map(len, texts)) / len(texts)
    held = Counter(text)
    score = 0.0
    for piece in question:
        holding = sum(piece in other for other in texts)
        idf = log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        score += idf * held[piece] * 2.2 / (held[piece] + 1.2 * (0.25 + 0.75 * len(text) / mean))
    return score


@pytest.mark.parametrize("kind", ["terms", "questions"])
@pytest.mark.parametrize("count", [1, 4, 99], ids="{} rivals".format)
def test_rivals_are_the_best_by_a_plain_bm25(kind: str, count: int) -> None:
    windows = make_windows(25)
    asked = [[piece for q in window.questions for piece in q.input_ids[1:-1]] for window in windows]
    texts = asked if kind == "questions" else [window.input_ids[window.first : window.last] for window in windows]
    ranked = rank_neighbours(windows, kind, count)
    assert ranked.shape == (25, min(count, 24))
    for number, rivals in enumerate(ranked.tolist()):
        scores = {n: plain_bm25(asked[number], texts[n], texts) for n in range(25) if n != number}
        assert len(set(rivals)) == len(rivals) and number not in rivals
        best = sorted(scores.values(), reverse=True)[: len(rivals)]
        np.testing.assert_allclose([scores[rival] for rival in rivals], best, rtol=1e-5)


def test_a_single_window_has_no_rivals() -> None:
    assert rank_neighbours(make_windows(1), "terms", 4).shape == (1, 0)


@pytest.mark.parametrize("together", [1, 3, 6], ids="{} together".format)
def test_batches_hold_every_window_once_beside_its_rivals(together: int) -> None:
    windows = make_windows(40)
    config = TrainingConfig(batch_paragraphs=6, article_paragraphs=together, hard_negatives="terms")
    rivals = rank_neighbours(windows, "terms", 8)
    plan = plan_epoch(windows, config, np.random.default_rng(1), rivals)
    assert sorted(member for members in plan for member in members) == list(range(40))
    assert len(plan) == batches_per_epoch(windows, config)
    beside = [b in rivals[a] or a in rivals[b] for members in plan for a, b in zip(members, members[1:], strict=False)]
    by_chance = 8 / 39
    assert together == 1 or np.mean(beside) > 1.5 * by_chance


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TrainingError, match="hard_negatives='bm25'; expected one of article, terms, questions"):
        TrainingConfig(hard_negatives="bm25")
