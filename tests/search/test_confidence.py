"""Confidence: features worked out by hand, probabilities, what a configuration may hold, and what a search does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from scipy.special import expit, logsumexp

from densephrase.confidence.model import (
    FEATURES,
    RIVALS,
    SPANS,
    Candidate,
    ConfidenceModel,
    Rival,
    answer_features,
    check_confidence,
)
from densephrase.data import ScoreParts
from densephrase.errors import EncoderError, SearchError
from densephrase.metrics import answer_name
from densephrase.search.plan.options import SearchOptions, Unit
from densephrase.search.searcher import Searcher
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

PARTS = ScoreParts(4.0, 3.0, 1.0, 2.0, 0.0)  # 10 in all
RIVAL_LIST = [
    Rival("new york", (10.0, 9.0), "a"),
    Rival("york", (9.5,), "a"),
    Rival("boston", (7.0, 6.0, 5.0), "b"),
]
EVERYTHING = 10**6
MODEL = {"bias": -1.0, "weights": {"margin": 0.5, "share": 0.25, "phrases": 0.1, "depth": 0.01, "dense_start": 0.02}}


def features(text: str = "the New York", rivals: list[Rival] | None = None, **parts: float) -> dict[str, float]:
    candidate = Candidate(text, answer_name(text), replace(PARTS, **parts), "a")
    return answer_features("Where did he die?", candidate, RIVAL_LIST if rivals is None else rivals)


def test_features_of_the_best_answer() -> None:
    found = features()
    assert tuple(found) == FEATURES
    everything = [10.0, 9.0, 9.5, 7.0, 6.0, 5.0]
    assert found["margin"] == 0.5
    assert found["log_margin"] == pytest.approx(math.log(1.5))
    assert found["depth"] == 3.0
    assert found["share"] == pytest.approx(logsumexp([10.0, 9.0]) - logsumexp(everything))
    assert found["phrases"] == pytest.approx(math.log(2))
    assert found["same_document"] == pytest.approx(2 / 3)
    assert (found["phrase_words"], found["question_words"]) == (3, 4)
    assert (found["dense_start"], found["dense_end"], found["paragraph_terms"]) == (4, 3, 2)


def test_the_margin_of_a_lower_answer_is_negative() -> None:
    found = features("Boston", dense_start=1.0)
    assert found["margin"] == -3.0
    assert found["log_margin"] == pytest.approx(-math.log(4))
    assert found["phrases"] == pytest.approx(math.log(3))


def test_an_answer_below_the_rivals_stands_for_itself() -> None:
    found = features("Paris", dense_start=-5.0)
    assert (found["margin"], found["depth"], found["phrases"]) == (-9.0, -6.0, 0.0)
    assert found["share"] == pytest.approx(1.0 - logsumexp([10.0, 9.0, 9.5, 7.0, 6.0, 5.0]))


@pytest.mark.parametrize("rivals", [[], RIVAL_LIST[:1]], ids=["none", "only itself"])
def test_differences_without_rivals_are_zero(rivals: list[Rival]) -> None:
    found = features("New York", rivals)
    assert (found["margin"], found["log_margin"], found["depth"], found["share"]) == (0, 0, 0, 0)


@pytest.mark.parametrize("logit", [-1e6, -30.0, -0.5, 0.0, 2.0, 1e6])
def test_the_probability_is_logistic(logit: float) -> None:
    model = ConfidenceModel({"margin": 2.0}, 1.0)
    assert model.probability({"margin": (logit - 1) / 2, "other": 7.0}) == pytest.approx(expit(logit), abs=1e-12)


def test_a_model_survives_its_configuration() -> None:
    model = ConfidenceModel({"margin": 2.0}, 1.0)
    configuration = {"closed": model.to_dict()}
    check_confidence(configuration)
    assert ConfidenceModel.of(configuration, "closed") == model
    assert ConfidenceModel.of(configuration, "open") is None


@pytest.mark.parametrize(
    ("confidence", "message"),
    [
        ({"half-open": MODEL}, "'half-open'; expected one of open, closed"),
        ({"open": 3}, "open=3; expected an object of 'bias' and 'weights'"),
        ({"open": {"bias": 1.0}}, "expected an object of 'bias' and 'weights'"),
        ({"open": {"bias": 1.0, "weights": [1.0]}}, "expected an object of 'bias' and 'weights'"),
        ({"open": {**MODEL, "scale": 1.0}}, "expected an object of 'bias' and 'weights'"),
        ({"open": {"bias": None, "weights": {}}}, "bias=None; expected a finite number"),
        ({"open": {"bias": 1.0, "weights": {"margin": math.nan}}}, "margin=nan; expected a finite number"),
        ({"open": {"bias": math.inf, "weights": {}}}, "bias=inf; expected a finite number"),
        ({"closed": {"bias": 1.0, "weights": {"margin": True}}}, "margin=True; expected a finite number"),
        ({"closed": {"bias": 1.0, "weights": {"luck": 1.0}}}, "weights of luck under closed; expected some of margin"),
    ],
    ids=["setting", "number", "no weights", "list", "more", "null", "nan", "infinite", "bool", "feature"],
)
def test_a_configuration_that_makes_no_sense_is_refused(confidence: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError) as caught:
        check_confidence(confidence)
    assert message in str(caught.value)
    assert "densephrase calibrate" in str(caught.value)


@pytest.fixture
def searchers(make_searcher: MakeSearcher) -> tuple[Searcher, Searcher]:
    """The same index with an encoder that has a confidence, and with one that has none."""
    encoder = FakeEncoder(seed=4)
    plain, reader = make_searcher(random_documents(7, documents=20), encoder)
    fitted = FakeEncoder(seed=4)
    fitted.config = replace(fitted.config, confidence={"open": MODEL})
    return Searcher(reader, fitted), plain  # type: ignore[arg-type]


def test_each_answer_gets_the_probability_of_its_features(searchers: tuple[Searcher, Searcher]) -> None:
    """The features are worked out again from the answers that a search without a confidence gives."""
    judged, plain = (searcher.search(["Paris river?"], SearchOptions(top_k=30))[0] for searcher in searchers)
    assert [answer.evidence for answer in judged] == [answer.evidence for answer in plain]
    assert all(answer.confidence is None for answer in plain)
    [rivals] = searchers[1].search(["Paris river?"], SearchOptions(top_k=RIVALS, evidence_spans=SPANS))
    spans = [[evidence.score for evidence in answer.evidence] for answer in rivals]
    total = logsumexp(np.concatenate(spans))
    for rank, answer in enumerate(judged):
        own = spans[rank] if rank < RIVALS else [answer.score]
        weights = MODEL["weights"]
        logit = (
            -1.0
            + weights["margin"] * (answer.score - spans[1 if rank == 0 else 0][0])
            + weights["share"] * (logsumexp(own) - total)
            + weights["phrases"] * math.log(len(own))
            + weights["depth"] * (answer.score - spans[-1][0])
            + weights["dense_start"] * answer.parts.dense_start
        )
        assert answer.confidence == pytest.approx(expit(logit), rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 1},
        {"top_k": 3},
        {"evidence_spans": 1},
        {"evidence_spans": 1000},
        *({"unit": u} for u in get_args(Unit)),
    ],
    ids=str,
)
def test_options_of_presentation_change_no_confidence(
    options: dict[str, Any], searchers: tuple[Searcher, Searcher]
) -> None:
    [reference] = searchers[0].search(["Paris river?"], SearchOptions(top_k=EVERYTHING))
    expected = {(a.document.id, a.start, a.end): a.confidence for a in reference}
    [answers] = searchers[0].search(["Paris river?"], SearchOptions(**options))
    best = answers[0]
    assert best.confidence == expected[best.document.id, best.start, best.end]


@pytest.mark.parametrize("least", [0.0, 0.1, 0.3, 1.0])
def test_answers_of_small_confidence_are_left_out(least: float, searchers: tuple[Searcher, Searcher]) -> None:
    [everything] = searchers[0].search(["Paris river?"], SearchOptions(top_k=20))
    [answers] = searchers[0].search(["Paris river?"], SearchOptions(top_k=20, min_confidence=least))
    assert answers == [answer for answer in everything if (answer.confidence or 0) >= least]
    assert len(answers) < len(everything) or least == 0


def test_a_least_confidence_needs_a_fitted_encoder(searchers: tuple[Searcher, Searcher]) -> None:
    with pytest.raises(SearchError, match=r"min_confidence needs .* fitted for open search.*densephrase calibrate"):
        searchers[1].search(["Paris?"], SearchOptions(min_confidence=0.0))


def test_confidence_is_in_the_json(searchers: tuple[Searcher, Searcher]) -> None:
    for searcher in searchers:
        [answer] = searcher.search(["Paris?"], SearchOptions(top_k=1))[0]
        assert answer.to_dict()["confidence"] == answer.confidence
