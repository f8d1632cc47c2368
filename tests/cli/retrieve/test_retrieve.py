"""`retrieve build`, `ask`, `evaluate` and `tune`, over passage indexes and over a phrase index."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from densephrase.evaluation.retrieval.runs import read_run
from densephrase.passage_index import PassageIndex
from tests.cli.conftest import DOCUMENTS, QUESTIONS, write_lines

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory, tiny_passage_encoder_path: Path) -> Path:
    """An index of passages with vectors, to be read only."""
    folder = tmp_path_factory.mktemp("passages")
    corpus = write_lines(folder / "corpus.jsonl", DOCUMENTS)
    PassageIndex.build(corpus, folder / "index", encoder=tiny_passage_encoder_path).close()
    return folder / "index"


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of passages without vectors, to be read only."""
    folder = tmp_path_factory.mktemp("terms")
    PassageIndex.build(write_lines(folder / "corpus.jsonl", DOCUMENTS), folder / "index", encoder=None).close()
    return folder / "index"


def test_an_index_is_built_with_an_encoder(
    run: Run, corpus: Path, tmp_path: Path, tiny_passage_encoder_path: Path
) -> None:
    done = run("retrieve", "build", corpus, tmp_path / "index", "--encoder", tiny_passage_encoder_path, "--json")
    assert done.code == 0
    (summary,) = done.objects
    assert summary["documents"] == 3
    with PassageIndex.open(tmp_path / "index") as index:
        assert index.info()["vector_size"] == 32
        assert index.info()["passages"] == summary["passages"]


def test_an_index_of_terms_alone_needs_no_encoder(run: Run, corpus: Path, tmp_path: Path) -> None:
    done = run("retrieve", "build", corpus, tmp_path / "index", "--encoder", "none")
    assert done.code == 0
    assert "encoded" not in done.out
    (answer,) = run("retrieve", "ask", tmp_path / "index", "Where did Tesla die?", "--json").objects
    assert answer["passages"][0]["document"]["id"] == "tesla"
    assert list(answer["passages"][0]["parts"]) == ["bm25"]


def test_build_options_that_make_no_sense_are_wrong_usage(run: Run, corpus: Path, tmp_path: Path) -> None:
    done = run("retrieve", "build", corpus, tmp_path / "index", "--encoder", "none", "--flat-limit", "-1")
    assert done.code == 2
    assert "flat_limit" in done.err


@pytest.mark.parametrize("strategy", ["bm25", "dense", "hybrid"])
def test_passages_are_cited(run: Run, passages: Path, strategy: str) -> None:
    done = run("retrieve", "ask", passages, "Who wrote Hamlet?", "--strategy", strategy, "--json")
    assert done.code == 0
    (answer,) = done.objects
    texts = {document["id"]: document["text"] for document in DOCUMENTS}
    assert answer["passages"]
    for passage in answer["passages"]:
        identity, start, end = passage["document"]["id"], passage["start"], passage["end"]
        assert texts[identity][start:end] == passage["text"]
        assert passage["id"] == f"{identity}:{start}-{end}"
    assert set(answer["passages"][0]["parts"]) == ({"bm25", "dense"} if strategy == "hybrid" else {strategy})


def test_people_see_source_score_and_terms(run: Run, terms: Path) -> None:
    done = run("retrieve", "ask", terms, "Who wrote Hamlet?", "--explain")
    assert done.code == 0
    assert "Hamlet (hamlet) [0:" in done.out
    assert "terms: hamlet" in done.out
    assert "no passage found" in run("retrieve", "ask", terms, "xyzzy").out


def test_a_phrase_index_finds_passages_too(run: Run, index_path: Path, questions: Path) -> None:
    (answer,) = run("retrieve", "ask", index_path, "Who wrote Hamlet?", "--strategy", "dense-first", "--json").objects
    assert list(answer["passages"][0]["parts"]) == ["phrase"]
    (figures,) = run("retrieve", "evaluate", index_path, questions, "--top-k", "3", "--json").objects
    assert figures["questions"] == 3
    assert (figures["search"]["unit"], figures["search"]["top_k"]) == ("paragraph", 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fusion", "weighted"), "is an index of phrases, whose search has no --fusion"),
        (("--strategy", "bm25"), "strategy"),
    ],
    ids=["fusion", "a strategy of passages"],
)
def test_a_phrase_index_has_other_options(run: Run, index_path: Path, options: tuple[str, ...], message: str) -> None:
    done = run("retrieve", "ask", index_path, "Who wrote Hamlet?", *options)
    assert done.code == 2
    assert message in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strategy", "dense"), "holds no vectors"),
        (("--strategy", "sparse-first"), "strategy"),
        (("--term-weight", "-1"), "term_weight is -1.0"),
    ],
    ids=["no vectors", "a strategy of phrases", "a weight below 0"],
)
def test_a_search_that_cannot_be_is_wrong_usage(run: Run, terms: Path, options: tuple[str, ...], message: str) -> None:
    done = run("retrieve", "ask", terms, "Who wrote Hamlet?", *options)
    assert done.code == 2
    assert message in done.err


def test_figures_are_those_of_a_search_whose_answers_are_known(run: Run, terms: Path, questions: Path) -> None:
    """BM25 finds the passage of each question first, which holds its answer."""
    options = ("--strategy", "bm25", "--top-k", "2", "--threads", "1", "--json")
    done = run("retrieve", "evaluate", terms, questions, *options)
    assert done.code == 0
    (figures,) = done.objects
    assert figures["top_k_accuracy"] == {"1": 1.0, "2": 1.0}
    assert figures["answer_mrr"] == {"2": 1.0}
    assert figures["gold"] == {"questions": 3, "mrr": {"2": 1.0}}
    assert figures["runtime"] is None
    assert (figures["search"]["strategy"], figures["search"]["top_k"]) == ("bm25", 2)
    assert figures["threads"] == 1
    assert figures["seconds_per_question"]["p50"] > 0


def test_run_and_predictions_are_written(run: Run, terms: Path, questions: Path, tmp_path: Path) -> None:
    files = ("--run", tmp_path / "run.trec", "--predictions", tmp_path / "predictions.jsonl")
    done = run("retrieve", "evaluate", terms, questions, "--judged", "passage", *files)
    assert done.code == 0
    assert "answer in the first 1 passages" in done.out
    ranked = read_run(tmp_path / "run.trec")
    assert ranked["q2"][0][0].startswith("tesla:")
    rows = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert [row["answer_rank"] for row in rows] == [1, 1, 1]


def test_judgements_give_recall_and_ndcg(run: Run, terms: Path, questions: Path, tmp_path: Path) -> None:
    pytest.importorskip("ir_measures", reason="recall and nDCG come from ir-measures")
    (tmp_path / "qrels").write_text("q1 0 hamlet 1\nq2 0 tesla 1\nq3 0 notes 1\n")
    done = run("retrieve", "evaluate", terms, questions, "--judgements", tmp_path / "qrels", "--json")
    (figures,) = done.objects
    assert figures["judged"]["ndcg"]["10"] == pytest.approx(2 / 3)
    assert figures["judged"]["recall"]["1"] == pytest.approx(2 / 3)


def test_judgements_of_beir_choose_questions_and_are_measured(run: Run, terms: Path, tmp_path: Path) -> None:
    pytest.importorskip("ir_measures", reason="recall and nDCG come from ir-measures")
    write_lines(tmp_path / "corpus.jsonl", [{"_id": one["id"], **one} for one in DOCUMENTS])
    write_lines(tmp_path / "queries.jsonl", [{"_id": one["id"], "text": one["question"]} for one in QUESTIONS])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\thamlet\t1\nq2\ttesla\t2\n")
    done = run("retrieve", "evaluate", terms, tmp_path / "qrels" / "test.tsv", "--json")
    (figures,) = done.objects
    assert figures["questions"] == 2
    assert figures["judged"]["ndcg"] == {"10": 1.0}
    assert figures["top_k_accuracy"] is None


def test_the_weight_of_terms_is_written_to_the_index(
    run: Run, corpus: Path, questions: Path, tmp_path: Path, tiny_passage_encoder_path: Path
) -> None:
    index = tmp_path / "index"
    run("retrieve", "build", corpus, index, "--encoder", tiny_passage_encoder_path)
    done = run("retrieve", "tune", index, questions, "--held-out", "0", "--first", "1", "--json")
    assert done.code == 0
    (report,) = done.objects
    assert report["questions"] == 3
    best = max(report["weights"], key=lambda one: (one["accuracy"], one["reciprocal_rank"], -one["term_weight"]))
    assert report["term_weight"] == best["term_weight"]
    with PassageIndex.open(index) as opened:
        assert opened.reader.manifest.term_weight == report["term_weight"]
    for options, fusion, weight in (
        ((), "weighted", report["term_weight"]),
        (("--term-weight", "3"), "weighted", 3),
        (("--fusion", "reciprocal-rank"), "reciprocal-rank", None),
        (("--strategy", "dense"), None, None),
    ):
        (figures,) = run("retrieve", "evaluate", index, questions, *options, "--json").objects
        assert (figures["search"]["fusion"], figures["search"]["term_weight"]) == (fusion, weight)
    assert run("verify", index).code == 0


def test_what_has_no_vectors_has_no_weight(run: Run, terms: Path, questions: Path) -> None:
    done = run("retrieve", "tune", terms, questions)
    assert done.code == 1
    assert "holds no vectors" in done.err


def test_questions_without_a_gold_passage_choose_no_weight(run: Run, passages: Path, tmp_path: Path) -> None:
    asked = write_lines(tmp_path / "asked.jsonl", [{"question": "Who wrote Hamlet?", "answers": ["Shakespeare"]}])
    done = run("retrieve", "tune", passages, asked, "--held-out", "0")
    assert done.code == 1
    assert "None of 1 questions has a context" in done.err


def test_questions_about_other_documents_choose_no_weight(run: Run, passages: Path, tmp_path: Path) -> None:
    """All weights would be equally bad, and the least, 0, would leave BM25 out of every search."""
    context = "Rome was built by Romulus."
    asked = write_lines(tmp_path / "a.jsonl", [{"question": "Who built?", "answers": ["Romulus"], "context": context}])
    before = (passages / "manifest.json").read_bytes()
    done = run("retrieve", "tune", passages, asked, "--held-out", "0")
    assert done.code == 1
    assert "find any of the passages in which the answers of 1 questions were marked" in done.err
    assert (passages / "manifest.json").read_bytes() == before


def test_a_run_that_fails_leaves_the_old_files(
    run: Run, terms: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "run.trec"
    old.write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("densephrase.retrieve.passage_searcher.PassageSearcher.search", fail)
    done = run("retrieve", "evaluate", terms, questions, "--run", old, "--predictions", tmp_path / "new.jsonl")
    assert done.code == 1
    assert "the disk is gone" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["questions.jsonl", "run.trec"]
    assert old.read_text() == "old"


def test_fewer_articles_than_none_are_wrong_usage(run: Run, passages: Path, questions: Path) -> None:
    done = run("retrieve", "tune", passages, questions, "--held-out", "-1")
    assert done.code == 2
    assert "-1 is less than 0" in done.err
