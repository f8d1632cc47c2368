"""Calibration of confidences, risk against coverage, and unanswerable questions of SQuAD v2.0.

    python -m benchmarks abstention INDEX --squad-dev FILE --squad2-dev FILE [--encoder FOLDER] [--limit N]
        [--min-confidence X] [--plot FILE]

Over INDEX, hybrid search answers the questions of SQuAD v1.1 dev as they are, and again without the articles they were
written for. Most of dev's questions have three references or more; those of train, which the confidence is fitted to,
have one: the row "first reference only" judges the same answers as train's were judged. Closed, SQuAD v2.0 dev is
scored with every answer given, and with those withheld whose confidence is less than X: 0.5, and what
`densephrase calibrate` found best on held-out training articles, never on dev. `--encoder` names an encoder with a
fitted confidence for an index that was built with the same weights before they were fitted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from benchmarks.common.plots import new_figure
from densephrase.confidence.measures import (
    area_under_risk,
    brier_score,
    calibration_by_rank,
    calibration_error,
    risk_coverage,
)
from densephrase.confidence.model import RIVALS
from densephrase.corpus.files.articles import plain_title
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Answer, Question
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.evaluation.closed import evaluate_closed
from densephrase.evaluation.excluded_articles import documents_by_title
from densephrase.evaluation.ranked import sample_questions
from densephrase.evaluation.result import Result, score_span
from densephrase.evaluation.summary import Summary
from densephrase.index.index_reader import IndexReader
from densephrase.metrics import exact_match_and_f1
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher

COVERAGES = tuple(number / 10 for number in range(1, 11))


def risk_at(confidence: ArrayLike, right: ArrayLike, coverages: Sequence[float]) -> list[float]:
    """Return the risk at each coverage in (0, 1], for the smallest number of answers that reaches it."""
    _, risks = risk_coverage(confidence, right)
    return [float(risks[int(np.ceil(coverage * len(risks) - 1e-9)) - 1]) for coverage in coverages]


@dataclass(frozen=True, slots=True)
class Answers:
    """The best answers to some questions: confidence and score of each, and whether it is right.

    `ranked` are the confidences in the answers to each question, best first, and whether they are right.
    """

    name: str
    confidence: list[float]
    score: list[float]
    right: list[bool]
    ranked: list[list[tuple[float, bool]]] = field(default_factory=list)

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            f"{self.name} and {other.name}",
            self.confidence + other.confidence,
            self.score + other.score,
            self.right + other.right,
            self.ranked + other.ranked,
        )


def main() -> None:
    """Search, evaluate, print the tables."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    reader = IndexReader.open(options.index)
    encoder = PhraseEncoder.from_pretrained(options.encoder or reader.checked_encoder())
    questions = sample_questions(read_questions(options.squad_dev), options.limit, options.seed)
    asked, first, robbed = search_all(Searcher(reader, encoder), questions, documents_by_title(reader))
    groups = [asked, first, robbed, asked + robbed]
    print(f"Open: {options.index}, hybrid search, {len(questions):,} questions (seed {options.seed})\n")
    print("\n".join([*_calibration_table(groups), "", *_rank_table(groups), "", *_risk_table(groups)]), flush=True)
    if options.plot:
        plot(groups, Path(options.plot))
    closed = sample_questions(read_questions(options.squad2_dev), options.limit, options.seed)
    results = list(evaluate_closed(encoder, closed, 0.0))
    print(f"\nClosed: SQuAD v2.0 dev, {len(closed):,} questions\n")
    print("\n".join(_squad2_table(results, [None, *sorted({0.5, *options.min_confidence})])))
    print("\n" + "\n".join(_calibration_table([_closed_answers(results)])))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("--squad-dev", required=True)
    parser.add_argument("--squad2-dev", required=True)
    parser.add_argument("--encoder", help="an encoder with a fitted confidence (default: that of the index)")
    parser.add_argument("--limit", type=int, help="questions of each file, a random sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--min-confidence", type=float, nargs="+", default=[], help="for SQuAD v2.0, besides 0.5")
    parser.add_argument("--plot", metavar="FILE", help="draw the risk over the coverage (png, svg or pdf)")
    return parser.parse_args()


def search_all(
    searcher: Searcher, questions: Sequence[Question], documents: dict[str, list[str]]
) -> tuple[Answers, Answers, Answers]:
    """Return the answers: as asked, the same judged by first references, and without the questions' documents."""
    asked, first, robbed = (
        Answers(name, [], [], []) for name in ("as asked", "as asked, first reference only", "own article left out")
    )
    for question in questions:
        found = searcher.search([question.text], SearchOptions(top_k=RIVALS))[0]
        _add(asked, found, question.answers)
        _add(first, found, question.answers[:1])
        own = documents.get(plain_title(question.title), [])
        found = searcher.search([question.text], SearchOptions(top_k=RIVALS, exclude_documents=own))[0]
        _add(robbed, found, question.answers)
    return asked, first, robbed


def _add(answers: Answers, found: Sequence[Answer], references: Sequence[str]) -> None:
    """Add the answers to one question."""
    ranked = []
    for answer in found:
        if answer.confidence is None:
            raise SystemExit("The encoder has no confidence for open search; fit one with 'densephrase calibrate'.")
        ranked.append((answer.confidence, exact_match_and_f1(answer.text, references)[0]))
    if ranked:
        confidence, right = ranked[0]
        answers.confidence.append(confidence)
        answers.score.append(found[0].score)
        answers.right.append(right)
        answers.ranked.append(ranked)


def _closed_answers(results: Sequence[Result]) -> Answers:
    given = [result for result in results if result.answers]
    return Answers(
        "closed, SQuAD v2.0 dev",
        [result.answers[0]["confidence"] for result in given],
        [result.answers[0]["score"] for result in given],
        [result.exact_match for result in given],
    )


def _calibration_table(groups: Sequence[Answers]) -> list[str]:
    """Return a row for each group; the mean risk over all coverages is given for three ways to rank the answers."""
    lines = [
        "| questions | answers | right | mean confidence | calibration error (15 equal bins) | Brier score "
        "| mean risk, by confidence | by score alone | by an oracle |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for group in groups:
        count = len(group.right)
        rankings = (area_under_risk(order, group.right) for order in (group.confidence, group.score, group.right))
        lines.append(
            f"| {group.name} | {count:,} | {sum(group.right) / count:.1%} | {sum(group.confidence) / count:.1%} "
            f"| {calibration_error(group.confidence, group.right):.4f} "
            f"| {brier_score(group.confidence, group.right):.4f} | "
            + " | ".join(f"{risk:.4f}" for risk in rankings)
            + " |"
        )
    return lines


def _rank_table(groups: Sequence[Answers]) -> list[str]:
    """Return for each rank the share of right answers, the mean confidence and the calibration error of each group."""
    lines = [
        "| right, mean confidence, calibration error of answer | " + " | ".join(group.name for group in groups) + " |",
        "|---" * (len(groups) + 1) + "|",
    ]
    for rows in zip(*(calibration_by_rank(group.ranked) for group in groups), strict=False):
        cells = (f"{row['right']:.2%}, {row['mean_confidence']:.2%}, {row['calibration_error']:.4f}" for row in rows)
        lines.append(f"| {rows[0]['rank']} | " + " | ".join(cells) + " |")
    for name, count in (
        ("mean sum of a question's confidences", lambda ranked: sum(confidence for confidence, _ in ranked)),
        ("right answers to a question", lambda ranked: sum(right for _, right in ranked)),
    ):
        means = (sum(map(count, group.ranked)) / len(group.ranked) for group in groups)
        lines.append(f"| {name} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
    return lines


def _risk_table(groups: Sequence[Answers]) -> list[str]:
    """Return the share of wrong answers among the most confident ones, for each share that is given."""
    lines = [
        "| wrong answers when this share is given | " + " | ".join(f"{coverage:.0%}" for coverage in COVERAGES) + " |",
        "|---" * (len(COVERAGES) + 1) + "|",
    ]
    for group in groups:
        risks = risk_at(group.confidence, group.right, COVERAGES)
        lines.append(f"| {group.name} | " + " | ".join(f"{risk:.1%}" for risk in risks) + " |")
    return lines


def _squad2_table(results: Sequence[Result], thresholds: Sequence[float | None]) -> list[str]:
    lines = [
        "| least confidence | EM | F1 | EM, has answer | F1, has answer | no answer: withheld | answered |",
        "|---|---|---|---|---|---|---|",
    ]
    for least in thresholds:
        figures = squad2_figures(results, least or 0.0)
        has, none = figures["has_answer"] or figures, figures["no_answer"] or {"em": float("nan")}
        cells = (figures["em"], figures["f1"], has["em"], has["f1"], none["em"], 100 * figures["answered"])
        lines.append(
            f"| {'none' if least is None else f'{least:.3f}'} | " + " | ".join(f"{x:.1f}" for x in cells) + " |"
        )
    return lines


def squad2_figures(results: Sequence[Result], least: float) -> dict[str, Any]:
    """Return the summary of results whose answers are withheld below a confidence."""
    summary = Summary(None)
    for result in results:
        given = result.answers and result.answers[0]["confidence"] >= least
        summary.add(score_span(result.question, result.answers[0] if given else None))
    return summary.to_dict()


def plot(groups: Sequence[Answers], file: Path) -> None:
    """Draw risk over coverage, a line for each group."""
    figure = new_figure((6, 4))
    axes = figure.subplots()
    for group in groups:
        axes.plot(*risk_coverage(group.confidence, group.right), label=group.name)
    axes.set(xlabel="coverage: share of questions that get an answer", ylabel="risk: share of wrong ones among these")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file)


if __name__ == "__main__":
    main()
