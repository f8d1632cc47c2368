"""BM25 of paragraphs against bm25s (Lucene's variant) and against the formula."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from densephrase.errors import IndexFormatError
from densephrase.retrieve import bm25
from densephrase.retrieve.bm25 import TermRanking
from densephrase.terms.bm25 import BM25, PARAGRAPH_BM25
from tests.retrieve.made_rows import made_terms
from tests.soaking import examples

PARAMETERS = [PARAGRAPH_BM25, BM25(0.9, 0.4), BM25(1.2, 0.75), BM25(0.0, 0.0)]
WORDS = [f"w{number}" for number in range(60)]


def random_texts(seed: int, count: int, most: int = 40) -> list[str]:
    """Return texts of words of which some are common; some texts come twice, so that scores are tied."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(1, len(WORDS) + 1)
    texts: list[str] = []
    for _ in range(count):
        text = " ".join(random.choice(WORDS, random.integers(0, most), p=share / share.sum()))
        texts.append(str(random.choice(texts)) if texts and random.random() < 0.2 else text)
    return texts


def found(ranking: TermRanking, questions: list[str], top_k: int) -> list[list[tuple[int, float]]]:
    ranked = ranking.rank(ranking.prepare(questions), top_k)
    return [
        list(zip(rows[:size].tolist(), scores[:size].tolist(), strict=True))
        for rows, scores, size in zip(*ranked[:2], ranked.found.tolist(), strict=True)
    ]


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_order_and_scores_are_those_of_bm25s(tmp_path: Path, parameters: BM25) -> None:
    texts, questions = random_texts(1, 700), random_texts(2, 40, 12)
    questions = [text for text in questions if text]
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", texts, "none", parameters))
    oracle = bm25s.BM25(method="lucene", k1=parameters.k1, b=parameters.b, dtype="float64", backend="numpy")
    oracle.index([text.split() for text in texts], show_progress=False)
    for question, mine in zip(questions, found(ranking, questions, 100), strict=True):
        expected = oracle.get_scores(question.split()) * (parameters.k1 + 1)
        rows, scores = np.array([row for row, _ in mine]), np.array([score for _, score in mine])
        assert scores == pytest.approx(expected[rows], rel=1e-5)
        assert len(mine) == min(100, int((expected > 0).sum()))
        # The same order, but for scores that differ by no more than float32 rounds.
        order = np.lexsort((np.arange(len(texts)), -expected))[: len(mine)]
        assert expected[rows] == pytest.approx(expected[order], rel=2e-6)
        ties = np.flatnonzero(scores[1:] == scores[:-1])
        assert (rows[ties] < rows[ties + 1]).all()


def by_formula(texts: list[str], question: str, parameters: BM25) -> list[float]:
    """Score each text by the formula in `densephrase.terms.bm25`."""
    split = [text.split() for text in texts]
    average = sum(map(len, split)) / len(split)
    holding = Counter(word for words in split for word in set(words))
    scores = []
    for words in split:
        counts, score = Counter(words), 0.0
        norm = parameters.k1 * (1 - parameters.b + parameters.b * len(words) / average)
        for word in question.split():
            idf = math.log(1 + (len(split) - holding[word] + 0.5) / (holding[word] + 0.5))
            if counts[word]:
                score += idf * counts[word] * (parameters.k1 + 1) / (counts[word] + norm)
        scores.append(score)
    return scores


@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_scores_are_those_of_the_formula(tmp_path: Path, parameters: BM25) -> None:
    texts, questions = random_texts(3, 50), ["w0 w3 w9", "w1 w1 w30", "w59"]
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", texts, "none", parameters))
    for question, mine in zip(questions, found(ranking, questions, 50), strict=True):
        expected = by_formula(texts, question, parameters)
        assert dict(mine) == pytest.approx({row: score for row, score in enumerate(expected) if score}, rel=1e-5)


@settings(deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from("abcde"), max_size=6), max_size=12), st.integers(1, 20))
def test_any_corpus(tmp_path: Path, split: list[list[str]], top_k: int) -> None:
    texts, questions = [" ".join(words) for words in split], ["a", "b c", "d d x", "x", ""]
    path = tmp_path / "terms.h5"
    path.unlink(missing_ok=True)
    ranking = TermRanking(made_terms(path, texts, "none"))
    for question, mine in zip(questions, found(ranking, questions, top_k), strict=True):
        expected = by_formula(texts, question, PARAGRAPH_BM25) if any(split) else []
        positive = sorted((score for score in expected if score), reverse=True)[:top_k]
        assert [score for _, score in mine] == pytest.approx(positive, rel=1e-5)
        assert [expected[row] for row, _ in mine] == pytest.approx(positive, rel=1e-5)


@pytest.mark.parametrize("texts", [[], [""], ["only one"], ["one", "", "two"]], ids=str)
def test_questions_without_known_terms_find_nothing(tmp_path: Path, texts: list[str]) -> None:
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", texts))
    assert found(ranking, ["", "the", "unknown"], 10) == [[], [], []]
    assert found(ranking, [], 10) == []


def test_more_than_there_are(tmp_path: Path) -> None:
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", ["river", "river", "lake", "river bank"]))
    [mine] = found(ranking, ["river"], 2**40)
    assert [row for row, _ in mine] == [0, 1, 3]


def test_equal_scores_come_by_row(tmp_path: Path) -> None:
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", ["lake"] * 30))
    [mine] = found(ranking, ["lake"], 7)
    assert [row for row, _ in mine] == list(range(7))


def test_threads_and_batches_change_nothing(tmp_path: Path) -> None:
    terms, questions = made_terms(tmp_path / "terms.h5", random_texts(4, 300), "none"), random_texts(5, 70, 8)
    together = found(TermRanking(terms), questions, 20)
    assert found(TermRanking(terms, threads=2), questions, 20) == together
    assert [found(TermRanking(terms), [question], 20)[0] for question in questions] == together


@pytest.mark.parametrize("top_k", [1, 20, 500])
def test_many_paragraphs_are_ranked_alike(tmp_path: Path, top_k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ranking, questions = (
        TermRanking(made_terms(tmp_path / "terms.h5", random_texts(7, 400), "none")),
        random_texts(8, 50),
    )
    added_up = found(ranking, questions, top_k)
    monkeypatch.setattr(bm25, "_MOST_SUMMED", 399)
    assert found(ranking, questions, top_k) == added_up


def test_scores_of_chosen_rows_are_those_of_the_ranking(tmp_path: Path) -> None:
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", random_texts(6, 100), "none"))
    batch = ranking.prepare(["w9", "w2 w5 w5"])
    ranked = ranking.rank(batch, 100)
    for question in range(2):
        rows, scores = ranked.rows[question, : ranked.found[question]], ranked.scores[question]
        everywhere = ranking.scores(batch, question, np.arange(100))
        assert everywhere[rows].tolist() == scores[: len(rows)].tolist()
        assert (np.delete(everywhere, rows) == 0).all()


def test_explanation_adds_up_to_the_score(tmp_path: Path) -> None:
    texts = ["the river Seine flows through Paris", "Paris", "a river", "nothing"]
    ranking = TermRanking(made_terms(tmp_path / "terms.h5", texts))
    question = "Which river flows through Paris, Paris?"
    [mine] = found(ranking, [question], 4)
    for row, score in mine:
        matches = ranking.explain(question, row)
        assert sum(match.paragraph for match in matches) == pytest.approx(score, rel=1e-6)
        assert [match.paragraph for match in matches] == sorted((m.paragraph for m in matches), reverse=True)
    assert {match.term for match in ranking.explain(question, 0)} == {"river", "flow", "through", "pari"}
    assert ranking.explain(question, 3) == ()


@pytest.mark.parametrize("most_summed", [0, 3])
def test_damaged_postings_are_named(tmp_path: Path, most_summed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "_MOST_SUMMED", most_summed)
    terms = made_terms(tmp_path / "terms.h5", ["river", "lake", "river"])
    ids = terms.paragraphs.ids.copy()
    ids[terms.paragraphs.ptr[terms.find(["river"])[0]]] = 99
    object.__setattr__(terms.paragraphs, "ids", ids)
    with pytest.raises(IndexFormatError, match="names text 99 of 3"):
        found(TermRanking(terms), ["lake", "river"], 5)
