"""Verifying an index of passages: every change of a byte or a row is found, and nothing ends in another way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from densephrase.errors import DensePhraseError, IndexFormatError
from densephrase.index.passages.passage_checks import verify_passages
from densephrase.index.passages.passage_info import describe_passages
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.index.verify import verify
from densephrase.storage.columns import map_columns
from tests.index.passages.spoil_passages import rewrite_passages
from tests.index.spoil import Columns, setting

SHARD, VECTORS, ANN, TERMS = "shard-00001.h5", "vectors.h5", "ann.h5", "terms.h5"
MUTATIONS = 60


def test_a_good_index_has_no_problems(built_passages: Path, built_terms: Path) -> None:
    assert verify(built_passages) == verify_passages(built_passages) == []
    assert verify(built_terms) == []


def _swapping(column: str) -> Callable[[Columns], Columns]:
    def change(columns: Columns) -> Columns:
        columns[column][[0, 1]] = columns[column][[1, 0]]
        return columns

    return change


def _same_ids(columns: Columns) -> Columns:
    """Give the second document the id of the first, which is as long."""
    first, second, third = columns["document_id_offsets"][:3]
    columns["document_id_blob"][second:third] = columns["document_id_blob"][first:second]
    return columns


PROBLEMS = {
    "code -128": (VECTORS, setting("codes", 3, -128), "column 'codes', row 3: -128 is no code"),
    "list codes": (ANN, setting("codes", 0, 5), "column 'codes', row 0: the codes are not those of their passage"),
    "list order": (ANN, _swapping("ids"), "column 'ids', row 1: the value does not ascend within its list"),
    "row twice": (ANN, lambda columns: {**columns, "ids": columns["ids"] * 0}, "passage 0 stands 51 times"),
    "paragraph bytes": (SHARD, setting("paragraph_byte", 1, 0), "column 'paragraph_byte', row 1"),
    "paragraph end": (SHARD, setting("paragraph_end", 0, 10**6), "column 'paragraph_end', row 0"),
    "ids twice": (SHARD, _same_ids, "also stands in"),
    "posting": (TERMS, setting("paragraph_ids", 0, 10**6), "column 'paragraph_ids', row 0: the value is no paragraph"),
    "frequency": (TERMS, setting("document_tf", 2, 0), "column 'document_tf', row 2: a posting counts no term"),
}


@pytest.mark.parametrize(("name", "change", "message"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_rows_that_do_not_fit_are_named(
    passages_copy: Path, name: str, change: Callable[[Columns], Columns], message: str
) -> None:
    rewrite_passages(passages_copy, name, change)
    found = verify(passages_copy)
    assert any(f"000001/{name}: " in problem and message in problem for problem in found), found


@pytest.mark.parametrize("name", [SHARD, VECTORS, ANN, TERMS])
def test_a_changed_byte_is_named_with_its_column(passages_copy: Path, name: str) -> None:
    path = passages_copy / "segments" / "000001" / name
    columns = map_columns(path).spans
    column = max(columns, key=lambda one: columns[one].bytes)
    content = bytearray(path.read_bytes())
    content[columns[column].offset + 1] ^= 1
    path.write_bytes(content)
    assert verify(passages_copy) == [f"segments/000001/{name}: column '{column}' does not match the checksum"]


def test_files_that_are_missing_changed_or_unknown_are_named(passages_copy: Path) -> None:
    (passages_copy / "encoder" / "config.json").unlink()
    (passages_copy / "encoder" / "tokenizer.json").write_text("other")
    (passages_copy / "segments" / "000001" / "more.h5").write_text("?")
    assert verify(passages_copy) == [
        "encoder/config.json: the file is missing",
        "encoder/tokenizer.json: the bytes do not match their checksum",
        "segments/000001/more.h5: the file is not part of the index",
    ]


def test_a_manifest_that_cannot_be_read_is_a_problem(passages_copy: Path) -> None:
    (passages_copy / "manifest.json").write_text("{")
    (problem,) = verify(passages_copy)
    assert "manifest.json: not readable as JSON" in problem


def test_what_info_says_adds_up(built_passages: Path, built_terms: Path) -> None:
    facts = describe_passages(PassageReader.open(built_passages))
    files = sum(path.stat().st_size for path in built_passages.rglob("*") if path.is_file())
    assert facts["bytes"] == files - (built_passages / "manifest.json").stat().st_size
    assert facts["bytes"] == sum(facts["bytes_by_component"].values())
    assert facts["bytes_by_component"]["vectors"] == (built_passages / "segments/000001/vectors.h5").stat().st_size
    encoder = facts["bytes_by_component"]["encoder"]
    assert facts["bytes_per_passage"] == (facts["bytes"] - encoder) / facts["passages"]
    assert (facts["documents"], facts["passages"], facts["vector_size"]) == (24, 51, 8)
    without = describe_passages(PassageReader.open(built_terms))
    assert (without["encoder"], without["vector_size"], without["ann"]) == (None, None, ["flat"])


def test_bytes_changed_at_random_are_found_and_end_nothing(tmp_path: Path, built_passages: Path, soak: int) -> None:
    """Without their checksums bytes may be good ones; then whatever is read of them is read, or refused."""
    random = np.random.default_rng(5)
    names = [SHARD, VECTORS, ANN, TERMS, "shard-00000.h5"]
    for number in range(MUTATIONS * soak):
        index = shutil.copytree(built_passages, tmp_path / str(number))
        path = index / "segments" / "000001" / names[number % len(names)]
        content = bytearray(path.read_bytes())
        for place in random.integers(0, len(content), int(random.integers(1, 9))).tolist():
            content[place] = int(random.integers(0, 256))
        is_changed = bytes(content) != path.read_bytes()
        path.write_bytes(content)
        assert bool(verify(index)) == is_changed
        try:
            reader = PassageReader.open(index)
            for row in range(reader.count):
                document, start, end = reader.paragraph(row)
                assert isinstance(document.passage(start, end), str)
        except IndexFormatError:
            pass
        shutil.rmtree(index)


def test_columns_changed_at_random_are_found_or_harmless(tmp_path: Path, built_passages: Path, soak: int) -> None:
    """With checksums that fit, as of someone who means harm: opening or verifying says so, or rows can be searched."""
    from densephrase.retrieve.passage_searcher import PassageSearcher
    from tests.index.passages.fake_passage_encoder import FakePassageEncoder

    random = np.random.default_rng(6)
    names = [SHARD, VECTORS, ANN, TERMS]

    def change(columns: Columns) -> Columns:
        column = sorted(columns)[int(random.integers(len(columns)))]
        values = columns[column].reshape(-1)
        limits = np.iinfo(values.dtype) if values.dtype.kind in "iu" else None
        odd = [0, 1, -1, 2**31 - 1] if limits is not None else [0.0, -1.0, np.inf, np.nan, 1e38]
        value = odd[int(random.integers(len(odd)))]
        if limits is not None:
            value = int(np.clip(value, limits.min, limits.max))
        values[int(random.integers(values.size))] = value
        return columns

    for number in range(MUTATIONS * soak):
        index = shutil.copytree(built_passages, tmp_path / str(number))
        rewrite_passages(index, names[number % len(names)], change)
        assert all(isinstance(problem, str) for problem in verify(index))
        try:
            reader = PassageReader.open(index)
            searcher = PassageSearcher(reader, FakePassageEncoder().encode_questions)
            for strategy in ("bm25", "dense", "hybrid"):
                searcher.search(["Einstein physics", "born in Paris"], 5, strategy=strategy)  # type: ignore[arg-type]
        except DensePhraseError:
            pass
        shutil.rmtree(index)
