"""Passages and questions to time retrievers on: random ones of a given size, or those of a folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_CLUSTERS = 200
_SPREAD = 1.0  # of vectors around the centre of their cluster, in norms of it
_WORDS, _PASSAGE_WORDS, _QUESTION_WORDS = 30_000, 80, 6


@dataclass(frozen=True, slots=True, eq=False)
class RetrievalData:
    """Vectors float32 [P, D] and [Q, D], and the texts of passages and questions."""

    passages: NDArray[np.float32]
    questions: NDArray[np.float32]
    passage_texts: Sequence[str]
    question_texts: Sequence[str]


def random_data(passages: int, size: int, questions: int, seed: int = 0) -> RetrievalData:
    """Return unit vectors in clusters, and texts of words by Zipf's law; a question has words of one passage."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((_CLUSTERS, size))
    share = 1 / np.arange(1, _WORDS + 1)
    words = random.choice(_WORDS, (passages, _PASSAGE_WORDS), p=share / share.sum())
    asked = words[random.integers(passages, size=questions), :_QUESTION_WORDS]
    return RetrievalData(
        *(_around(centres, count, random) for count in (passages, questions)),
        *([" ".join(f"w{word}" for word in row) for row in rows.tolist()] for rows in (words, asked)),
    )


def _around(centres: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.float32]:
    noise = _SPREAD * random.standard_normal((count, centres.shape[1]))
    vectors = centres[random.integers(len(centres), size=count)] + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def read_data(folder: Path) -> RetrievalData:
    """Read passages.npy and questions.npy (float32), passages.json and questions.json (lists of texts)."""
    vectors = [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("passages", "questions")]
    texts = [json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("passages", "questions")]
    sizes = [len(part) for part in (*vectors, *texts)]
    if sizes[:2] != sizes[2:]:
        raise SystemExit(f"{folder}: {sizes[0]} and {sizes[1]} vectors, but {sizes[2]} and {sizes[3]} texts.")
    return RetrievalData(*(np.ascontiguousarray(part, np.float32) for part in vectors), *texts)
