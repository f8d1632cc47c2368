"""Fit the probability that an answer is right, on questions whose articles the encoder was not trained on."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from densephrase.cli.arguments import add_device, add_excluded_articles, add_json, excluded_titles, positive
from densephrase.cli.output import follow, note, write_json, write_table
from densephrase.cli.usage import check_outside_index
from densephrase.data import Question
from densephrase.errors import QuestionError

if TYPE_CHECKING:
    from densephrase.confidence.fit import Judged
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
    from densephrase.index.index_reader import IndexReader

_HELD_OUT = 40  # articles, as in `train`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `calibrate`."""
    parser.add_argument("index", metavar="INDEX", help="folder of an index that holds the questions' articles")
    parser.add_argument(
        "questions", metavar="QUESTIONS", help="the training questions: SQuAD json or JSON lines with titles, contexts"
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--output", metavar="FOLDER", help="folder for the index's encoder with the fitted confidence")
    target.add_argument("--renew", action="store_true", help="give the fitted confidence to the index's own encoder")
    parser.add_argument(
        "--held-out",
        type=positive,
        metavar="N",
        help="articles kept out of the encoder's training (default: as many as its configuration says, else 40)",
    )
    parser.add_argument(
        "--unseen", type=positive, default=10, metavar="N", help="of these, articles to report on (default: 10)"
    )
    parser.add_argument(
        "--open-unanswerable",
        type=_share,
        default=0.25,
        metavar="X",
        help="share of questions without an answer that search of an index should expect (default: 0.25)",
    )
    parser.add_argument(
        "--closed-unanswerable",
        type=_share,
        metavar="X",
        help="the same where a paragraph is given (default: as many as there are when each question is also asked of "
        "another paragraph of its article, about a half)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="use a random sample of N questions")
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample (default: 0)")
    add_excluded_articles(parser)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Fit both confidences, write the encoder, and print how they do on articles that the fit has not seen."""
    from densephrase.confidence.report import fit_and_report
    from densephrase.encoder.files.location import fingerprint_of
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
    from densephrase.evaluation.excluded_articles import documents_of
    from densephrase.index.format.own_encoder import check_renewable
    from densephrase.index.index_reader import IndexReader

    if options.output is not None:
        check_outside_index(options.output, options.index)
    reader = IndexReader.open(options.index)
    folder = reader.checked_encoder()
    if options.renew:
        check_renewable(reader.path, reader.manifest.encoder)
    encoder = PhraseEncoder.from_pretrained(folder, device=options.device)
    titles = excluded_titles(options)
    fitted, unseen = _questions(options, reader, encoder.config.training, titles)
    excluded = documents_of(reader, titles)
    judged = {
        "open": (_judge_open(reader, encoder, fitted, excluded), _judge_open(reader, encoder, unseen, excluded)),
        "closed": (_judge_closed(encoder, fitted), _judge_closed(encoder, unseen)),
    }
    closed_share = options.closed_unanswerable
    if closed_share is None:
        closed_share = sum(not answer.answerable for answer in judged["closed"][0]) / len(judged["closed"][0])
    shares = {"open": options.open_unanswerable, "closed": closed_share}
    models: dict[str, Any] = {}
    report: dict[str, Any] = {}
    for setting, share in shares.items():
        model, report[setting] = fit_and_report(*judged[setting], share)
        models[setting] = model.to_dict()
    output = folder if options.renew else Path(options.output)
    encoder.save_pretrained(output)
    replace(encoder.config, confidence=models).save(output)
    report["excluded_documents"] = len(excluded)
    report["output"] = str(output)
    report["fingerprint"] = fingerprint_of(output)
    if options.json:
        write_json(report)
    else:
        write_table(_rows(report))
    return 0


def _share(text: str) -> float:
    """Read a share in [0, 1)."""
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share of at least 0 and less than 1")
    return share


def _questions(
    options: argparse.Namespace, reader: IndexReader, trained: Mapping[str, Any], excluded: Collection[str]
) -> tuple[list[Question], list[Question]]:
    """Return the held-out questions to fit to and those to report on; both need an article in the index.

    `trained` is what the encoder's configuration says of its training, `excluded` are titles of articles to leave out.
    """
    from densephrase.corpus.files.articles import plain_title
    from densephrase.corpus.questions.reader import read_questions
    from densephrase.evaluation.excluded_articles import documents_by_title, questions_apart
    from densephrase.evaluation.ranked import sample_questions
    from densephrase.training.data.holdout import check_held_out, held_out_articles, split_by_title

    titles = documents_by_title(reader).keys()
    articles = options.held_out or held_out_articles(trained) or _HELD_OUT
    check_held_out(trained, articles)
    _, held_out = split_by_title(read_questions(options.questions), articles)
    known = [question for question in held_out if plain_title(question.title) in titles]
    if len(known) < len(held_out):
        note(f"{len(held_out) - len(known)} of {len(held_out)} held-out questions have no article in the index.")
    apart = questions_apart(known, excluded)
    if len(apart) < len(known):
        note(f"{len(known) - len(apart)} of {len(known)} held-out questions are about articles that are left out.")
    fitted, unseen = split_by_title(sample_questions(apart, options.limit, options.seed), options.unseen)
    if not fitted or not unseen:
        raise QuestionError(
            f"{options.questions}: {len(fitted)} held-out questions to fit to and {len(unseen)} to report on have "
            f"their article in {options.index}. Give more questions with titles, or an index of their articles."
        )
    return fitted, unseen


def _judge_open(
    reader: IndexReader, encoder: PhraseEncoder, questions: Sequence[Question], excluded: Sequence[str]
) -> list[Judged]:
    from densephrase.confidence.model import RIVALS, SPANS
    from densephrase.evaluation.excluded_articles import documents_by_title
    from densephrase.evaluation.judged import judge_open
    from densephrase.search.plan.options import SearchOptions
    from densephrase.search.searcher import Searcher

    searcher = Searcher(reader, encoder)
    options = SearchOptions(top_k=RIVALS, evidence_spans=SPANS)
    answers = judge_open(
        lambda text, left_out: searcher.search([text], replace(options, exclude_documents=(*excluded, *left_out)))[0],
        questions,
        documents_by_title(reader),
    )
    return list(_follow(answers, 2 * len(questions)))


def _judge_closed(encoder: PhraseEncoder, questions: Sequence[Question]) -> list[Judged]:
    from densephrase.evaluation.judged import judge_closed
    from densephrase.terms.analyser import Analyser
    from densephrase.training.data.unanswerable import make_unanswerable

    asked = [*questions, *make_unanswerable(questions, Analyser().terms)]
    return list(_follow(judge_closed(encoder, asked), len(asked)))


def _follow(answers: Iterable[Judged], total: int) -> Iterable[Judged]:
    return follow(answers, total, "answers")


def _rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the report for people."""
    rows = []
    for setting in ("open", "closed"):
        facts = report[setting]
        rows.append((f"{setting}: answers fitted to", str(facts["fitted_on"])))
        rows.append((f"{setting}: confidence to ask for, for the best F1 with no-answer", f"{facts['threshold']:.3f}"))
        for split, meaning in (("unseen", "as fitted for"), ("unseen_answerable_only", "with an answer")):
            found = facts[split]
            rows.append((f"{setting}, unseen questions {meaning}", str(found["answers"])))
            rows.append(("  right", f"{100 * found['right']:.1f} %"))
            rows.append(("  mean confidence", f"{100 * found['mean_confidence']:.1f} %"))
            rows.append(("  calibration error", f"{found['calibration_error']:.4f}"))
            rows.append(("  Brier score", f"{found['brier_score']:.4f}"))
            rows.append(("  mean risk over coverages", f"{found['mean_risk']:.4f}"))
            rows.append(("  F1 with no-answer", f"{found['f1_at_threshold']:.2f}"))
            for rank in found["by_rank"]:
                rows.append(
                    (
                        f"  answer {rank['rank']}: right, mean confidence, calibration error",
                        f"{100 * rank['right']:.2f} %, {100 * rank['mean_confidence']:.2f} %, "
                        f"{rank['calibration_error']:.4f}",
                    )
                )
    rows.append(("documents left out", str(report["excluded_documents"])))
    return [*rows, ("encoder", report["output"]), ("fingerprint", report["fingerprint"][:16])]
