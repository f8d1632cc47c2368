"""The vectors of the scale benchmark: matrices of codes on disk, and the questions that are asked of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.grown_vectors import write_grown
from benchmarks.scale.scale_lists import PlanedLists
from densephrase.corpus.questions.reader import read_questions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.index.index_reader import IndexReader
from densephrase.quantise.scalar import VectorQuantiser

DIMENSIONS = 128  # the first of an encoder's, which are in the order of their importance
_SEED = 0
_BATCH = 100


def write_real(path: Path, index: IndexReader) -> None:
    """Write the first codes of all start rows of an index as a matrix (.npy)."""
    rows = int(index.bases.starts[-1])
    with path.open("wb") as file:
        header = {"descr": "|i1", "fortran_order": False, "shape": (rows, DIMENSIONS)}
        np.lib.format.write_array_header_1_0(file, header)
        for shard in index.shards:
            file.write(np.ascontiguousarray(shard.start_codes[:, :DIMENSIONS]).tobytes())


def write_vectors(path: Path, rows: int, real: NDArray[np.int8], lists: PlanedLists | None) -> None:
    """Write `rows` rows: a sample of the real ones, in their order, or all of them and others grown from `lists`."""
    if lists is not None:
        write_grown(path, real, lists, rows, _SEED)
        return
    chosen = np.sort(np.random.default_rng(_SEED).choice(len(real), rows, replace=False))
    np.save(path, real[chosen])


def question_vectors(file: str, limit: int, encoder: PhraseEncoder) -> NDArray[np.float32]:
    """Return the first dimensions of the start vectors of `limit` random questions, float32 [n, DIMENSIONS]."""
    questions = list(read_questions(file))
    chosen = np.random.default_rng(_SEED).permutation(len(questions))[:limit]
    texts = [questions[number].text for number in chosen]
    parts = [encoder.encode_questions(texts[first : first + _BATCH]).start for first in range(0, len(texts), _BATCH)]
    return np.concatenate(parts)[:, :DIMENSIONS]


def first_dimensions(quantiser: VectorQuantiser) -> VectorQuantiser:
    """Return the quantiser of the stored dimensions."""
    return VectorQuantiser(quantiser.offset[:DIMENSIONS], quantiser.scale[:DIMENSIONS])


def nearest_distances(codes: NDArray[np.int8], scale: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the distance (L2) from each of `size` random rows to the nearest other row, float32 [size]."""
    chosen = np.sort(np.random.default_rng(_SEED).choice(len(codes), size, replace=False))
    vectors = codes[chosen] * scale
    squares = np.square(vectors).sum(1)
    nearest = np.full(size, np.inf, np.float32)
    for first in range(0, len(codes), 65_536):
        others = codes[first : first + 65_536] * scale
        distances = np.square(others).sum(1)[:, None] - 2 * (others @ vectors.T) + squares
        mine = np.flatnonzero((chosen >= first) & (chosen < first + len(others)))
        distances[chosen[mine] - first, mine] = np.inf  # a row is no neighbour of itself
        np.minimum(nearest, distances.min(0), out=nearest)
    return np.sqrt(np.maximum(nearest, 0))
