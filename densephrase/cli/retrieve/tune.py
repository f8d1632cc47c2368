"""Choose the weight of BM25 in hybrid search of a passage index, by questions that its encoder was not trained on.

The weight is written to the index, and is what `retrieve ask` and `retrieve evaluate` use where none is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from densephrase.cli.arguments import (
    add_device,
    add_excluded_articles,
    add_json,
    excluded_titles,
    none_or_more,
    positive,
)
from densephrase.cli.output import note, write_json, write_table
from densephrase.errors import QuestionError, SearchError

if TYPE_CHECKING:
    from densephrase.data import Question


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve tune`."""
    parser.add_argument("index", metavar="INDEX", help="folder of a passage index with vectors")
    parser.add_argument(
        "questions", metavar="QUESTIONS", nargs="+", help="the encoder's training questions, or others with contexts"
    )
    parser.add_argument(
        "--held-out",
        type=none_or_more,
        metavar="N",
        help="ask only about the N articles kept out of the encoder's training; 0: about all (default: as many as its "
        "configuration says, else 0)",
    )
    parser.add_argument("--limit", type=positive, default=2000, metavar="N", help="questions asked (default: 2000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of their sample (default: 0)")
    parser.add_argument(
        "--first", type=positive, default=20, metavar="K", help="passages that count as found (default: 20)"
    )
    add_excluded_articles(parser)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Choose the weight, write it to the index, and print what each weight gives; with `--json`, as one object."""
    from densephrase.corpus.questions.reader import read_questions
    from densephrase.evaluation.ranked import sample_questions
    from densephrase.passage_index import PassageIndex
    from densephrase.retrieve.fusion import best_weight
    from densephrase.training.retriever.term_weight import measure_term_weights

    questions = [question for path in options.questions for question in read_questions(path)]
    titles = excluded_titles(options)
    with PassageIndex.open(options.index, options.device) as index:
        if index.encoder is None:
            raise SearchError(f"{options.index} holds no vectors: there is nothing to weigh BM25 against.")
        chosen = _held_out(questions, options.held_out, index.encoder.config.training)
        asked = sample_questions(chosen, options.limit, options.seed)
        figures = measure_term_weights(index.searcher, asked, options.first, titles)
        weight = best_weight(figures)
        index.reader.manifest.with_term_weight(weight).save(index.path)
    report = {
        "index": options.index,
        "questions": len(asked),
        "first": options.first,
        "term_weight": weight,
        "weights": list(map(asdict, figures)),
    }
    if options.json:
        write_json(report)
    else:
        write_table(_rows(report))
    return 0


def _held_out(questions: Sequence[Question], articles: int | None, trained: dict[str, Any]) -> Sequence[Question]:
    """Return the questions about articles that the encoder has not seen."""
    from densephrase.training.data.holdout import held_out_articles, split_by_title

    if articles is None:
        articles = held_out_articles(trained) or 0
    if not articles:
        note("The weight is chosen by all questions. If the encoder was trained on some, its scores look too good.")
        return questions
    chosen = split_by_title(questions, articles)[1]
    if not chosen:
        raise QuestionError(
            f"No question is about the {articles} articles kept out of training; give the training questions, or "
            "--held-out 0."
        )
    return chosen


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("questions", str(report["questions"])), ("weight of BM25", f"{report['term_weight']:.4g}")]
    for found in report["weights"]:
        name = f"weight {found['term_weight']:.4g}"
        share, rank = 100 * found["accuracy"], 100 * found["reciprocal_rank"]
        rows.append((name, f"gold passage in the first {report['first']}: {share:.2f}, MRR: {rank:.2f}"))
    return rows
