"""Runs: written, read back, and sorted by trec_eval as they were ranked."""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.data import Document, Passage
from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.runs import (
    Ranking,
    falling_scores,
    ranking_of,
    read_run,
    write_run,
)

NEAR = float(np.nextafter(np.float32(1), np.float32(0)))
SCORES = st.floats(-1e30, 1e30) | st.sampled_from([0.0, -0.0, 1.0, 1 - 1e-12, NEAR, 1e-45, -3.5])


def written(*rankings: tuple[str, Ranking], tag: str = "t") -> str:
    stream = io.StringIO()
    write_run(stream, rankings, tag)
    return stream.getvalue()


def test_rows_are_those_of_trec() -> None:
    assert written(("q 1", [("a b", 2.5), ("c", -0.125)]), ("none", []), ("q2", [("c", 1)]), tag="my run") == (
        "q%201 Q0 a%20b 1 2.5 my%20run\nq%201 Q0 c 2 -0.125 my%20run\nq2 Q0 c 1 1 my%20run\n"
    )


def test_equal_scores_fall_by_the_smallest_step() -> None:
    step = np.float32(1) - np.float32(NEAR)
    assert falling_scores([1.0, 1.0, 1 - 1e-12, NEAR, 0.5]) == [1.0, 1 - step, 1 - 2 * step, 1 - 3 * step, 0.5]


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        ([1.0, 2.0], "rank 2 is 2.0, after 1.0"),
        ([math.nan], "rank 1 is nan"),
        ([math.inf], "no finite number"),
        ([1e39], "no finite number"),
        ([1.0, -math.inf], "rank 2 is -inf"),
        ([float(np.finfo(np.float32).min)] * 2, "no finite number"),
    ],
)
def test_scores_of_no_ranking_are_refused(scores: list[float], problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem):
        falling_scores(scores)


@given(st.lists(SCORES, max_size=30).map(lambda scores: sorted(scores, reverse=True)))
def test_scores_fall_in_float32_and_stay_where_they_can(scores: list[float]) -> None:
    falling = np.array(falling_scores(scores), np.float32)
    assert (falling[1:] < falling[:-1]).all()
    assert (falling <= np.array(scores, np.float32)).all()
    apart = np.array(scores, np.float32)
    if (apart[1:] < apart[:-1]).all():
        np.testing.assert_array_equal(falling, apart)


@given(st.lists(SCORES, min_size=1, max_size=12), st.permutations(range(12)))
def test_trec_eval_keeps_the_order(scores: list[float], ids: list[int]) -> None:
    """Each rank in turn holds the one relevant id: its reciprocal rank tells where trec_eval found it."""
    ranking = [(f"d{identity}", score) for identity, score in zip(ids, sorted(scores, reverse=True), strict=False)]
    text = written(("q", ranking))
    run = list(ir_measures.read_trec_run(io.StringIO(text)))
    for rank, (identity, _) in enumerate(ranking, 1):
        judged = [ir_measures.Qrel("q", identity, 1)]
        assert ir_measures.pytrec_eval.calc_aggregate([ir_measures.RR], judged, run)[ir_measures.RR] == 1 / rank


IDS = st.text(min_size=1, max_size=6).filter(lambda text: text.isprintable()) | st.text("a% 25\u00a0", min_size=1)


@given(st.dictionaries(IDS, st.dictionaries(IDS, SCORES, min_size=1, max_size=6), max_size=4))
def test_a_run_comes_back(scores: dict[str, dict[str, float]]) -> None:
    rankings = {
        question: sorted(found.items(), key=lambda item: item[1], reverse=True) for question, found in scores.items()
    }
    text = written(*rankings.items())
    assert len(text.split("\n")) - 1 == sum(map(len, rankings.values()))
    file = io.BytesIO(text.encode())
    read = read_text(file.getvalue())
    assert {question: [identity for identity, _ in found] for question, found in read.items()} == {
        question: [identity for identity, _ in found] for question, found in rankings.items()
    }
    for question, found in read.items():
        scores_read = np.array([score for _, score in found], np.float32)
        assert scores_read.tolist() == falling_scores([score for _, score in rankings[question]])


def read_text(content: bytes) -> dict[str, list[tuple[str, float]]]:
    """Read a run from memory, through a file that goes away."""
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".trec") as file:
        file.write(content)
        file.flush()
        return read_run(file.name)


def test_files_may_be_gzipped(tmp_path: Path) -> None:
    write_run(tmp_path / "run", [("q", [("a", 1.0)])])
    (tmp_path / "run.gz").write_bytes(gzip.compress((tmp_path / "run").read_bytes()))
    assert read_run(tmp_path / "run.gz") == read_run(tmp_path / "run") == {"q": [("a", 1.0)]}


def test_a_foreign_run_is_sorted_by_score_and_then_by_falling_id(tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text("q\tQ0 a 1 1.0 x\nq Q0 b 2 1.00000000001 x\nq Q0 c 3 7e0 x\n", encoding="utf-8")
    assert [identity for identity, _ in read_run(file)["q"]] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("q Q0 a 1 1.0", "line 2: found 5 fields, expected 6"),
        ("q Q0 a b 1 1.0 t", "line 2: found 7 fields"),
        ("q Q0 a 1 high t", "line 2: found the score 'high'"),
        ("q Q0 a 1 nan t", "line 2: found the score 'nan'"),
        ("q Q0 d 1 1.0 t", "line 2: 'd' stands twice for question 'q'"),
    ],
)
def test_malformed_rows_are_refused_with_their_line(row: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text(f"q Q0 d 1 2.0 t\n{row}\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match=problem):
        read_run(file)


@pytest.mark.parametrize(
    ("rankings", "problem"),
    [
        ([("q", [("a", 1.0), ("a", 0.5)])], "Question 'q': 'a' stands twice"),
        ([("q", [("a", 1.0)]), ("q", [("a", 1.0)])], "Question 'q' has two rankings"),
        ([("q", [("a", 1.0), ("b", 2.0)])], "Question 'q': The score at rank 2"),
        ([("q", [("", 1.0)])], "id is empty"),
    ],
)
def test_what_is_no_run_is_not_written(rankings: list[tuple[str, Ranking]], problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem):
        written(*rankings)


def passage(document: str, start: int, score: float) -> Passage:
    return Passage(Document(document, "x" * 100), start, start + 10, score)


def test_a_document_stands_where_its_best_passage_does() -> None:
    found = [passage("a", 0, 3.0), passage("b", 0, 2.0), passage("a", 20, 1.0), passage("c", 0, 0.5)]
    assert ranking_of(found) == [("a:0-10", 3.0), ("b:0-10", 2.0), ("a:20-30", 1.0), ("c:0-10", 0.5)]
    assert ranking_of(found, "document") == [("a", 3.0), ("b", 2.0), ("c", 0.5)]
