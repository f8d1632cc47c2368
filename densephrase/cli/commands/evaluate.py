"""Measure answers against references: exact match and F1 of SQuAD, DPR's top-k accuracy, seconds per question.

Over an index each question is asked twice: for phrases, which is timed, and for paragraphs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from densephrase.cli.arguments import (
    add_device,
    add_json,
    add_question_encoder,
    add_runtime,
    add_search,
    positive,
    search_options,
)
from densephrase.cli.output import follow, note, write_json, write_table
from densephrase.cli.usage import UsageError
from densephrase.data import Question
from densephrase.errors import QuestionError, SearchError

if TYPE_CHECKING:
    from densephrase.evaluation.result import Result
    from densephrase.phrase_index import PhraseIndex


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `evaluate`."""
    parser.add_argument("index", metavar="INDEX", nargs="?", help="folder of the index; left out with --closed")
    parser.add_argument(
        "questions", metavar="QUESTIONS", help="SQuAD json, JSON lines, TriviaQA or question-tab-list; .gz of each"
    )
    parser.add_argument(
        "--closed", action="store_true", help="ask each question of its own paragraph, without an index"
    )
    add_question_encoder(parser, "that of the index; with --closed, the bundled one, and any encoder will do")
    parser.add_argument("--limit", type=positive, metavar="N", help="ask a random sample of N questions")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: 0)")
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of torch and numba (default: torch's)")
    parser.add_argument("--predictions", metavar="FILE", help="write each question's answers and scores as JSON lines")
    add_search(parser, top_k=10)
    add_device(parser)
    add_runtime(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print the figures; with `--json`, as one object."""
    _check(options)
    from densephrase.corpus.questions.reader import read_questions
    from densephrase.evaluation.environment import use_threads, versions
    from densephrase.evaluation.ranked import sample_questions

    questions = sample_questions(read_questions(options.questions), options.limit, options.seed)
    if not questions:
        raise QuestionError(f"{options.questions} holds no questions to ask.")
    unanswerable = sum(not question.answers for question in questions)
    if unanswerable:
        note(
            f"{unanswerable} of {len(questions)} questions have no reference answer; only no answer is right for them "
            "(--min-confidence)."
            + (" Data sets of retrieval, such as BEIR, have none." if unanswerable == len(questions) else "")
        )
    try:
        threads = use_threads(options.threads)
    except SearchError as error:
        raise UsageError(str(error)) from error
    began = perf_counter()
    figures = _closed(options, questions) if options.closed else _open(options, questions)
    figures |= {"seconds": perf_counter() - began, "threads": threads, "device": options.device}
    figures |= {"limit": options.limit, "seed": options.seed, "versions": versions()}
    if options.json:
        write_json(figures)
    else:
        write_table(_rows(figures))
    return 0


def _check(options: argparse.Namespace) -> None:
    if options.closed and options.index is not None:
        raise UsageError(f"--closed takes one file of questions, no index; found {options.index} {options.questions}")
    if not options.closed and options.index is None:
        raise UsageError("expected INDEX and QUESTIONS, or --closed and QUESTIONS")
    searches = search_options(options).keys() - {"top_k", "min_confidence"}  # top_k has a default
    if options.closed and searches:
        raise UsageError("--closed does not search: --strategy, --no-sparc and weights of terms do not apply")
    if options.closed and options.runtime != "auto":
        raise UsageError("--closed encodes paragraphs too, which only torch does: --runtime does not apply")


def _closed(options: argparse.Namespace, questions: Sequence[Question]) -> dict[str, Any]:
    """Evaluate each question over its own paragraph."""
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
    from densephrase.evaluation.closed import evaluate_closed

    encoder = PhraseEncoder.from_pretrained(options.encoder or "default", device=options.device)
    began = perf_counter()
    results = evaluate_closed(encoder, questions, options.min_confidence)
    figures = _count(results, len(questions), None, options.predictions)
    # Answered in batches, so there is a mean and no distribution.
    figures["seconds_per_question"]["mean"] = (perf_counter() - began) / len(questions)
    figures["runtime"] = f"{encoder.runtime} float32"
    return {"mode": "closed", **figures, "min_confidence": options.min_confidence}


def _open(options: argparse.Namespace, questions: Sequence[Question]) -> dict[str, Any]:
    """Evaluate a search of each question over an index."""
    from densephrase.evaluation.ranked import evaluate_search
    from densephrase.phrase_index import PhraseIndex

    chosen = search_options(options)
    with PhraseIndex.open(options.index, options.device, options.encoder, options.runtime) as index:
        results = evaluate_search(
            lambda question: index.search(question, **chosen),
            questions,
            lambda question: index.search(question, unit="paragraph", **chosen),
        )
        figures = _count(results, len(questions), options.top_k, options.predictions)
        figures |= {"search": _search_used(index, chosen), "encoder": index.encoder.fingerprint}
        figures["runtime"] = index.encoder.runtime
        return {"mode": "open", **figures, "index": index.info()}


def _search_used(index: PhraseIndex, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return all search options, with the encoder's own values where none were given."""
    from densephrase.search.plan.options import SearchOptions

    used = asdict(SearchOptions(**chosen))
    config = index.encoder.config
    return {name: getattr(config, name, None) if value is None else value for name, value in used.items()}


def _count(results: Iterable[Result], total: int, top_k: int | None, predictions: str | None) -> dict[str, Any]:
    """Sum up results as they come and write them down where that is asked for."""
    from densephrase.evaluation.summary import Summary

    summary = Summary(top_k)
    with ExitStack() as stack:
        file = None if predictions is None else stack.enter_context(Path(predictions).open("w", encoding="utf-8"))
        for result in follow(results, total, "questions"):
            summary.add(result)
            if file is not None:
                file.write(json.dumps(result.to_dict(), ensure_ascii=False) + "\n")
    return summary.to_dict()


def _rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the figures for people, shares in percent."""
    rows = [
        ("questions", str(figures["questions"])),
        ("exact match", f"{figures['em']:.2f}"),
        ("F1", f"{figures['f1']:.2f}"),
    ]
    rows.append(("answered", f"{100 * figures['answered']:.2f}"))
    if figures["has_answer"] is not None and figures["has_answer"]["questions"]:
        rows.append(("exact match where there is an answer", f"{figures['has_answer']['em']:.2f}"))
        rows.append(("F1 where there is an answer", f"{figures['has_answer']['f1']:.2f}"))
    if figures["no_answer"] is not None:
        rows.append(("not answered where there is no answer", f"{figures['no_answer']['em']:.2f}"))
    for cutoff, percent in (figures["em_top_k"] or {}).items():
        rows.append((f"exact match in the first {cutoff}", f"{percent:.2f}"))
    for cutoff, share in (figures["top_k_accuracy"] or {}).items():
        rows.append((f"answer in the paragraphs of the first {cutoff} answers", f"{100 * share:.2f}"))
    if figures["paragraphs_of_answers"] is not None:
        rows.append(("paragraphs of all answers to a question", f"{figures['paragraphs_of_answers']:.2f}"))
    for cutoff, share in (figures["paragraph_top_k_accuracy"] or {}).items():
        rows.append((f"answer in the first {cutoff} paragraphs", f"{100 * share:.2f}"))
    if figures["paragraph_accuracy"] is not None:
        rows.append(("right paragraph first", f"{100 * figures['paragraph_accuracy']:.2f}"))
    for name, seconds in figures["seconds_per_question"].items():
        if seconds is not None:
            rows.append((f"ms per question, {name}", f"{1000 * seconds:.1f}"))
    return [*rows, ("questions encoded by", figures["runtime"]), ("threads", str(figures["threads"]))]
