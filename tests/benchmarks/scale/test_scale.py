"""The scale benchmark: exact search, recall, grown rows, and a whole run over a small index."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.matrix_rows import MatrixRows
from benchmarks.scale import scale, scale_vectors
from benchmarks.scale.grown_vectors import GrownVectors
from benchmarks.scale.scale_lists import PlanedLists, split_rows
from benchmarks.scale.scale_report import fit, seconds_at
from benchmarks.scale.scale_search import choose_rescored, exact_best, measure
from benchmarks.scale.scale_vectors import nearest_distances
from densephrase.build_index.lists.inverted_list_builder import ListSettings, write_inverted_lists
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.quantise.scalar import VectorQuantiser
from tests.build_index.samples import random_documents, write_corpus

SIZE = 8
CODES = np.random.default_rng(0).normal(0, 30, (3_000, SIZE)).clip(-127, 127).astype(np.int8)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> PlanedLists:
    whole = tmp_path_factory.mktemp("lists") / "whole.h5"
    quantiser = VectorQuantiser(np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32))
    record = write_inverted_lists(MatrixRows(CODES), whole, quantiser, ListSettings(SIZE, SIZE, 16, 0), lambda _: None)
    path = whole.with_name("lists.h5")
    return PlanedLists.open(path, split_rows(whole, path, record), len(CODES), SIZE)


@pytest.fixture
def weights() -> np.ndarray:
    return np.random.default_rng(1).integers(-9_000, 9_000, (5, SIZE)).astype(np.int16)


def test_exact_best_is_a_full_sort(lists: PlanedLists, weights: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.scale.scale_search._BLOCK", 700)
    found = exact_best(lists, weights)
    products = CODES.astype(np.int64) @ weights.T.astype(np.int64)
    for number, rows in enumerate(found):
        assert rows.tolist() == np.lexsort((np.arange(len(CODES)), -products[:, number]))[:100].tolist()


def test_both_planes_are_the_rows(lists: PlanedLists) -> None:
    assert lists.inverted.codes.shape == lists.rest.shape == (len(CODES), SIZE // 2)
    rows = np.concatenate([block for _, block in lists.blocks(700)])
    np.testing.assert_array_equal(rows, CODES[lists.inverted.ids])


def test_more_rows_are_rescored_of_more() -> None:
    assert choose_rescored(1_000_000) == 400
    assert choose_rescored(10_000) < 400 < choose_rescored(100_000_000)


def test_all_lists_together_find_the_best_of_the_first_half_and_one_does_not(
    lists: PlanedLists, weights: np.ndarray
) -> None:
    exact = exact_best(lists, weights)
    everything = measure(lists, weights, exact, probes=16, repeats=1)
    firsts = CODES[:, : SIZE // 2].astype(np.int64) @ weights[:, : SIZE // 2].T.astype(np.int64)
    likely = np.argsort(-firsts, axis=0)[: choose_rescored(len(CODES))]
    shares = [np.isin(best, rows).mean() for best, rows in zip(exact, likely.T, strict=True)]
    assert everything.scanned == len(CODES)
    assert everything.recall == pytest.approx(np.mean(shares))
    one = measure(lists, weights, exact, probes=1, repeats=1)
    assert one.recall < everything.recall
    assert 0 < one.coarse_p50 <= one.p50 <= one.p99


def test_grown_rows_keep_the_mean_and_covariance_of_the_real_ones(lists: PlanedLists) -> None:
    grown = GrownVectors(lists, seed=0)
    rows = np.concatenate([grown.chunk(number, 20_000) for number in range(3)]).astype(float)
    assert rows.mean(0) == pytest.approx(CODES.mean(0), abs=1)
    assert np.cov(rows.T) == pytest.approx(np.cov(CODES.T.astype(float)), abs=0.05 * CODES.var())
    assert np.array_equal(grown.chunk(1, 50), GrownVectors(lists, seed=0).chunk(1, 50))
    assert not np.array_equal(grown.chunk(1, 50), grown.chunk(2, 50))


def test_nearest_distances_do_not_count_the_row_itself() -> None:
    codes = np.array([[0, 0], [3, 4], [3, 5], [100, 0]], np.int8)
    scale_of_columns = np.array([2.0, 2.0], np.float32)
    assert nearest_distances(codes, scale_of_columns, 4).tolist() == pytest.approx([10, 2, 2, 2 * np.hypot(97, 4)])


def test_figures_between_two_points_and_a_line_through_sizes() -> None:
    points = [{"recall": 0.9, "p50": 1.0}, {"recall": 1.0, "p50": 3.0}]
    assert seconds_at(points) == pytest.approx(2.0)
    assert np.isnan(seconds_at([{"recall": 0.9, "p50": 1.0}]))
    sizes = [{"rows": rows, "points": [{"recall": 1.0, "p50": 2 * rows**0.5}]} for rows in (100, 10_000, 1_000_000)]
    assert fit(sizes) == pytest.approx((0.5, 2))


def test_a_run_prints_its_tables_and_keeps_its_figures(
    tmp_path: Path, tiny_encoder: PhraseEncoder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(scale, "DIMENSIONS", SIZE)
    monkeypatch.setattr(scale_vectors, "DIMENSIONS", SIZE)
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(40))
    build(corpus, tmp_path / "index", encoder=tiny_encoder, options=BuildOptions(shard_characters=800))
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Who?", "answers": []}\n{"question": "Where?", "answers": []}\n', "utf-8")
    arguments = ["scale", str(tmp_path / "index"), str(questions), str(tmp_path / "run"), "--rows", "150", "0", "20000"]
    monkeypatch.setattr(sys, "argv", arguments)
    scale.main()
    printed = capsys.readouterr().out
    assert "| 150 |" in printed
    assert "| 20,000 |" in printed
    assert "PROJECTION, not measured" in printed
    assert not (tmp_path / "run" / "20000.npy").exists()
    scale.main()
    assert capsys.readouterr().out == printed
    monkeypatch.setattr(sys, "argv", [*arguments[:4], "--rows", "150", "--check"])
    scale.main()
    assert "imbalance of lists" in capsys.readouterr().out
