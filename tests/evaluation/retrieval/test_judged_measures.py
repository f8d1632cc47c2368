"""Recall, reciprocal rank and nDCG: hand-made rankings, and ir-measures on the written files."""

from __future__ import annotations

import math
import random
import sys
from math import log2
from pathlib import Path

import ir_measures
import pytest

from densephrase.errors import EvaluationError, MissingExtraError
from densephrase.evaluation.retrieval.judged_measures import check_measurable, judged_measures, mean_reciprocal_rank
from densephrase.evaluation.retrieval.judgements import write_judgements
from densephrase.evaluation.retrieval.runs import write_run


def test_measures_by_hand() -> None:
    judged = {"q1": {"a": 2, "b": 1, "c": 0}, "q2": {"z": 1}, "q3": {"y": 1}, "never asked": {"a": 1}}
    run = {"q1": [("c", 3.0), ("a", 2.0), ("b", 1.0)], "q2": [("z", 0.5)], "q3": [], "not judged": [("a", 1.0)]}
    first = (2 / log2(3) + 1 / log2(4)) / (2 / log2(2) + 1 / log2(3))
    assert judged_measures(run, judged, (2, 1)) == {
        "questions": 3,
        "recall": {"1": pytest.approx((0 + 1 + 0) / 3), "2": pytest.approx((1 / 2 + 1 + 0) / 3)},
        "mrr": {"10": pytest.approx((1 / 2 + 1 + 0) / 3)},
        "ndcg": {"10": pytest.approx((first + 1 + 0) / 3)},
    }


def test_equal_scores_keep_the_order_of_the_ranking() -> None:
    found = judged_measures({"q": [("a", 1.0), ("b", 1.0)]}, {"q": {"a": 1}}, (1,))
    assert (found["recall"], found["mrr"]) == ({"1": 1.0}, {"10": 1.0})


def test_negative_grades_count_as_not_relevant() -> None:
    ranking = {"q": [("spam", 2.0), ("a", 1.0)]}
    assert judged_measures(ranking, {"q": {"spam": -2, "a": 1}}, (1,)) == judged_measures(
        ranking, {"q": {"spam": 0, "a": 1}}, (1,)
    )


def test_measures_are_those_of_the_written_files(tmp_path: Path) -> None:
    """With random rankings, ties among them, of ids with spaces."""
    rng = random.Random(7)
    ids = [f"text {number}" for number in range(60)]
    run, judged = {}, {}
    for number in range(40):
        scores = sorted((rng.choice([rng.random(), 0.5]) for _ in range(rng.randint(0, 50))), reverse=True)
        run[f"q {number}"] = list(zip(rng.sample(ids, len(scores)), scores, strict=True))
        judged[f"q {number}"] = {identity: rng.randint(0, 3) for identity in rng.sample(ids, 5)}
    write_run(tmp_path / "run", run.items())
    write_judgements(tmp_path / "qrels", judged)
    measures = [ir_measures.nDCG @ 10, ir_measures.RR @ 10, ir_measures.R @ 5, ir_measures.R @ 20]
    qrels, scored = (
        ir_measures.read_trec_qrels(str(tmp_path / "qrels")),
        ir_measures.read_trec_run(str(tmp_path / "run")),
    )
    expected = {str(name): value for name, value in ir_measures.calc_aggregate(measures, qrels, scored).items()}
    found = judged_measures(run, judged, (5, 20))
    assert found["questions"] == 40
    assert found["recall"] == pytest.approx({"5": expected["R@5"], "20": expected["R@20"]})
    assert found["mrr"] == {"10": pytest.approx(expected["RR@10"])}
    assert found["ndcg"] == {"10": pytest.approx(expected["nDCG@10"])}


@pytest.mark.parametrize(
    ("ranks", "mean"), [([], None), ([None], 0.0), ([1, 2, None, 10, 11], (1 + 1 / 2 + 1 / 10) / 5)]
)
def test_mean_reciprocal_rank(ranks: list[int | None], mean: float | None) -> None:
    assert mean_reciprocal_rank(ranks) == (None if mean is None else pytest.approx(mean))


def test_questions_and_judgements_of_different_sets_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"None of the 1 questions has a judgement.*'q1'.*'17' and '18'"):
        check_measurable(["q1"], {"17": {"a": 1}, "18": {"a": 1}, "19": {"a": 1}})


def test_a_missing_package_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtraError, match=r"ir-measures.*pip install 'densephrase\[evaluation\]'"):
        judged_measures({"q": [("a", 1.0)]}, {"q": {"a": 1}}, (1,))


def test_few_ids_are_measured_as_few() -> None:
    pytest.importorskip("ir_measures", reason="recall and nDCG come from ir-measures")
    found = judged_measures({"q": [("a", 2.0), ("b", 1.0)]}, {"q": {"b": 1}}, [1, 2], 2)
    assert found["mrr"] == {"2": 0.5}
    assert found["ndcg"] == {"2": pytest.approx(1 / math.log2(3))}
