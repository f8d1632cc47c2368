"""A compact index that someone who means harm has changed, with fitting checksums: each change is refused at open."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.errors import IndexFormatError
from densephrase.index.compact.spelling import LONGEST_PIECE
from densephrase.index.format.manifest import Manifest
from densephrase.index.index_reader import IndexReader
from densephrase.index.verify import verify
from tests.build_index.samples import random_documents, write_corpus
from tests.index.spoil import Columns, casting, cutting, dropping, rewrite, setting
from tests.search.fake_encoder import FakeEncoder

SHARD, CODEBOOKS = "shard-00001.h5", "codebooks.h5"


@pytest.fixture(scope="module")
def compact_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compact")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(24))
    options = BuildOptions(profile="compact", shard_characters=800, flat_limit=10, lists=4)
    build(corpus, folder / "index", encoder=FakeEncoder(sparc_size=8), options=options)
    return folder / "index"


@pytest.fixture
def copy(tmp_path: Path, compact_index: Path) -> Path:
    return shutil.copytree(compact_index, tmp_path / "index")


def _moving_a_row(columns: Columns) -> Columns:
    pointers = columns["paragraph_start_ptr"]
    pointers[1] = pointers[2]  # the first paragraph gets all rows of the second
    return columns


def _long_pieces(columns: Columns) -> Columns:
    blob, offsets = columns["piece_blob"], columns["piece_offsets"]
    more = np.full(LONGEST_PIECE + 1, ord("x"), np.uint8)
    return {
        **columns,
        "piece_blob": np.append(blob, more),
        "piece_offsets": np.append(offsets, offsets[-1] + more.size),
    }


def _all(column: str, value: float) -> Callable[[Columns], Columns]:
    return lambda columns: {**columns, column: np.full_like(columns[column], value)}


HOSTILE: dict[str, tuple[str, Callable[[Columns], Columns], str]] = {
    "no bits": (SHARD, _all("start_kept", 0), r"'start_kept' has 0 bits for \d+ rows"),
    "more bits": (SHARD, _all("end_kept", 255), r"'end_kept' has \d+ bits for \d+ rows"),
    "fewer bits": (SHARD, cutting("start_kept"), "'start_kept' is uint8"),
    "wide bits": (SHARD, casting("start_kept", "int64"), "'start_kept' is int64"),
    "more rows than tokens": (SHARD, _moving_a_row, "'paragraph_start_ptr' gives a paragraph more rows than"),
    "odd bytes beyond": (SHARD, setting("paragraph_odd_ptr", 1, 2**40), "'paragraph_odd_ptr' does not ascend"),
    "fewer forms": (SHARD, cutting("token_forms"), "'token_forms' is uint8"),
    "pieces of another type": (CODEBOOKS, casting("piece_blob", "int64"), "'piece_blob' is int64"),
    "offsets of another type": (CODEBOOKS, casting("piece_offsets", "float64"), "'piece_offsets' is float64"),
    "a table of offsets": (
        CODEBOOKS,
        lambda c: {**c, "piece_offsets": c["piece_offsets"][:, None]},
        r"'piece_offsets' is int64 \(\d+, 1\)",
    ),
    "no offsets": (CODEBOOKS, lambda c: {**c, "piece_offsets": c["piece_offsets"][:0]}, "'piece_blob': offsets do not"),
    "offsets beyond": (CODEBOOKS, setting("piece_offsets", -1, 2**33), "'piece_blob'"),
    "pieces that are not ASCII": (CODEBOOKS, setting("piece_blob", 0, 200), "pieces that are not ASCII, or longer"),
    "endless pieces": (CODEBOOKS, _long_pieces, f"longer than {LONGEST_PIECE}"),
    "no pieces": (CODEBOOKS, dropping("piece_blob"), "no column 'piece_blob'"),
    "keys of another type": (CODEBOOKS, casting("keys_0_offset", "float64"), "'keys_0_offset' is float64"),
    "keys that are no numbers": (
        CODEBOOKS,
        setting("keys_0_offset", 0, np.nan),
        "'keys_0_offset' holds values outside",
    ),
    "keys of any size": (CODEBOOKS, setting("queries_0_synthesis", 0, 1e30), "'queries_0_synthesis' holds values"),
    "fewer centroids": (CODEBOOKS, lambda c: {**c, "keys_1_centroids": c["keys_1_centroids"][:, :9]}, "'keys_1_centr"),
    "flat centroids": (CODEBOOKS, lambda c: {**c, "keys_1_centroids": np.zeros(9, np.float32)}, "'keys_1_centroids'"),
    "empty centroids": (
        CODEBOOKS,
        lambda c: {**c, "keys_1_centroids": c["keys_1_centroids"][..., :0]},
        "keys_1 makes 3 columns of 0 dimensions",
    ),
    "narrow codes": ("ann.h5", lambda c: {**c, "codes": c["codes"][:, :-1]}, "'codes' is uint8"),
    "places beyond": ("ann.h5", setting("places", 0, 2**30), "'places' names rows"),
    "places before": ("ann.h5", setting("places", 0, -1), "'places' names rows"),
    "residuals of another size": ("ann.h5", cutting("residual_offset"), "'residual_offset' is float32"),
    "fewer ends": ("ends.h5", cutting("end_codes"), "'end_codes' is uint8"),
    "ends of any size": ("ends.h5", setting("prediction_weights", 0, np.inf), "'prediction_weights' holds values"),
}


@pytest.mark.parametrize(("name", "change", "message"), HOSTILE.values(), ids=list(HOSTILE))
def test_what_kernels_index_with_is_checked(
    copy: Path, name: str, change: Callable[[Columns], Columns], message: str
) -> None:
    rewrite(copy, name, change)
    with pytest.raises(IndexFormatError, match=rf"(?s){name}.*{message}"):
        IndexReader.open(copy)
    assert any(name in problem for problem in verify(copy))


def test_a_paragraph_that_begins_elsewhere_is_found(copy: Path) -> None:
    start = IndexReader.open(copy).shards[1].paragraph_start[1]
    rewrite(copy, SHARD, setting("paragraph_start", 1, int(start) + 1))
    assert any(f"{SHARD}: column 'paragraph_start', row 1: the value is not where" in found for found in verify(copy))


def test_bits_of_other_paragraphs_are_found_by_verify_and_where_they_are_looked_at(copy: Path) -> None:
    def swap_bits(columns: Columns) -> Columns:
        bits = np.unpackbits(columns["start_kept"], bitorder="little")
        tokens = int(columns["paragraph_tokens"][0])
        kept = int(np.flatnonzero(bits[:tokens])[0])
        free = tokens + int(np.flatnonzero(bits[tokens : columns["paragraph_tokens"].sum()] == 0)[0])
        bits[[kept, free]] = 0, 1
        return {**columns, "start_kept": np.packbits(bits, bitorder="little")}

    rewrite(copy, SHARD, swap_bits)
    reader = IndexReader.open(copy)  # a kernel looks for no more bits than there are
    with pytest.raises(IndexFormatError, match=f"{SHARD}: column 'start_kept' has .* rows of paragraph 0"):
        reader.shards[1].row_tokens("start", 0)
    assert any("'paragraph_start_ptr', row 0: the value does not fit 'start_kept'" in found for found in verify(copy))


def test_rows_of_a_shard_without_tokens_are_refused(copy: Path) -> None:
    def without_tokens(columns: Columns) -> Columns:
        columns["paragraph_tokens"][:] = 0
        tokens = "token_ids", "token_forms", "token_keys", "start_kept", "end_kept"
        return {**columns, **{name: columns[name][:0] for name in tokens}}

    rewrite(copy, SHARD, without_tokens)
    manifest = Manifest.load(copy)
    (segment,) = manifest.segments
    shards = tuple(
        replace(shard, counts=replace(shard.counts, tokens=0)) if shard.file.file == SHARD else shard
        for shard in segment.shards
    )
    replace(manifest, segments=(replace(segment, shards=shards),)).save(copy)
    with pytest.raises(IndexFormatError, match=f"{SHARD}: column 'paragraph_start_ptr' gives a paragraph more rows"):
        IndexReader.open(copy)
