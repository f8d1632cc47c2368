"""What is timed: our retrievers of passages, FAISS's and bm25s's, all over the same rows and terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.retrieval.retriever_data import RetrievalData
from densephrase.build_index.lists.list_assignment import ListAssignment
from densephrase.build_index.lists.list_training import train_lists
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.lists.list_rule import choose_groups
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.retrieve.bm25 import TermRanking
from densephrase.retrieve.dense import VectorRanking
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import TermIndex, write_term_index

Found = NDArray[np.int64]  # [questions, k], -1 where there are fewer
_ID_BYTES = 4  # of a row in our lists


@dataclass(frozen=True, slots=True)
class RivalRetriever:
    """One retriever: its name, the bytes that it keeps of a passage, and its search of questions `[first, last)`."""

    name: str
    passage_bytes: float
    search: Callable[[int, int], Found]


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedRows:
    """Vectors as codes, with inverted lists where there are any: what a `VectorRanking` takes."""

    codes: NDArray[np.int8]
    quantiser: VectorQuantiser
    lists: InvertedLists | None = None


def quantised(vectors: NDArray[np.float32]) -> QuantisedRows:
    """Quantise vectors [P, D] to 8 bits."""
    quantiser = VectorQuantiser.fit(vectors, 0)
    return QuantisedRows(quantiser.encode(vectors), quantiser)


def in_lists(rows: QuantisedRows, lists: int) -> QuantisedRows:
    """Put rows into so many inverted lists."""
    scale = rows.quantiser.scale
    tree = train_lists(rows.codes, scale, lists, choose_groups(lists), seed=0)
    assigned = ListAssignment(tree, scale).nearest(rows.codes)
    ids = np.argsort(assigned, kind="stable").astype(np.int32)
    ptr = np.append(0, np.cumsum(np.bincount(assigned, minlength=lists)))
    made = InvertedLists(
        path=Path("made"),
        tree=tree,
        list_ptr=ptr,
        ids=ids,
        codes=rows.codes[ids],
        places=np.empty(0, np.int32),
        residuals=None,
    )
    return QuantisedRows(rows.codes, rows.quantiser, made)


def our_vectors(name: str, rows: QuantisedRows, questions: NDArray[np.float32], k: int) -> RivalRetriever:
    """Return our search of vectors, flat or in lists, whose lists hold the codes once more."""
    ranking, size = VectorRanking(rows), rows.codes.shape[1]

    def search(first: int, last: int) -> Found:
        ranked = ranking.rank(ranking.prepare(questions[first:last]), k)
        return _padded(ranked.rows, ranked.found)

    return RivalRetriever(name, size if rows.lists is None else 2 * size + _ID_BYTES, search)


def our_terms(data: RetrievalData, file: Path, k: int) -> RivalRetriever:
    """Return our search of terms, whose index is written to a file and mapped; words are analysed as well."""
    write_term_index(file, ((row, "", text) for row, text in enumerate(data.passage_texts)), Analyser(data.language))
    ranking = TermRanking(TermIndex.open(file))
    postings = ranking.terms.paragraphs
    columns = (postings.ptr, postings.ids, postings.tf, postings.length, postings.length_norm)

    def search(first: int, last: int) -> Found:
        ranked = ranking.rank(ranking.prepare(data.question_texts[first:last]), k)
        return _padded(ranked.rows, ranked.found)

    return RivalRetriever("ours, BM25", sum(part.nbytes for part in columns) / len(data.passage_texts), search)


def faiss_flat(vectors: NDArray[np.float32], questions: NDArray[np.float32], k: int) -> Iterator[RivalRetriever]:
    """Yield FAISS's scans of all rows, in float32 and in 8 bits."""
    import faiss

    size = vectors.shape[1]
    for name, index, row_bytes in (
        ("FAISS IndexFlatIP", faiss.IndexFlatIP(size), 4 * size),
        ("FAISS IndexScalarQuantizer, 8 bits", _faiss_quantised(faiss, size), size),
    ):
        index.train(vectors)
        index.add(vectors)
        yield RivalRetriever(name, row_bytes, _faiss_search(index, questions, k))


def _faiss_quantised(faiss: Any, size: int) -> Any:
    return faiss.IndexScalarQuantizer(size, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)


def faiss_lists(
    vectors: NDArray[np.float32], questions: NDArray[np.float32], k: int, lists: int, is_good: Callable[[Found], bool]
) -> Iterator[RivalRetriever]:
    """Yield FAISS's inverted lists, in float32 and in 8 bits, with the fewest probes that find what `is_good`."""
    import faiss

    size = vectors.shape[1]
    for name, make, row_bytes in (
        ("FAISS IndexIVFFlat", faiss.IndexIVFFlat, 4 * size),
        ("FAISS IndexIVFScalarQuantizer, 8 bits", faiss.IndexIVFScalarQuantizer, size),
    ):
        kind = () if make is faiss.IndexIVFFlat else (faiss.ScalarQuantizer.QT_8bit,)
        index = make(faiss.IndexFlatIP(size), size, lists, *kind, faiss.METRIC_INNER_PRODUCT)
        index.cp.min_points_per_centroid = 1
        index.train(vectors)
        index.add(vectors)
        search = _faiss_search(index, questions, k)
        index.nprobe = 1
        while index.nprobe < lists and not is_good(search(0, len(questions))):
            index.nprobe = min(lists, index.nprobe + max(1, index.nprobe // 8))
        yield RivalRetriever(f"{name}, {index.nprobe} of {lists} lists", row_bytes + 8, search)


def _faiss_search(index: Any, questions: NDArray[np.float32], k: int) -> Callable[[int, int], Found]:
    def search(first: int, last: int) -> Found:
        found: Found = index.search(questions[first:last], k)[1]
        return found

    return search


def bm25s_retrievers(data: RetrievalData, folder: Path, k: int) -> Iterator[RivalRetriever]:
    """Yield bm25s with numpy, with numba, and mapped; questions are cut into words as ours are."""
    import bm25s

    from densephrase.terms.bm25 import PARAGRAPH_BM25

    split = Analyser(data.language).terms
    corpus = [split(text) for text in data.passage_texts]
    for backend in ("numpy", "numba"):
        index = bm25s.BM25(method="lucene", k1=PARAGRAPH_BM25.k1, b=PARAGRAPH_BM25.b, backend=backend)
        index.index(corpus, show_progress=False)
        yield _bm25s(f"bm25s, {backend}", index, data, k)
    index.save(folder, show_progress=False)
    yield _bm25s("bm25s, mapped", bm25s.BM25.load(folder, mmap=True, show_progress=False), data, k)


def _bm25s(name: str, index: Any, data: RetrievalData, k: int) -> RivalRetriever:
    terms = Analyser(data.language).terms

    def search(first: int, last: int) -> Found:
        options = {"show_progress": False, "return_as": "documents", "n_threads": 1 if "numba" in name else 0}
        asked = [terms(text) for text in data.question_texts[first:last]]
        found: Found = np.asarray(index.retrieve(asked, k=k, **options), np.int64)
        return found

    kept = sum(index.scores[part].nbytes for part in ("data", "indices", "indptr"))
    return RivalRetriever(name, kept / index.scores["num_docs"], search)


def _padded(rows: Found, found: Found) -> Found:
    if len(found) == 1 and found[0] == rows.shape[1]:  # nothing to pad, which would take a tenth of a search
        return rows
    return np.where(np.arange(rows.shape[1]) < found[:, None], rows, -1)
