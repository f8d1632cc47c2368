"""Inverted lists in FAISS against numpy, and searches that use them against searches of the processor's kernels.

FAISS's index on the processor stands for its copy on a device: it has the same calls and the same codes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.data import Answer
from densephrase.errors import DeviceError, MissingExtraError
from densephrase.faiss_device import FaissDevice
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.lists.list_tree import ListTree
from densephrase.kernels.candidates import Chosen
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.find import faiss_lists
from densephrase.search.find.faiss_lists import FaissLists
from densephrase.search.plan.exclusion import Exclusion
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher
from tests.faiss_on_cuda import FakeGpuFaiss, cuda_faiss
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

RANDOM = np.random.default_rng(0)
QUANTISER = VectorQuantiser(
    RANDOM.normal(size=20).astype(np.float32), RANDOM.uniform(0.005, 0.02, 20).astype(np.float32)
)
NOTHING = Exclusion(np.empty((0, 2), np.int64), np.empty((0, 2), np.int64))
QUESTIONS = ("Which city lies at the river Seine?", "Who wrote Hamlet?", "", "Einstein born 1905 physics")
LISTS = {"flat_limit": 0, "lists": 8, "shard_characters": 400}


def make_lists(sizes: list[int], dimensions: int) -> InvertedLists:
    """Return lists of so many random rows; nobody asks for their centroids."""
    rows = sum(sizes)
    random = np.random.default_rng(rows)
    tree = ListTree(np.empty((0, 16), np.int8), np.zeros(1, np.int64), np.zeros((len(sizes), 16), np.int8))
    codes = random.integers(-127, 128, (rows, dimensions)).astype(np.int8)
    ids = random.permutation(rows).astype(np.int32)
    return InvertedLists(Path("ann.h5"), tree, np.cumsum([0, *sizes]), ids, codes, np.empty(0, np.int32), None)


def on_processor(lists: InvertedLists) -> FaissLists:
    return FaissLists(FaissDevice.open("cpu", "Testing"), lists, QUANTISER)


def some_lists(questions: int, probes: int, lists: int) -> Chosen:
    """Return for each question so many lists, other ones for each."""
    random = np.random.default_rng(probes)
    rows = [np.sort(random.permutation(lists)[:probes]) for _ in range(questions)]
    return Chosen(np.array(rows, np.int64).reshape(questions, probes), np.full(questions, probes))


def best_by_sort(
    lists: InvertedLists, vector: NDArray[np.float32], probed: NDArray[np.int64], likely: int, left_out: set[int]
) -> set[int]:
    """Return the rows with the largest products of decoded codes in the probed lists."""
    places = np.concatenate([np.arange(lists.list_ptr[one], lists.list_ptr[one + 1]) for one in probed])
    places = places[~np.isin(lists.ids[places], sorted(left_out))]
    dimensions = lists.codes.shape[1]
    decoded = lists.codes[places].astype(float) * QUANTISER.scale[:dimensions] + QUANTISER.offset[:dimensions]
    order = np.argsort(-(decoded @ vector[:dimensions].astype(float)), kind="stable")[:likely]
    return set(lists.ids[places[order]].tolist())


@pytest.mark.parametrize("dimensions", [5, 16], ids=["first dimensions", "all dimensions"])
@pytest.mark.parametrize("sizes", [[40, 0, 70, 1, 89], [30], [3, 2]], ids=["five lists", "one list", "few rows"])
@pytest.mark.parametrize("probes", [1, 3, 5])
@pytest.mark.parametrize("left_out", [[], [[2, 3], [5, 9], [9, 20]]], ids=["nothing left out", "some left out"])
def test_the_rows_with_the_largest_products_are_chosen(
    dimensions: int, sizes: list[int], probes: int, left_out: list[list[int]]
) -> None:
    lists, probed = make_lists(sizes, dimensions), some_lists(6, min(probes, len(sizes)), len(sizes))
    excluded = Exclusion(np.array(left_out, np.int64).reshape(-1, 2), NOTHING.paragraphs)
    gone = {row for first, last in left_out for row in range(first, last)}
    vectors = np.random.default_rng(1).normal(size=(6, 16)).astype(np.float32)
    for likely in (1, 12, 500):
        chosen = on_processor(lists).choose(vectors, probed, likely, excluded)
        assert chosen is not None
        for vector, mine, rows, count in zip(vectors, probed.rows, *chosen, strict=True):
            found = rows[:count].tolist()
            assert len(set(found)) == len(found)
            assert set(found) == best_by_sort(lists, vector, mine, likely, gone)


def test_no_questions_choose_nothing() -> None:
    lists, vectors = make_lists([4, 5], 16), np.empty((0, 16), np.float32)
    chosen = on_processor(lists).choose(vectors, some_lists(0, 2, 2), 3, NOTHING)
    assert chosen is not None
    assert chosen.rows.shape == (0, 3)


@pytest.mark.parametrize("likely", [20, 21, 55, 90])
@pytest.mark.parametrize("probes", [5, 6])
@pytest.mark.parametrize("left_out", [0, 30])
def test_more_rows_than_faiss_finds_at_once(
    likely: int, probes: int, left_out: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faiss_lists, "MOST_FOUND", 20)
    lists, probed = make_lists([40] * 6, 16), some_lists(6, probes, 6)
    vectors = np.random.default_rng(1).normal(size=(6, 16)).astype(np.float32)
    excluded = Exclusion(np.array([[0, left_out]]), NOTHING.paragraphs)
    chosen = on_processor(lists).choose(vectors, probed, likely, excluded)
    if likely + left_out > 20 * probes:
        assert chosen is None
        return
    assert chosen is not None
    assert chosen.found.tolist() == [likely] * 6
    for vector, mine, rows in zip(vectors, probed.rows, chosen.rows, strict=True):
        everything = best_by_sort(lists, vector, mine, 1000, set(range(left_out)))
        assert len(set(rows.tolist()) & everything) == likely
        # With what is left out, twenty found rows may be fewer that count.
        assert set(rows.tolist()) >= best_by_sort(lists, vector, mine, 0 if left_out else 20, set())


def test_more_lists_than_faiss_takes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_lists, "MOST_FOUND", 20)
    lists, probed, vector = make_lists([2] * 70, 16), some_lists(1, 50, 70), np.ones((1, 16), np.float32)
    chosen = on_processor(lists).choose(vector, probed, 4, NOTHING)
    assert chosen is not None
    assert set(chosen.rows[0].tolist()) == best_by_sort(lists, vector[0], probed.rows[0], 4, set())


def test_questions_with_fewer_lists_are_left_to_the_processor() -> None:
    probed = some_lists(3, 4, 6)
    probed.found[1] = 3  # the fourth is not to be looked at
    assert on_processor(make_lists([5] * 6, 16)).choose(np.ones((3, 16), np.float32), probed, 4, NOTHING) is None


def parts(answers: list[list[Answer]]) -> list[list[tuple[Any, ...]]]:
    return [[(item.text, item.document.id, item.start, item.end, item.score) for item in some] for some in answers]


@pytest.mark.parametrize("dimensions", [3, 12], ids=["first dimensions", "all dimensions"])
@pytest.mark.parametrize("strategy", ["hybrid", "dense-first"])
@pytest.mark.parametrize("left_out", [(), ("d3", "d7")], ids=["everything", "without documents"])
@pytest.mark.parametrize("threads", [1, None])
def test_answers_are_those_of_the_processor(
    dimensions: int,
    strategy: Any,
    left_out: tuple[str, ...],
    threads: int | None,
    make_searcher: MakeSearcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = FakeEncoder()
    processor, reader = make_searcher(random_documents(1, documents=60), encoder, list_dimensions=dimensions, **LISTS)
    fake = FakeGpuFaiss(devices=2).install(monkeypatch)
    device = Searcher(reader, encoder, threads, device="cuda:1")
    assert [place for place, _ in fake.placed] == [1]
    options = SearchOptions(strategy, dense_candidates=15, probes=3, paragraph_candidates=2, exclude_documents=left_out)
    assert parts(device.search(QUESTIONS, options)) == parts(processor.search(QUESTIONS, options))


@pytest.mark.parametrize("options", [{"exhaustive": True}, {"dense_candidates": 10**6}, {"strategy": "sparse-first"}])
def test_searches_without_use_for_lists_do_not_ask_the_device(
    options: dict[str, Any], make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = FakeEncoder()
    processor, reader = make_searcher(random_documents(1, documents=20), encoder, **LISTS)
    FakeGpuFaiss().install(monkeypatch)
    device = Searcher(reader, encoder, device="cuda")
    monkeypatch.setattr(FaissLists, "choose", None)
    chosen = SearchOptions(**options)
    assert parts(device.search(QUESTIONS, chosen)) == parts(processor.search(QUESTIONS, chosen))


def test_an_index_without_lists_needs_no_faiss(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(1))
    assert Searcher(reader, FakeEncoder(), device="cuda").search(QUESTIONS, SearchOptions())  # type: ignore[arg-type]


def test_lists_on_cuda_need_the_gpu_build_and_a_device(
    make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = FakeEncoder()
    _, reader = make_searcher(random_documents(1, documents=20), encoder, **LISTS)
    with pytest.raises(MissingExtraError, match="Searching inverted lists on 'cuda' needs the package 'faiss-gpu'"):
        Searcher(reader, encoder, device="cuda")
    FakeGpuFaiss(devices=0).install(monkeypatch)
    with pytest.raises(DeviceError, match="sees 0 CUDA devices"):
        Searcher(reader, encoder, device="cuda")


@pytest.mark.gpu
def test_a_device_chooses_as_the_processor_does() -> None:
    device = cuda_faiss()
    lists = make_lists([40, 0, 700, 1, 890], 16)
    vectors, probed = np.random.default_rng(1).normal(size=(50, 16)).astype(np.float32), some_lists(50, 3, 5)
    excluded = Exclusion(np.array([[3, 40]]), NOTHING.paragraphs)
    found = FaissLists(device, lists, QUANTISER).choose(vectors, probed, 100, excluded)
    expected = on_processor(lists).choose(vectors, probed, 100, excluded)
    assert found is not None
    assert expected is not None
    assert found.count.tolist() == expected.count.tolist()
    for mine, theirs, count in zip(found.rows, expected.rows, expected.count, strict=True):
        assert len(set(mine[:count]) & set(theirs[:count])) >= count - 1  # of nearly equal rows either may be the last
