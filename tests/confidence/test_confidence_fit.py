"""The fit of a confidence against a plain gradient descent, and the threshold against every possible one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from densephrase.confidence.fit import Judged, LaterAnswer, best_threshold, fit_confidence, with_share
from densephrase.confidence.later_answers import AnswerChain
from densephrase.confidence.model import FEATURES
from densephrase.confidence.report import fit_and_report
from densephrase.errors import TrainingError

CHANGING = ("margin", "share", "phrase_words")


def judged(answers: int, seed: int = 0, unanswerable: float = 0.4) -> list[Judged]:
    """Return answers of which three features, of very different sizes, tell how likely they are right."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(answers):
        values = dict(zip(CHANGING, random.normal(size=3) * [5.0, 0.1, 40.0] + [3.0, 0.0, 100.0], strict=True))
        answerable = random.random() >= unanswerable
        logit = 0.4 * values["margin"] + 8 * values["share"] - 0.02 * values["phrase_words"]
        right = bool(random.random() < expit(logit)) and answerable
        f1 = 1.0 if right else float(random.random() / 2)
        made.append(Judged({**dict.fromkeys(FEATURES, 7.0), **values}, right, f1, bool(answerable)))
    return made


def test_the_fit_is_where_gradient_descent_ends() -> None:
    answers = judged(400)
    values = np.array([[answer.features[name] for name in CHANGING] for answer in answers])
    right = np.array([answer.right for answer in answers], float)
    standard = np.column_stack([(values - values.mean(0)) / values.std(0), np.ones(len(values))])
    point = np.zeros(4)
    for _ in range(4000):
        slope = standard.T @ (expit(standard @ point) - right) + point * [1, 1, 1, 0]
        point -= 0.01 * slope
    model = fit_confidence(answers)
    assert set(model.weights) == set(CHANGING)
    probabilities = [model.probability(answer.features) for answer in answers]
    assert probabilities == pytest.approx(expit(standard @ point), abs=1e-4)
    assert np.mean(probabilities) == pytest.approx(right.mean(), abs=1e-3)


def test_a_feature_that_never_changes_gets_no_weight() -> None:
    assert "question_words" not in fit_confidence(judged(50)).weights


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_are_refused(right: bool) -> None:
    answers = [Judged(dict.fromkeys(FEATURES, float(number)), right, 0.0, True) for number in range(3)]
    with pytest.raises(TrainingError, match=f"{3 * right} of 3 answers are right"):
        fit_confidence(answers)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_shares_are_reached_with_as_many_answers_as_there_are(share: float) -> None:
    answers = judged(200)
    kept = with_share(answers, share)
    counts = {kind: sum(answer.answerable is kind for answer in answers) for kind in (True, False)}
    found = {kind: sum(answer.answerable is kind for answer in kept) for kind in (True, False)}
    assert found[False] / len(kept) == pytest.approx(share, abs=0.01)
    assert found[True] == counts[True] or found[False] == counts[False]
    places = [answers.index(answer) for answer in kept]
    assert places == sorted(set(places))
    assert with_share(answers, share) == kept


@pytest.mark.parametrize(("kind", "share"), [(True, 0.5), (False, 0.5), (False, 0.0)])
def test_a_missing_kind_is_refused(kind: bool, share: float) -> None:
    answers = [answer for answer in judged(50) if answer.answerable is kind]
    with pytest.raises(TrainingError, match="both kinds are needed"):
        with_share(answers, share)


@pytest.mark.parametrize("seed", range(6))
def test_the_threshold_is_the_best_of_all(seed: int) -> None:
    answers = judged(60, seed)
    confidence = np.random.default_rng(seed).integers(0, 12, 60) / 12  # many are equal

    def f1(least: float) -> float:
        given = confidence >= least
        return sum(
            (answer.f1 if answer.answerable else 0.0) if shown else float(not answer.answerable)
            for answer, shown in zip(answers, given, strict=True)
        )

    found = best_threshold(answers, confidence)
    assert f1(found) == pytest.approx(max(f1(least) for least in [*confidence, 2.0]))


def test_no_answer_is_given_where_none_can_be_right() -> None:
    answers = [Judged({}, False, 0.0, False)] * 3
    assert best_threshold(answers, np.array([0.1, 0.9, 0.5])) == 1.0


def test_the_report_is_on_answers_that_the_fit_has_not_seen() -> None:
    fitted, unseen = judged(3000), judged(2000, seed=1)
    model, report = fit_and_report(fitted, unseen, 0.25)
    confidence = np.array([model.probability(answer.features) for answer in unseen if answer.answerable])
    assert report["unseen_answerable_only"]["mean_confidence"] == pytest.approx(confidence.mean())
    assert report["fitted_on"] == len(with_share(fitted, 0.25))
    assert report["unseen"]["answers"] == len(with_share(unseen, 0.25))
    assert report["unseen"]["calibration_error"] < 0.05
    assert report["unseen"]["mean_risk"] < 1 - report["unseen"]["right"]
    assert 0 < report["threshold"] < 1


def with_later(answers: list[Judged], seed: int = 0) -> list[Judged]:
    """Give each answer nine later ones; one of all is right at most, the likelier the smaller the margin."""
    random = np.random.default_rng(seed)
    made = []
    for answer in answers:
        margins, found, later = -np.sort(random.exponential(3, 9)), answer.right or not answer.answerable, []
        for margin in margins.tolist():
            right = bool(not found and random.random() < expit(0.5 * margin - 0.5))
            found = found or right
            later.append(LaterAnswer(margin, right))
        made.append(replace(answer, later=later))
    return made


def test_later_answers_are_fitted_to_those_that_have_no_right_one_before_them() -> None:
    answers = with_later(judged(6000, unanswerable=0.0))
    model = fit_confidence(answers)
    assert model.later is not None
    assert fit_confidence(judged(6000, unanswerable=0.0)).weights == model.weights
    for margin in (-0.5, -2.0, -6.0):
        features = {"margin": margin, "log_margin": -np.log1p(-margin), "first": 0.0, "question_words": 7.0}
        assert model.later.probability(features) == pytest.approx(expit(0.5 * margin - 0.5), abs=0.03)


def test_every_rank_is_reported() -> None:
    fitted, unseen = with_later(judged(4000)), with_later(judged(4000, seed=1), seed=1)
    model, report = fit_and_report(fitted, unseen, 0.25)
    ranks = report["unseen_answerable_only"]["by_rank"]
    assert [row["rank"] for row in ranks] == list(range(1, 11))
    asked = [answer for answer in unseen if answer.answerable]
    assert model.later is not None
    chains = [AnswerChain(model, model.later, answer.features) for answer in asked]
    second = [chain.following(answer.later[0].margin) for chain, answer in zip(chains, asked, strict=True)]
    assert ranks[1]["mean_confidence"] == pytest.approx(np.mean(second))
    assert ranks[1]["right"] == pytest.approx(np.mean([answer.later[0].right for answer in asked]))
    # A second answer counts as no likelier than the first, which many here are.
    assert all(row["calibration_error"] < 0.04 for row in report["unseen"]["by_rank"][2:])


@pytest.mark.parametrize("right", [True, False])
def test_later_answers_that_are_all_alike_give_no_model(right: bool) -> None:
    answers = [replace(answer, later=[LaterAnswer(-1.0, right)]) for answer in judged(50)]
    assert fit_confidence(answers).later is None
