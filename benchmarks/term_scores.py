"""How well terms alone find the right paragraph: BM25 over a grid of its parameters against DrQA's tf-idf.

    python -m benchmarks.term_scores --questions TRAIN_QUESTIONS --corpus CORPUS [--corpus LARGER] [--limit 2000]

The questions are those of the articles that training holds out (by hash of the title), never dev. Right is a question's
own paragraph; where the corpus lacks it, in a table of its own, any paragraph that holds an answer string. Each cell is
the share of questions, in percent, with a right paragraph among the first 1 / 5 / 20 by paragraph score + w * document
score. Both sides count the title with every paragraph. BM25: the shipped parameters, then those of paragraphs and those
of documents varied while the others stay as shipped. tf-idf: see `tfidf`.

Where SQuAD's articles are longer than the other documents of a corpus, what favours long documents (b = 0) looks better
than it is.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.plain_terms import TermScores, score_terms
from benchmarks.tfidf import TfIdf, TfIdfCounts
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.reader import read_corpus
from densephrase.data import Question
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import has_answer
from densephrase.terms.analyser import Analyser
from densephrase.terms.bm25 import BM25, DOCUMENT_BM25, PARAGRAPH_BM25
from densephrase.terms.term_index import TermIndex, write_term_index
from densephrase.training.data.holdout import split_by_title
from densephrase.training.phrase.config import TrainingConfig

PARAGRAPH_GRID = tuple(itertools.starmap(BM25, itertools.product((0.3, 0.5, 0.7, 0.9, 1.2), (0.3, 0.5, 0.75, 1.0))))
DOCUMENT_GRID = tuple(itertools.starmap(BM25, itertools.product((0.3, 0.6, 1.2), (0.0, 0.2, 0.4, 0.75))))
DOCUMENT_WEIGHTS = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
CUTS = (1, 5, 20)

Score: TypeAlias = Callable[[str], TermScores]


@dataclass(frozen=True, slots=True)
class Collection:
    """The titles of documents and the texts of paragraphs; `paragraph_document` int32 [paragraphs] joins them."""

    titles: list[str]
    texts: list[str]
    paragraph_document: NDArray[np.int32]

    @classmethod
    def read(cls, path: str) -> Collection:
        """Read a corpus; raises CorpusError."""
        titles: list[str] = []
        texts: list[str] = []
        rows: list[int] = []
        for row, document in enumerate(read_corpus(path)):
            titles.append(document.title)
            texts += (paragraph.text for paragraph in split_paragraphs(document.text))
            rows += [row] * (len(texts) - len(rows))
        return cls(titles, texts, np.array(rows, np.int32))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the test whether a row of the collection is a right paragraph for it."""

    text: str
    is_right: Callable[[int], bool]


def main() -> None:
    """Print the tables of every corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", required=True, help="the training questions; only held-out articles are asked")
    parser.add_argument("--corpus", required=True, action="append", help="may be given several times")
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--document-weights", type=float, nargs="+", default=DOCUMENT_WEIGHTS)
    options = parser.parse_args()
    _, held_out = split_by_title(read_questions(options.questions), TrainingConfig().held_out_articles)
    questions = sample_questions(held_out, options.limit, options.seed)
    if not questions:
        parser.error(f"{options.questions} has no article to hold out; pass the questions of SQuAD train")
    print(f"{len(questions):,} of {len(held_out):,} held-out questions, seed {options.seed}")
    for path in options.corpus:
        collection = Collection.read(path)
        print(f"\n{Path(path).name}: {len(collection.titles):,} documents, {len(collection.texts):,} paragraphs")
        for right, asked in groups(collection, questions).items():
            print(f"\nRight is the {right}, {len(asked):,} questions; top-{' / '.join(map(str, CUTS))} in percent\n")
            print_table(collection, asked, options.document_weights)


def groups(collection: Collection, questions: Sequence[Question]) -> dict[str, list[Asked]]:
    """Return the questions by what is right for them; a group without questions is left out."""
    rows_of: dict[str, set[int]] = {(question.context or "").strip(): set() for question in questions}
    for row, text in enumerate(collection.texts):
        if text in rows_of:
            rows_of[text].add(row)
    found: dict[str, list[Asked]] = {"own paragraph": [], "paragraph that holds an answer string": []}
    own, answer = found.values()
    for question in questions:
        rows = rows_of[(question.context or "").strip()]
        if rows:
            own.append(Asked(question.text, rows.__contains__))
        else:
            answer.append(Asked(question.text, cache(partial(_holds_answer, collection.texts, question.answers))))
    return {right: asked for right, asked in found.items() if asked}


def print_table(collection: Collection, asked: Sequence[Asked], weights: Sequence[float]) -> None:
    """Print one row for each scoring, as it is measured, and the best cell of each kind."""
    print(f"| paragraph and document scores | {' | '.join(f'w = {weight:g}' for weight in weights)} |")
    print(f"|---|{'---|' * len(weights)}")
    best: dict[str, tuple[float, str, float]] = {}
    for name, score in scorings(collection, [question.text for question in asked]):
        shares = accuracy(score, asked, weights)
        cells = (" / ".join(f"{share:.1f}" for share in row) for row in shares)
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        first = int(np.argmax(shares[:, 0]))
        kind = name.split()[0]
        best[kind] = max(best.get(kind, (-1.0, "", 0.0)), (shares[first, 0], name, weights[first]))
    print()
    for share, name, weight in best.values():
        print(f"best top-1: {share:.2f} with {name}, w = {weight:g}")


def scorings(collection: Collection, questions: Sequence[str]) -> Iterator[tuple[str, Score]]:
    """Yield every way to score with its name: the parameters of BM25, then the kinds of tf-idf."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "terms.h5"
        title_of = (collection.titles[row] for row in collection.paragraph_document)
        paragraphs = zip(collection.paragraph_document.tolist(), title_of, collection.texts, strict=True)
        write_term_index(path, paragraphs, Analyser())
        shipped = f"{_named(PARAGRAPH_BM25)}, documents {_named(DOCUMENT_BM25)}"
        yield f"BM25 as shipped: paragraphs {shipped}", _bm25(path, PARAGRAPH_BM25, DOCUMENT_BM25)
        for bm25 in (bm25 for bm25 in PARAGRAPH_GRID if bm25 != PARAGRAPH_BM25):
            yield f"BM25 paragraphs {_named(bm25)}", _bm25(path, bm25, DOCUMENT_BM25)
        for bm25 in (bm25 for bm25 in DOCUMENT_GRID if bm25 != DOCUMENT_BM25):
            yield f"BM25 documents {_named(bm25)}", _bm25(path, PARAGRAPH_BM25, bm25)
    counts = TfIdfCounts(collection.titles, collection.texts, collection.paragraph_document, questions)
    yield "tf-idf, idf of documents (DrQA, DenSPI)", TfIdf(counts).score
    yield "tf-idf, idf of paragraphs for paragraphs", TfIdf(counts, paragraph_idf=True).score


def accuracy(score: Score, asked: Sequence[Asked], weights: Sequence[float]) -> NDArray[np.float64]:
    """Return the percentage of questions with a right paragraph in the first ones: [weights, CUTS]."""
    hits = np.zeros((len(weights), len(CUTS)), np.int64)
    for question in asked:
        scores = score(question.text)
        for row, weight in enumerate(weights):
            top = scores.top(max(CUTS), 1.0, weight).tolist()
            rank = next((rank for rank, paragraph in enumerate(top) if question.is_right(paragraph)), max(CUTS))
            hits[row] += rank < np.array(CUTS)
    return 100 * hits / len(asked)


def _named(bm25: BM25) -> str:
    return f"k1={bm25.k1:g} b={bm25.b:g}"


def _bm25(path: Path, paragraph: BM25, document: BM25) -> Score:
    index = TermIndex.open(path, paragraph, document)
    return lambda question: score_terms(index, index.analyser.terms(question))


def _holds_answer(texts: Sequence[str], answers: Sequence[str], row: int) -> bool:
    return has_answer(texts[row], answers)


if __name__ == "__main__":
    main()
