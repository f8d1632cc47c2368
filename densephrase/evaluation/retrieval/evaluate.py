"""Evaluation of a retriever: questions asked and timed, figures, and the files that are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from densephrase.data import Passage, Question
from densephrase.errors import EvaluationError
from densephrase.evaluation.ranked import WARM_UP, ask_one_by_one
from densephrase.evaluation.retrieval.judged_measures import check_measurable
from densephrase.evaluation.retrieval.judgements import Judgements
from densephrase.evaluation.retrieval.passage_result import PassageResult
from densephrase.evaluation.retrieval.passage_summary import PassageSummary
from densephrase.evaluation.retrieval.runs import ranking_of, run_rows
from densephrase.retrieve.retriever import RankedUnit, Retriever
from densephrase.storage.atomic_file import publish, temporary_path


@dataclass(frozen=True, slots=True)
class RetrievalEvaluation:
    """What is evaluated of a retriever, and what is written down.

    `top_k` passages are asked for; `batch` questions at once, None for one by one. `judgements` give recall and nDCG;
    `unit` is what they and the run name, passages or documents. `run` is a file in TREC's form with `tag` in its rows,
    `predictions` one of JSON lines (`PassageResult.to_dict`); None for none.
    """

    top_k: int = 100
    batch: int | None = None
    judgements: Judgements | None = None
    unit: RankedUnit = "passage"
    run: str | Path | None = None
    predictions: str | Path | None = None
    tag: str = "densephrase"


def measure_retrieval(
    retriever: Retriever,
    questions: Sequence[Question],
    options: RetrievalEvaluation,
    watch: Callable[[Iterator[PassageResult]], Iterable[PassageResult]] = iter,
) -> dict[str, Any]:
    """Ask all questions, write the files of the options, and return the figures of `PassageSummary.to_dict`.

    watch: lets results through one by one, as a progress bar does.

    Raises:
        EvaluationError: before anything is asked, if two questions have one id and a run or judgements need it, or no
            question is judged.
        MissingExtraError: before anything is asked, if judgements are given and ir-measures is not installed.
    """
    if options.run is not None or options.judgements is not None:
        _check_ids(questions)
    if options.judgements is not None:
        check_measurable([question.id for question in questions], options.judgements)
    summary = PassageSummary(options.top_k, options.judgements, options.unit)
    with ExitStack() as stack:
        run, predictions = (_open(stack, path) for path in (options.run, options.predictions))
        for result in watch(evaluate_retrieval(retriever, questions, options.top_k, options.batch)):
            summary.add(result)
            if run is not None:
                run.writelines(run_rows(result.question.id, ranking_of(result.passages, options.unit), options.tag))
            if predictions is not None:
                predictions.write(json.dumps(result.to_dict(), ensure_ascii=False) + "\n")
    return summary.to_dict(options.batch)


def evaluate_retrieval(
    retriever: Retriever, questions: Sequence[Question], top_k: int, batch: int | None = None
) -> Iterator[PassageResult]:
    """Yield the result of each question; the first few are asked once before, without being timed.

    batch: how many questions are asked at once; each then has its share of the seconds. None: one by one.

    Raises:
        EvaluationError: if a batch would be empty.
    """
    if batch is not None and batch < 1:
        raise EvaluationError(f"A batch of {batch} questions was asked for; expected at least 1.")
    if batch is None:
        timed = ask_one_by_one(lambda text: retriever.search([text], top_k)[0], questions)
    else:
        timed = _ask_in_batches(retriever, questions, top_k, batch)
    for question, passages, seconds in timed:
        yield PassageResult.of(question, passages, seconds)


def _ask_in_batches(
    retriever: Retriever, questions: Sequence[Question], top_k: int, batch: int
) -> Iterator[tuple[Question, list[Passage], float]]:
    texts = [question.text for question in questions]
    retriever.search(texts[: min(batch, WARM_UP)], top_k)
    for first in range(0, len(texts), batch):
        asked = texts[first : first + batch]
        began = perf_counter()
        found = retriever.search(asked, top_k)
        seconds = (perf_counter() - began) / len(asked)
        for question, passages in zip(questions[first : first + batch], found, strict=True):
            yield question, passages, seconds


def _check_ids(questions: Sequence[Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            raise EvaluationError(
                f"Two questions have the id {question.id!r}; runs and judgements need one id for each question."
            )
        seen.add(question.id)


def _open(stack: ExitStack, path: str | Path | None) -> TextIO | None:
    return None if path is None else stack.enter_context(_written(Path(path)))


@contextmanager
def _written(path: Path) -> Iterator[TextIO]:
    """Yield a file that gets its name at the end; if anything fails before, one that was there stays."""
    temporary = temporary_path(path)
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        publish(path)
    finally:
        temporary.unlink(missing_ok=True)
