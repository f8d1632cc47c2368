"""Measure retrieved passages: DPR's top-k accuracy, MRR@10, recall and nDCG by judgements, seconds per question.

INDEX is a passage index, or a phrase index that is asked for paragraphs.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

from densephrase.cli.arguments import add_device, add_json, add_runtime, positive
from densephrase.cli.output import follow, write_json, write_table
from densephrase.cli.retrieve.search import add_passage_search, open_index
from densephrase.cli.usage import UsageError
from densephrase.errors import QuestionError, SearchError
from densephrase.retrieve.retriever import RankedUnit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve evaluate`."""
    parser.add_argument("index", metavar="INDEX", help="folder of a passage index, or of a phrase index")
    parser.add_argument(
        "questions",
        metavar="QUESTIONS",
        help="questions as for `evaluate`, or a folder, queries or judgements in the form of BEIR",
    )
    add_passage_search(parser, top_k=100)
    parser.add_argument(
        "--judgements",
        metavar="FILE",
        help="which passages or documents are relevant, in TREC's form (qrels) or BEIR's; gives recall and nDCG, which "
        "need pip install 'densephrase[evaluation]'",
    )
    parser.add_argument(
        "--judged",
        choices=get_args(RankedUnit),
        default="document",
        help="what judgements and run name: documents, by their best passage, or passages (default: document)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="ask a random sample of N questions")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: 0)")
    parser.add_argument("--batch", type=positive, metavar="N", help="ask N questions at once (default: one by one)")
    parser.add_argument("--threads", type=positive, metavar="N", help="threads of torch and numba (default: torch's)")
    parser.add_argument("--run", metavar="FILE", help="write the ranking of each question as a run in TREC's form")
    parser.add_argument("--predictions", metavar="FILE", help="write each question's passages and ranks as JSON lines")
    add_device(parser)
    add_runtime(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Evaluate and print the figures; with `--json`, as one object."""
    from densephrase.corpus.questions.reader import read_questions
    from densephrase.evaluation.environment import use_threads, versions
    from densephrase.evaluation.ranked import sample_questions
    from densephrase.evaluation.retrieval.evaluate import RetrievalEvaluation, measure_retrieval
    from densephrase.evaluation.retrieval.judgements import read_judgements

    questions = sample_questions(read_questions(options.questions), options.limit, options.seed)
    if not questions:
        raise QuestionError(f"{options.questions} holds no questions to ask.")
    place = _judgements(options)
    judgements = None if place is None else read_judgements(place)
    try:
        threads = use_threads(options.threads)
    except SearchError as error:
        raise UsageError(str(error)) from error
    wanted = RetrievalEvaluation(
        top_k=options.top_k,
        batch=options.batch,
        judgements=judgements,
        unit=options.judged,
        run=options.run,
        predictions=options.predictions,
    )
    began = perf_counter()
    with open_index(options) as opened:
        watch = partial(follow, total=len(questions), what="questions")
        figures = measure_retrieval(opened.retriever, questions, wanted, watch)
        figures |= {"search": opened.search, "runtime": opened.runtime, "index": opened.facts}
    figures |= {"seconds": perf_counter() - began, "threads": threads, "device": options.device}
    figures |= {"limit": options.limit, "seed": options.seed, "versions": versions()}
    if options.json:
        write_json(figures)
    else:
        write_table(_rows(figures))
    return 0


def _judgements(options: argparse.Namespace) -> str | None:
    """Return where judgements are: where they are said to be, or in BEIR's file that chooses the questions."""
    given: str | None = options.judgements
    path = Path(options.questions)
    is_beir = path.name.removesuffix(".gz").endswith(".tsv") and path.parent.name == "qrels"
    return options.questions if given is None and is_beir else given


def _rows(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the figures for people, shares in percent."""
    rows = [("questions", str(figures["questions"])), ("with passages", f"{100 * figures['with_results']:.2f}")]
    for cutoff, share in (figures["top_k_accuracy"] or {}).items():
        rows.append((f"answer in the first {cutoff} passages", f"{100 * share:.2f}"))
    for cutoff, value in (figures["answer_mrr"] or {}).items():
        rows.append((f"MRR@{cutoff} of the first with an answer", f"{100 * value:.2f}"))
    for name, part in (("of the gold passage", figures["gold"]), ("by judgements", figures["judged"])):
        for cutoff, value in (part or {}).get("mrr", {}).items():
            rows.append((f"MRR@{cutoff} {name}, {part['questions']} questions", f"{100 * value:.2f}"))
    for cutoff, value in (figures["judged"] or {}).get("recall", {}).items():
        rows.append((f"recall@{cutoff}", f"{100 * value:.2f}"))
    for cutoff, value in (figures["judged"] or {}).get("ndcg", {}).items():
        rows.append((f"nDCG@{cutoff}", f"{100 * value:.2f}"))
    for name, seconds in figures["seconds_per_question"].items():
        if seconds is not None:
            rows.append((f"ms per question, {name}", f"{1000 * seconds:.1f}"))
    return [*rows, ("questions encoded by", figures["runtime"] or "nothing"), ("threads", str(figures["threads"]))]
