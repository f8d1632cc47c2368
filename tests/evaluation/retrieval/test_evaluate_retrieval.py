"""A retriever evaluated: what it is asked, the files, and a small set in the form of BEIR."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import log2
from pathlib import Path

import ir_measures
import pytest

from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.reader import read_corpus
from densephrase.data import Answer, Document, Evidence, Passage, Question, ScoreParts
from densephrase.errors import EvaluationError, MissingExtraError
from densephrase.evaluation.retrieval.evaluate import RetrievalEvaluation, evaluate_retrieval, measure_retrieval
from densephrase.evaluation.retrieval.judgements import read_judgements
from densephrase.evaluation.retrieval.passage_result import PassageResult
from densephrase.evaluation.retrieval.runs import read_run
from tests.evaluation.retrieval.passages import FixedRetriever, whole

QUESTIONS = [Question(f"q{number}", f"question {number}", ("x",), (-1,)) for number in range(8)]
FOUND = {"question 1": [whole("a", "y", 2.0), whole("b", "x", 1.0)], "question 7": [whole("c", "x", 1.0)]}


def test_questions_are_asked_one_by_one_after_a_warm_up() -> None:
    retriever = FixedRetriever(FOUND)
    results = list(evaluate_retrieval(retriever, QUESTIONS, 10))
    texts = [question.text for question in QUESTIONS]
    assert retriever.asked == [[text] for text in texts[:5] + texts]
    assert [result.question for result in results] == QUESTIONS
    assert [result.answer_rank for result in results] == [None, 2, *[None] * 5, 1]


def test_batches_share_their_seconds() -> None:
    retriever = FixedRetriever(FOUND)
    results = list(evaluate_retrieval(retriever, QUESTIONS, 10, batch=3))
    texts = [question.text for question in QUESTIONS]
    assert retriever.asked == [texts[:3], texts[:3], texts[3:6], texts[6:]]
    assert [result.answer_rank for result in results] == [None, 2, *[None] * 5, 1]
    assert results[3].seconds == results[4].seconds == results[5].seconds >= 0


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 1"):
        list(evaluate_retrieval(FixedRetriever({}), QUESTIONS, 10, batch=0))


def test_files_and_figures(tmp_path: Path) -> None:
    options = RetrievalEvaluation(10, run=tmp_path / "run", predictions=tmp_path / "predictions", tag="t")
    watched: list[PassageResult] = []

    def watch(results: Iterator[PassageResult]) -> Iterable[PassageResult]:
        for result in results:
            watched.append(result)
            yield result

    figures = measure_retrieval(FixedRetriever(FOUND), QUESTIONS, options, watch)
    assert figures["top_k_accuracy"] == {"1": 1 / 8, "5": 2 / 8, "10": 2 / 8}
    assert figures["judged"] is None
    assert len(watched) == 8
    assert (tmp_path / "run").read_text() == "q1 Q0 a:0-1 1 2 t\nq1 Q0 b:0-1 2 1 t\nq7 Q0 c:0-1 1 1 t\n"
    lines = [json.loads(line) for line in (tmp_path / "predictions").read_text().splitlines()]
    assert lines == [json.loads(json.dumps(result.to_dict())) for result in watched]


@pytest.mark.parametrize("options", [RetrievalEvaluation(run="run"), RetrievalEvaluation(judgements={"q0": {"a": 1}})])
def test_equal_ids_are_refused_before_anything_is_asked(options: RetrievalEvaluation) -> None:
    retriever = FixedRetriever({})
    with pytest.raises(EvaluationError, match="'q0'"):
        measure_retrieval(retriever, [QUESTIONS[0], replace(QUESTIONS[1], id="q0")], options)
    assert retriever.asked == []
    assert measure_retrieval(retriever, [QUESTIONS[0]] * 2, RetrievalEvaluation())["questions"] == 2


def test_judgements_of_another_set_are_refused_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    retriever = FixedRetriever({})
    with pytest.raises(EvaluationError, match="'q0' and 'q1', judgements such as 'other'"):
        measure_retrieval(retriever, QUESTIONS, RetrievalEvaluation(judgements={"other": {"a": 1}}))
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(MissingExtraError, match="ir-measures"):
        measure_retrieval(retriever, QUESTIONS, RetrievalEvaluation(judgements={"q0": {"a": 1}}))
    assert retriever.asked == []


def test_a_phrase_index_has_runs_of_its_paragraphs(tmp_path: Path) -> None:
    """The ids are those that a passage index gives to the same paragraphs."""
    PhraseParagraphs = pytest.importorskip("densephrase.retrieve.phrase_paragraphs").PhraseParagraphs
    document, parts = Document("Nils Aas", "He made it. Haugen saw it."), ScoreParts(1.0, 0.5, 0.0, 0.0, 0.0)
    spans = [(12, 18, 12, 26), (0, 2, 0, 11)]
    answers = [Answer((Evidence(document, *span, 1.5, parts),)) for span in spans]
    retriever = PhraseParagraphs(lambda questions, **_: [answers for _ in questions])
    measure_retrieval(retriever, QUESTIONS[:1], RetrievalEvaluation(run=tmp_path / "run", tag="phrases"))
    assert (tmp_path / "run").read_text() == (
        "q0 Q0 Nils%20Aas:12-26 1 1.5 phrases\nq0 Q0 Nils%20Aas:0-11 2 1.49999988 phrases\n"
    )


CORPUS = {
    "mill one": "The mill stands in Orlan. It was built by Nils Aas.",
    "mill-2": "Another mill stands in Skien.",
    "aas": "Nils Aas was born in Skien. He built mills.",
    "oslo": "Oslo is a town.",
}
QUERIES = {"1": "who built the mill in Orlan", "2": "which town is large", "3": "when did he die"}
GRADES = {"1": {"mill one": 1, "aas": 2}, "2": {"oslo": 1}, "3": {"aas": 1}}
RANKED = {"1": ["mill one", "mill-2", "aas"], "2": ["oslo", "mill-2"], "3": []}  # two passages of `mill one` first


def beir_folder(folder: Path) -> Path:
    """Write the small set in the form of BEIR."""
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        lines = [json.dumps({"_id": identity, "title": "", "text": text}) for identity, text in rows.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = [f"{query}\t{document}\t{grade}" for query, grades in GRADES.items() for document, grade in grades.items()]
    (folder / "qrels" / "test.tsv").write_text(
        "\n".join(["query-id\tcorpus-id\tscore", *rows]) + "\n", encoding="utf-8"
    )
    return folder


def test_a_small_set_of_beir(tmp_path: Path) -> None:
    """Documents rank by their best passages; nDCG is worked out by hand, and that of ir-measures on our run."""
    folder = beir_folder(tmp_path / "beir")
    documents = {document.id: document for document in read_corpus(folder)}
    found = {
        QUERIES[query]: [Passage(documents[name], 0, 10, 2.0 - rank) for rank, name in enumerate(names)]
        for query, names in RANKED.items()
    }
    found[QUERIES["1"]].insert(1, Passage(documents["mill one"], 11, 20, 1.5))
    judgements = read_judgements(folder)
    options = RetrievalEvaluation(20, judgements=judgements, unit="document", run=tmp_path / "run")
    figures = measure_retrieval(FixedRetriever(found), read_questions(folder), options)
    first = (1 / log2(2) + 2 / log2(4)) / (2 / log2(2) + 1 / log2(3))
    assert figures["top_k_accuracy"] is None
    assert figures["judged"] == {
        "unit": "document",
        "questions": 3,
        "recall": {"1": pytest.approx((1 / 2 + 1 + 0) / 3), "5": pytest.approx(2 / 3), "20": pytest.approx(2 / 3)},
        "mrr": {"10": pytest.approx(2 / 3)},
        "ndcg": {"10": pytest.approx((first + 1 + 0) / 3)},
    }
    assert read_run(tmp_path / "run").keys() == {"1", "2"}
    run = {question: dict(ranking) for question, ranking in read_run(tmp_path / "run").items()}
    of_file = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], judgements, run)
    assert figures["judged"]["ndcg"] == {"10": pytest.approx(of_file[ir_measures.nDCG @ 10])}
