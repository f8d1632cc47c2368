"""Ends are written so that they decode, with the starts before them, to what the encoder made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.common.matrix_rows import MatrixRows
from densephrase.build_index.compact.end_rows import EndSettings, write_end_rows
from densephrase.build_index.compact.preceding_starts import PrecedingStarts
from densephrase.build_index.lists import code_rows
from densephrase.build_index.lists.residuals import END_BITS, START_BITS, fit_rows, row_bytes
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.index.compact.predicted_ends import PredictedEnds
from densephrase.index.format.index_parts import FileRecord, Quantisation
from densephrase.index.index_reader import IndexReader
from densephrase.quantise.scalar import VectorQuantiser
from tests.build_index.samples import random_documents, write_corpus
from tests.oracle import end_rows, start_rows
from tests.search.fake_encoder import FakeEncoder

SIZE, ROWS = 12, 2_000
QUANTISER = VectorQuantiser(np.zeros(SIZE, np.float32), np.full(SIZE, 0.05, np.float32))


class Starts:
    """Random starts before ends, a tenth of which have none."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.values = random.normal(size=(ROWS, SIZE)).astype(np.float32)
        self.has_start = random.random(ROWS) < 0.9

    def decode(self, ends: slice | NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return those before some ends."""
        return self.values[ends] * self.has_start[ends, None], self.has_start[ends]


@pytest.mark.parametrize("rows_at_once", [300, 65_536])
def test_ends_that_follow_from_starts_lose_little(
    rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_rows, "ROWS_AT_ONCE", rows_at_once)
    random, starts = np.random.default_rng(1), Starts()
    weights, own = random.normal(size=(SIZE, SIZE)), random.normal(size=(ROWS, SIZE))
    exact = (starts.values * starts.has_start[:, None]) @ weights + 0.1 * own
    codes, advanced = QUANTISER.encode(exact.astype(np.float32)), list[int]()
    questions = random.normal(size=(50, SIZE)).astype(np.float32)
    source: Any = starts
    record = write_end_rows(
        MatrixRows(codes), tmp_path / "ends.h5", source, QUANTISER, EndSettings(2, questions, 0), advanced.append
    )
    assert (record.file, sum(advanced)) == ("ends.h5", ROWS)
    form = Quantisation("product", SIZE, 0, 0, 1, 2, (), FileRecord("codebooks.h5", 0, {}))
    stored = PredictedEnds.open(tmp_path / "ends.h5", ROWS, form)
    decoded = stored.prediction.predict(*starts.decode(slice(None))) + stored.quantiser.decode(
        stored.codes.view(np.uint8)
    )
    errors = np.square(decoded - QUANTISER.decode(codes)).mean()
    alone = fit_rows(QUANTISER.decode(codes), questions, 2, 0)
    assert errors < 0.1 * np.square(alone.decode(alone.encode(QUANTISER.decode(codes))) - exact).mean()


def test_the_starts_of_an_index_are_those_that_search_decodes(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(24))
    options = BuildOptions(profile="compact", shard_characters=800, flat_limit=10, lists=4)
    build(corpus, tmp_path / "index", encoder=encoder, options=options)
    reader = IndexReader.open(tmp_path / "index")
    assert len(reader.shards) > 2
    lists, ends = reader.lists, reader.ends
    assert lists is not None
    assert lists.residuals is not None
    assert ends is not None
    found = PrecedingStarts.of(reader.shards, lists, lists.residuals, encoder.start_quantiser)
    starts = np.concatenate([start_rows(reader, number, encoder) for number in range(len(reader.shards))])
    values, has_start = found.decode(slice(None))
    assert 0 < has_start.sum() < len(found.rows)
    np.testing.assert_allclose(values[has_start], starts[found.rows[has_start]], atol=1e-4)
    expected = np.concatenate([end_rows(reader, number, encoder) for number in range(len(reader.shards))])
    decoded = ends.prediction.predict(values, has_start) + ends.quantiser.decode(ends.codes.view(np.uint8))
    np.testing.assert_allclose(decoded, expected, atol=1e-3)


@pytest.mark.parametrize(("bits", "size", "expected"), [(START_BITS, 192, 36), (END_BITS, 192, 30), (END_BITS, 3, 1)])
def test_bytes_follow_from_the_size_of_vectors(bits: float, size: int, expected: int) -> None:
    assert row_bytes(bits, size) == expected
