"""What kernels must read of an index: counted the long way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.roofline.bare_reads import read_pieces
from benchmarks.roofline.roofline_index import INDEX_CASES, Bytes, IndexCases, reached_ends

QUESTIONS = ["Paris river", "Einstein physics?", "xyzzy"]


@pytest.fixture(scope="module")
def cases(small_index: Path) -> IndexCases:
    return IndexCases(small_index, QUESTIONS)


@pytest.mark.parametrize("function", [read_pieces, read_pieces.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("ahead", [0, 2, 100])
def test_the_words_of_all_pieces_are_read(ahead: int, function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.random.default_rng(0).integers(-(2**40), 2**40, 50)
    first, count = np.array([3, 40, 3, 7]), np.array([5, 10, 1, 0])
    if function is not read_pieces:
        by_address = {words.ctypes.data + 8 * place: words[place:] for place in range(50)}
        monkeypatch.setitem(function.__globals__, "rows_at", lambda address, size: by_address[address][:size])
    expected = sum(words[place : place + size].sum() for place, size in zip(first, count, strict=True))
    assert function(words.ctypes.data + 8 * first, count, ahead) == expected


def test_rows_side_by_side_are_one_piece() -> None:
    column = np.zeros((9, 6), np.int8)
    pieces = Bytes.rows(column, np.array([1, 2, 3, 5, 8]))
    assert ((pieces.address - column.ctypes.data) // 6).tolist() == [1, 5, 8]
    assert pieces.size.tolist() == [18, 6, 6]
    assert Bytes.rows(column, np.empty(0, np.int64)).size.tolist() == []


def test_reads_cover_every_byte() -> None:
    content = np.arange(64, dtype=np.uint8)
    content[:8] = content[24:] = 0
    at = content.ctypes.data
    pieces = Bytes(np.array([at + 9]), np.array([14]))
    assert {run() for run in pieces.reads().values()} == {content[8:24].view(np.int64).sum()}


def test_reached_ends_are_those_of_all_pairs() -> None:
    random = np.random.default_rng(0)
    places = [np.sort(random.choice(30, 12, replace=False)) for _ in range(4)]
    pointers = np.array([0, 12, 24])
    shard: Any = SimpleNamespace(
        paragraph_start_ptr=pointers,
        paragraph_end_ptr=pointers,
        start_token=np.concatenate(places[:2]).astype(np.uint16),
        end_token=np.concatenate(places[2:]).astype(np.uint16),
    )
    starts = np.array([2, 3, 9, 14, 23])
    expected = {
        end
        for start in starts.tolist()
        for end in range(start // 12 * 12, start // 12 * 12 + 12)
        if 0 <= int(shard.end_token[end]) - int(shard.start_token[start]) < 3
    }
    assert reached_ends(shard, starts, 3).tolist() == sorted(expected)


def test_best_ends_read_the_starts_of_a_search(cases: IndexCases) -> None:
    [case] = cases.best_ends()
    searcher = cases.searcher
    found = searcher.spans(QUESTIONS, cases.vectors, cases.plan, cases.effort.most_starts)
    starts, rows = [spans.start_row.tolist() for spans in found], 0
    for mine in starts:
        for number, shard in enumerate(cases.reader.shards):
            first, last = cases.reader.bases.starts[number : number + 2]
            local = np.array(sorted(row - first for row in mine if first <= row < last), np.int64)
            rows += len(local) + len(reached_ends(shard, local, cases.scoring.max_answer_tokens))
    assert case.bytes == rows * cases.reader.manifest.quantisation.row_sizes[0]
    case.run()


def test_sparse_rows_read_their_paragraphs(cases: IndexCases) -> None:
    [case] = cases.sparse_rows()
    least = 0
    for number in range(len(QUESTIONS)):
        shard = cases.reader.shards[number % len(cases.reader.shards)]
        least += shard.token_ids.nbytes + shard.start_sparse.nbytes  # a shard has less paragraphs than are asked for
    most = least + sum(shard.token_keys.nbytes for shard in cases.reader.shards[: len(QUESTIONS)])
    assert least <= case.bytes <= most
    case.run()


def test_bm25_reads_the_postings_of_all_terms(cases: IndexCases) -> None:
    [case] = cases.bm25()
    analyse, reader = cases.reader.terms.analyser.terms, cases.reader
    paragraphs = [set(analyse(reader.paragraph_text(row))) for row in range(reader.bases.paragraphs[-1])]
    asked = [set(analyse(question)) for question in QUESTIONS]
    postings = sum(len(terms & paragraph) for terms in asked for paragraph in paragraphs)
    assert cases.scoring.document_weight == 0
    assert case.bytes == 6 * postings
    case.run()
    assert case.apart is not None
    case.apart()


@pytest.mark.parametrize("name", INDEX_CASES)
def test_every_case_can_be_read_barely(name: str, cases: IndexCases) -> None:
    made: Iterator[Any] = INDEX_CASES[name](cases)
    for case in made:
        assert len({run() for run in case.bare.values()}) == 1
