"""Judgements in the forms of TREC and BEIR, good and malformed."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.judgements import read_judgements, write_judgements

FORMS = {
    "trec": ("q1 0 d1 1\nq1 0 d2 0\n\nq2\t0\td%201  3\n", {"q1": {"d1": 1, "d2": 0}, "q2": {"d 1": 3}}),
    "ms marco": ("1048585\t0\t7187158\t1\n", {"1048585": {"7187158": 1}}),
    "negative": ("q1 0 d1 -2\n", {"q1": {"d1": -2}}),
    "beir": ("query-id\tcorpus-id\tscore\nq1\td 1\t2\r\nq1\td%202\t0\n", {"q1": {"d 1": 2, "d%202": 0}}),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, tmp_path: Path) -> None:
    content, expected = FORMS[name]
    file = tmp_path / "qrels"
    file.write_text(content, encoding="utf-8", newline="")
    assert read_judgements(file) == expected


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("q1 0 d1\n", "line 1: found 3 fields, expected question id, 0"),
        ("q1 0 d1 1 1\n", "line 1: found 5 fields"),
        ("q1 0 d1 1\nq1 d2 1\n", "line 2: found 3 fields"),
        ("q1\td1\t1\n", "line 1: found 3 fields, expected .*BEIR"),
        ("q1 0 d1 1\nq1 0 d2 one\n", "line 2: found the grade 'one'"),
        ("q1 0 d1 1.0\n", "line 1: found the grade '1.0'"),
        ("q1 0 d1 " + "9" * 5000 + "\n", "line 1: found the grade '999"),
        ("q1 0 d1 1\nq1 0 d1 1\n", "line 2: 'd1' is judged twice for question 'q1'"),
        ("", "found no judgements"),
    ],
)
def test_malformed_files_are_refused_with_their_line(content: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "qrels"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=f"qrels.*{problem}"):
        read_judgements(file)


def test_a_beir_folder_has_judgements_for_each_split(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    for split in ("dev", "test"):
        (tmp_path / "qrels" / f"{split}.tsv").write_text(f"{FORMS['beir'][0]}q2\t{split}\t1\n", encoding="utf-8")
    assert read_judgements(tmp_path, "test")["q2"] == {"test": 1}


def test_judgements_of_kilt_are_told_by_their_name(tmp_path: Path) -> None:
    output = [{"answer": "Aas", "provenance": [{"wikipedia_id": "17"}]}]
    file = tmp_path / "nq-dev-kilt.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps({"id": "q", "input": "who", "output": output}).encode()))
    assert read_judgements(file) == {"q": {"17": 1}}


IDS = st.text("ab% 25\u00a0", min_size=1, max_size=5)


@given(st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-2, 9), min_size=1), min_size=1))
def test_other_programs_read_what_is_written(judged: dict[str, dict[str, int]]) -> None:
    stream = io.StringIO()
    write_judgements(stream, judged)
    rows = list(ir_measures.read_trec_qrels(io.StringIO(stream.getvalue())))
    assert [row.relevance for row in rows] == [grade for grades in judged.values() for grade in grades.values()]


def test_written_judgements_come_back(tmp_path: Path) -> None:
    judged = {"q 1": {"a%20b": 1, "a b": 0}, "q2": {"c": 2}}
    write_judgements(tmp_path / "qrels", judged)
    assert read_judgements(tmp_path / "qrels") == judged
