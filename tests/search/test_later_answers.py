"""Confidence in the answers behind the best one, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from scipy.special import expit

from densephrase.confidence.later_answers import LATER_FEATURES, AnswerChain, later_features
from densephrase.confidence.logistic import LogisticModel
from densephrase.confidence.model import Candidate, ConfidenceModel, Rival, check_confidence
from densephrase.data import ScoreParts
from densephrase.errors import EncoderError
from densephrase.search.plan.options import SearchOptions, Unit
from densephrase.search.searcher import Searcher
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

LATER = LogisticModel({"margin": 0.2, "log_margin": 0.5, "first": 0.75, "question_words": -0.05}, -0.25)
MODEL = ConfidenceModel({"dense_start": 0.125}, -1.0, LATER)
OWN = {"dense_start": 4.0, "question_words": 5.0}


def odds(margin: float) -> float:
    """Return the log odds of an answer this far behind, given that none before it is right."""
    return 0.2 * margin - 0.5 * np.log1p(-margin) + 0.75 * -0.5 - 0.05 * 5 - 0.25


def test_each_answer_gets_what_those_before_it_leave() -> None:
    chain = AnswerChain(MODEL, LATER, OWN)
    assert chain.first == pytest.approx(expit(-0.5))
    second, third = expit(odds(-1.0)), expit(odds(-3.0))
    assert chain.following(-1.0) == pytest.approx((1 - chain.first) * second)
    assert chain.following(-3.0) == pytest.approx((1 - chain.first) * (1 - second) * third)


def test_an_answer_is_never_likelier_than_one_before_it() -> None:
    chain = AnswerChain(MODEL, LogisticModel({}, 3.0), {**OWN, "dense_start": -20.0})
    found = [chain.first, *(chain.following(-float(rank)) for rank in range(9))]
    assert found == sorted(found, reverse=True)
    assert found[0] == found[1]


@pytest.mark.parametrize("bias", [-3.0, 0.0, 2.0, 50.0])
def test_probabilities_do_not_add_up_to_more_than_1(bias: float) -> None:
    chain = AnswerChain(MODEL, LogisticModel({}, bias), OWN)
    assert chain.first + sum(chain.following(0.0) for _ in range(100)) <= 1 + 1e-12


def test_features_of_equal_scores_are_zero() -> None:
    found = later_features(0.0, -0.5, 5.0)
    assert tuple(found) == LATER_FEATURES
    assert (found["margin"], found["log_margin"], found["first"]) == (0, 0, -0.5)


def test_what_says_the_same_is_as_likely() -> None:
    parts = ScoreParts(4.0, 3.0, 0.0, 0.0, 0.0)
    rivals = [Rival("york", (7.0, 5.0), "a"), Rival("boston", (6.0,), "b"), Rival("paris", (4.0,), "c")]
    candidates = [
        Candidate("York", "york", parts, "a"),
        Candidate("Paris", "paris", replace(parts, dense_end=0.0), "c"),
        Candidate("the York", "york", replace(parts, dense_end=1.0), "d"),
        Candidate("Rome", "rome", replace(parts, dense_end=-2.0), "e"),
    ]
    chain = AnswerChain(MODEL, LATER, {"dense_start": 4.0, "question_words": 4.0})
    expected = [chain.first, *(chain.following(margin) for margin in (-1.0, -3.0, -5.0))]
    assert MODEL.judge("Where did he die?", candidates, rivals) == pytest.approx(
        [expected[place] for place in (0, 2, 0, 3)]
    )
    assert MODEL.judge("Where did he die?", [], rivals) == []


def test_a_model_survives_its_configuration() -> None:
    configuration = {"open": MODEL.to_dict()}
    check_confidence(configuration)
    assert ConfidenceModel.of(configuration, "open") == MODEL


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (None, "open: later=None; expected an object of 'bias' and 'weights'"),
        ({"bias": 1.0, "weights": {"depth": 1.0}}, "weights of depth under open: later; expected some of margin, log"),
        ({"bias": "1", "weights": {}}, "open: later: bias='1'; expected a finite number"),
        ({**LATER.to_dict(), "later": LATER.to_dict()}, "expected an object of 'bias' and 'weights'"),
    ],
    ids=["null", "feature", "text", "nested"],
)
def test_a_configuration_that_makes_no_sense_is_refused(later: Any, message: str) -> None:
    with pytest.raises(EncoderError, match="densephrase calibrate") as caught:
        check_confidence({"open": {**MODEL.to_dict(), "later": later}})
    assert message in str(caught.value)


@pytest.fixture
def searcher(make_searcher: MakeSearcher) -> Searcher:
    encoder = FakeEncoder(seed=4)
    encoder.config = replace(encoder.config, confidence={"open": MODEL.to_dict()})
    return make_searcher(random_documents(7, documents=20), encoder)[0]


def test_confidences_of_a_search_descend_and_add_up(searcher: Searcher) -> None:
    for question in ("Paris river?", "Who was born?", ""):
        [answers] = searcher.search([question], SearchOptions(top_k=50))
        found = [answer.confidence or 0.0 for answer in answers]
        assert found == sorted(found, reverse=True)
        assert sum(found) <= 1


@pytest.mark.parametrize("options", [{"top_k": 3}, *({"unit": u} for u in get_args(Unit))], ids=str)
def test_a_phrase_has_its_confidence_whatever_is_asked_for(options: dict[str, Any], searcher: Searcher) -> None:
    [reference] = searcher.search(["Paris river?"], SearchOptions(top_k=10))
    expected = {answer.text: answer.confidence for answer in reference}
    [answers] = searcher.search(["Paris river?"], SearchOptions(**options))
    common = [answer for answer in answers if answer.text in expected]
    assert len(common) >= 2
    assert all(answer.confidence == expected[answer.text] for answer in common)
