"""Hard negatives: rivals by BM25 against a plain implementation, and batches that bring them together."""

from __future__ import annotations

from collections import Counter
from math import log

import numpy as np
import pytest

from densephrase.errors import TrainingError
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow
from densephrase.training.data.neighbours import find_neighbours
from densephrase.training.data.term_scores import WindowBM25
from densephrase.training.phrase.batches import ParagraphBatches, batches_per_epoch, make_paragraph_batch, plan_epoch
from densephrase.training.phrase.config import TrainingConfig

WORDS = "abcdefghijklmnopq"


def make_windows(count: int, articles: int = 3, seed: int = 0) -> list[TrainingWindow]:
    """Return windows of few different terms, so that terms are shared and repeated; the last ones are alone."""
    rng = np.random.default_rng(seed)

    def words(least: int, most: int) -> list[str]:
        return [WORDS[number] for number in rng.integers(0, len(WORDS), int(rng.integers(least, most)))]

    windows = []
    for number in range(count):
        questions = [
            TrainingQuestion([1, 2], 1, 1, terms=[*words(1, 5), "unheard"]) for _ in range(int(rng.integers(1, 4)))
        ]
        article = f"article {number % articles}" if number < count - 5 else f"alone {number}"
        windows.append(TrainingWindow(article, [1, 5, 6, 2], 1, 3, questions, words(4, 12)))
    return windows


def plain_bm25(question: list[str], text: list[str], texts: list[list[str]]) -> float:
    """BM25 as Robertson and Zaragoza (2009) write it, k1 = b = 0.5 as for paragraphs in search, with Lucene's idf."""
    mean = sum(map(len, texts)) / len(texts)
    held = Counter(text)
    score = 0.0
    for term in question:
        holding = sum(term in other for other in texts)
        idf = log(1 + (len(texts) - holding + 0.5) / (holding + 0.5))
        score += idf * held[term] * 1.5 / (held[term] + 0.5 * (0.5 + 0.5 * len(text) / mean))
    return score


@pytest.mark.parametrize("kind", ["terms", "questions", "article"])
@pytest.mark.parametrize("count", [1, 4, 99], ids="{} rivals".format)
def test_rivals_are_the_best_by_a_plain_bm25(kind: str, count: int) -> None:
    windows = make_windows(25)
    asked = [[term for q in window.questions for term in q.terms] for window in windows]
    members = range(20, 25) if kind == "article" else range(25)
    texts = {n: asked[n] if kind == "questions" else list(windows[n].terms) for n in members}
    found = find_neighbours(windows, kind, count)
    assert found.windows.tolist() == list(members)
    assert found.rivals.shape == (len(members), min(count, len(members) - 1))
    for number, rivals in zip(members, found.rivals.tolist(), strict=True):
        scores = {n: plain_bm25(asked[number], text, list(texts.values())) for n, text in texts.items() if n != number}
        assert len(set(rivals)) == len(rivals)
        assert number not in rivals
        best = sorted(scores.values(), reverse=True)[: len(rivals)]
        np.testing.assert_allclose([scores[rival] for rival in rivals], best, rtol=1e-5)


@pytest.mark.parametrize("kind", ["terms", "article"])
def test_a_single_window_has_no_rivals(kind: str) -> None:
    assert find_neighbours(make_windows(1), kind, 4).rivals.shape == (1, 0)


def test_windows_with_company_need_no_rivals() -> None:
    found = find_neighbours(make_windows(25)[:20], "article", 4)
    assert found.windows.shape == (0,)
    assert len(found.rivals) == 0


@pytest.mark.parametrize("kind", ["terms", "article"])
@pytest.mark.parametrize("together", [1, 3, 6], ids="{} together".format)
def test_batches_hold_every_window_once_beside_its_rivals(kind: str, together: int) -> None:
    windows = make_windows(40)
    config = TrainingConfig(batch_paragraphs=6, article_paragraphs=together, hard_negatives=kind)
    found = find_neighbours(windows, kind, 8)
    plan = plan_epoch(windows, config, np.random.default_rng(1), found)
    assert sorted(member for members in plan for member in members) == list(range(40))
    assert len(plan) == batches_per_epoch(windows, config)
    rivals = dict(zip(found.windows.tolist(), found.rivals.tolist(), strict=True))
    beside = [
        b in rivals.get(a, ())
        or a in rivals.get(b, ())
        or (kind == "article" and windows[a].article == windows[b].article)
        for members in plan
        for a, b in zip(members, members[1:], strict=False)
    ]
    by_chance = 8 / 39 if kind == "terms" else 1 / 3
    assert together == 1 or np.mean(beside) > 1.5 * by_chance


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TrainingError, match="hard_negatives='bm25'; expected one of article, terms, questions"):
        TrainingConfig(hard_negatives="bm25")


def test_a_batch_has_the_bm25_of_its_questions_and_paragraphs() -> None:
    windows = make_windows(30)
    texts = [list(window.terms) for window in windows]
    scores, config = WindowBM25(windows), TrainingConfig(batch_paragraphs=6)
    members = [7, 3, 29]
    asked = [question for number in (3, 7) for question in windows[number].questions]
    expected = [[plain_bm25(list(question.terms), texts[number], texts) for number in members] for question in asked]
    np.testing.assert_allclose(scores.of(members, asked), expected, rtol=1e-5)
    for batch in ParagraphBatches(windows, config, 0, terms=scores).epoch(0):
        assert batch.terms.shape == (len(batch.gold_window), len(batch.text_ids))
        own = batch.terms[range(len(batch.gold_window)), batch.gold_window]
        assert set(own.tolist()) <= {
            float(score)
            for number, window in enumerate(windows)
            for score in scores.of([number], window.questions).ravel()
        }
    assert not make_paragraph_batch(windows[:3], config, 0, np.random.default_rng(0)).terms.any()
