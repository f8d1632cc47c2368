"""Paragraphs, terms, vectors and lists made on the spot: what a passage index gives a retriever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.lists.list_assignment import ListAssignment
from densephrase.build_index.lists.list_training import train_lists
from densephrase.data import Document
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.lists.list_rule import choose_groups
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.terms.analyser import Analyser
from densephrase.terms.bm25 import PARAGRAPH_BM25
from densephrase.terms.term_index import TermIndex, write_term_index


@dataclass(frozen=True)
class MadeVectors:
    codes: NDArray[np.int8]
    quantiser: VectorQuantiser
    lists: InvertedLists | None = None


@dataclass(frozen=True)
class MadeRows:
    documents: Sequence[Document]
    terms: TermIndex
    vectors: MadeVectors | None = None

    @property
    def count(self) -> int:
        return len(self.documents)

    def paragraph(self, row: int) -> tuple[Document, int, int]:
        return self.documents[row], 0, len(self.documents[row].text)


def made_terms(path: Path, texts: Sequence[str], language: str = "english", bm25=PARAGRAPH_BM25) -> TermIndex:
    """Return the term index of paragraphs, each a document of its own."""
    write_term_index(path, [(row, "", text) for row, text in enumerate(texts)], Analyser(language))
    return TermIndex.open(path, bm25)


def made_vectors(vectors: NDArray[np.float32], lists: int = 0) -> MadeVectors:
    """Quantise vectors [n, D], and put them into so many inverted lists."""
    size = vectors.shape[1]
    unit = VectorQuantiser(np.zeros(size, np.float32), np.ones(size, np.float32))
    quantiser = VectorQuantiser.fit(vectors, 0) if len(vectors) else unit
    codes = quantiser.encode(vectors)
    return MadeVectors(codes, quantiser, made_lists(codes, quantiser, lists) if lists else None)


def made_lists(codes: NDArray[np.int8], quantiser: VectorQuantiser, lists: int) -> InvertedLists:
    tree = train_lists(codes, quantiser.scale, lists, choose_groups(lists), seed=1)
    assigned = ListAssignment(tree, quantiser.scale).nearest(codes)
    ids = np.argsort(assigned, kind="stable").astype(np.int32)
    ptr = np.append(0, np.cumsum(np.bincount(assigned, minlength=len(tree.list_codes))))
    return InvertedLists(Path("made"), tree, ptr, ids, codes[ids], np.empty(0, np.int32), None)


def made_rows(folder: Path, texts: Sequence[str], vectors: NDArray[np.float32] | None = None, lists: int = 0):
    """Return the rows of paragraphs with the ids p0, p1, and so on."""
    documents = [Document(f"p{row}", text) for row, text in enumerate(texts)]
    terms = made_terms(folder / "terms.h5", texts)
    return MadeRows(documents, terms, None if vectors is None else made_vectors(vectors, lists))


def clustered(rows: int, size: int, clusters: int, spread: float, seed: int) -> NDArray[np.float32]:
    """Return unit vectors [rows, size] around random centres."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((clusters, size))
    noise = random.standard_normal((rows, size)) * spread
    vectors = centres[random.integers(clusters, size=rows)] + noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
