"""Passages and questions to time retrievers on: random ones of a given size, or those of a passage index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase import PassageIndex
from densephrase.corpus.questions.reader import read_questions

_CLUSTERS = 200
_SPREAD = 1.0  # of vectors around the centre of their cluster, in norms of it
_WORDS, _PASSAGE_WORDS, _QUESTION_WORDS = 30_000, 80, 6


@dataclass(frozen=True, slots=True, eq=False)
class RetrievalData:
    """Vectors float32 [P, D] and [Q, D], the texts of passages and questions, and how these are analysed."""

    passages: NDArray[np.float32]
    questions: NDArray[np.float32]
    passage_texts: Sequence[str]
    question_texts: Sequence[str]
    language: str = "none"


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


def index_data(path: Path, questions: Path, count: int) -> RetrievalData:
    """Return the vectors that a passage index has stored, its texts with their titles, and the first questions."""
    with PassageIndex.open(path) as index:
        if index.encoder is None or index.reader.vectors is None:
            raise SystemExit(f"{path} holds no vectors; build it with an encoder.")
        stored, reader = index.reader.vectors, index.reader
        texts = [question.text for question in read_questions(questions)][:count]
        places = (reader.paragraph(row) for row in range(reader.count))
        return RetrievalData(
            stored.quantiser.decode(stored.codes),
            index.encoder.encode_questions(texts),
            [f"{document.title} {document.passage(start, end)}" for document, start, end in places],
            texts,
            reader.terms.analyser.language,
        )
