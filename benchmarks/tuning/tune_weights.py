"""Choose the weights of the term scores on held-out training questions, never on dev.

    python -m benchmarks tune_weights INDEX TRAIN_QUESTIONS --exclude-articles-of DEV_QUESTIONS [--limit 600]
        [--write ENCODER_FOLDER]

The questions are those of the articles that training holds out (by hash of the title); the index must hold their
paragraphs, and documents of the articles that evaluation asks about are no candidates. Prints exact match of hybrid
search for each pair of weights; `--write` stores the best pair in the configuration of an encoder, whose fingerprint
changes with it: indexes built afterwards use the new weights.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from densephrase import PhraseIndex
from densephrase.cli.arguments import add_excluded_articles, excluded_titles
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.encoder.config import EncoderConfig
from densephrase.evaluation.excluded_articles import documents_of, questions_apart
from densephrase.evaluation.ranked import evaluate_search, sample_questions
from densephrase.training.data.holdout import split_by_title
from densephrase.training.phrase.config import TrainingConfig

PARAGRAPH_WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
DOCUMENT_WEIGHTS = (0.0, 0.25, 0.5)


def main() -> None:
    """Try every pair of weights and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("questions", help="the training questions; only held-out articles are asked")
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--paragraph-weights", type=float, nargs="+", default=PARAGRAPH_WEIGHTS)
    parser.add_argument("--document-weights", type=float, nargs="+", default=DOCUMENT_WEIGHTS)
    parser.add_argument("--write", metavar="ENCODER_FOLDER")
    add_excluded_articles(parser)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    _, held_out = split_by_title(read_questions(options.questions), TrainingConfig().held_out_articles)
    titles = excluded_titles(options)
    questions = sample_questions(questions_apart(held_out, titles), options.limit, options.seed)
    print(f"{len(questions)} of {len(held_out)} held-out questions\n\n| paragraph | document | EM |\n|---|---|---|")
    best = (-1.0, 0.0, 0.0)
    with PhraseIndex.open(options.index) as index:
        excluded = documents_of(index.reader, titles)
        for document, paragraph in itertools.product(options.document_weights, options.paragraph_weights):
            exact = exact_match(index, questions, paragraph, document, excluded)
            print(f"| {paragraph} | {document} | {exact:.2f} |", flush=True)
            if exact > best[0]:  # of equal ones the first, which has the smaller weights
                best = (exact, paragraph, document)
    print(f"\nbest: paragraph weight {best[1]}, document weight {best[2]}, EM {best[0]:.2f}")
    if options.write:
        folder = Path(options.write)
        tuned = replace(EncoderConfig.load(folder), paragraph_weight=best[1], document_weight=best[2])
        replace(tuned, confidence={}).save(folder)  # it was fitted to the former scores


def exact_match(
    index: PhraseIndex, questions: Sequence[Question], paragraph: float, document: float, excluded: Sequence[str]
) -> float:
    """Return the exact match, in percent, of hybrid search with these weights."""
    weights = {"paragraph_weight": paragraph, "document_weight": document}
    results = evaluate_search(
        lambda text: index.search(text, top_k=1, exclude_documents=excluded, **weights), questions
    )
    return 100 * sum(result.exact_match for result in results) / len(questions)


if __name__ == "__main__":
    main()
