"""The weight of BM25 beside an encoder's scores: chosen by the gold passages of questions that trained neither."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from densephrase.corpus.files.articles import plain_title
from densephrase.data import Question
from densephrase.errors import QuestionError
from densephrase.evaluation.gold_place import gold_places, knows_gold_place, overlaps
from densephrase.retrieve.fusion import FusionCandidates, WeightFigures, measure_weights, spread_weights
from densephrase.retrieve.options import PassageOptions
from densephrase.retrieve.passage_searcher import PassageSearcher


def measure_term_weights(
    searcher: PassageSearcher,
    questions: Sequence[Question],
    k: int = 20,
    excluded_titles: Collection[str] = (),
) -> list[WeightFigures]:
    """Return how well each of some weights ranks the gold passages of questions among the first k.

    The questions must be about articles that the encoder was not trained on, or its scores look better than they are.
    Documents of `excluded_titles`, whose questions are kept for evaluation, are no candidates.

    Raises QuestionError where no question says in which passage its answer was marked, and where none of these passages
    is found, since all weights are then equal.
    """
    known = [question for question in questions if knows_gold_place(question)]
    if not known:
        raise QuestionError(
            f"None of {len(questions)} questions has a context or a document with the answer's offset: a weight is "
            "chosen by the passages that questions were asked of."
        )
    found = searcher.candidates([question.text for question in known], PassageOptions(top_k=k))
    candidates, relevant = [], []
    for question, proposed in zip(known, found, strict=True):
        titles, gold = _judge(searcher, question, proposed.rows)
        kept = np.array([title not in excluded_titles for title in titles], bool)
        candidates.append(_only(proposed, kept))
        relevant.append(gold[kept])
    if not any(gold.any() for gold in relevant):
        raise QuestionError(
            f"Neither terms nor vectors find any of the passages in which the answers of {len(known)} questions were "
            "marked: no weight is better than another. Give questions about documents that the index holds and that "
            "are not left out."
        )
    return measure_weights(candidates, relevant, spread_weights(candidates), k)


def _judge(
    searcher: PassageSearcher, question: Question, rows: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.bool_]]:
    """Return the titles of passages, and which of them are where the question's answer was marked."""
    titles, gold, places = [], [], dict[str, list[tuple[int, int]]]()
    for row in rows.tolist():
        passage = searcher.passage(row)
        document = passage.document
        if document.id not in places:
            places[document.id] = gold_places(question, document)
        titles.append(plain_title(document.title))
        gold.append(overlaps(places[document.id], passage.start, passage.end))
    return titles, np.array(gold, bool)


def _only(candidates: FusionCandidates, kept: NDArray[np.bool_]) -> FusionCandidates:
    rows = candidates.rows[kept]
    sides = (side[np.isin(side, rows)] for side in (candidates.by_dense, candidates.by_bm25))
    return FusionCandidates(rows, candidates.dense[kept], candidates.bm25[kept], *sides)
