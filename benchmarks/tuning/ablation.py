"""Each ingredient of training at one fixed budget: gains and losses on the held-out articles.

    python -m benchmarks ablation --work FOLDER --backbone ENCODER --teacher READER QUESTIONS...

Every variant continues the same encoder for the same number of steps with two seeds; the figures are those of an
exhaustive search over the paragraphs of the 40 held-out articles, whose text no variant has seen. Finished runs are
kept in FOLDER, so a stopped benchmark goes on with the run it was at.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common.command_line import kept
from benchmarks.quality.held_out_search import HeldOutSearch
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.training.data.holdout import split_by_title
from densephrase.training.data.teacher import TEACHER_FILE
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.trainer import train

HELD_OUT_ARTICLES = 40
FIGURES = ("closed", "closed f1", "dense", "terms", "terms + sparse", "terms + sparse f1", "starts kept")
_TAUGHT = {"vector_size": 192, "teacher": "TEACHER"}
VARIANTS: dict[str, dict[str, Any]] = {
    "longer training": {"sparc_size": 0},
    "+ 192 dimensions": {"sparc_size": 0, "vector_size": 192},
    "+ Sparc": {"vector_size": 192},
    "+ distillation": _TAUGHT,
    "+ filter loss 1": {**_TAUGHT, "filter_loss": 1.0},
    "+ distillation of weight 4": {**_TAUGHT, "distillation_loss": 4.0},
    "+ BM25 in the score": {**_TAUGHT, "term_weight": 1.0},
    "- loss on dense alone": {**_TAUGHT, "dense_loss": 0.0},
    "- neighbours of one article": {**_TAUGHT, "article_paragraphs": 1},
    "hard negatives by terms": {**_TAUGHT, "hard_negatives": "terms"},
    "hard negatives by questions": {**_TAUGHT, "hard_negatives": "questions"},
    "- title in the window": {**_TAUGHT, "max_title_tokens": 0},
}


def main() -> None:
    """Train what is missing, print the table."""
    options = _arguments()
    torch.set_num_threads(options.threads)
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    questions = [question for path in options.questions for question in read_questions(path)]
    _, held_out = split_by_title(questions, HELD_OUT_ARTICLES)
    chosen = np.sort(np.random.default_rng(0).permutation(len(held_out))[: options.held_out_questions])
    asked = [held_out[number] for number in chosen]
    for seed in options.seeds:
        for name in options.variants:
            _run(options, name, seed, questions, asked)
    print(_table(work, options.variants, options.seeds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="+", help="training questions with contexts")
    parser.add_argument("--work", required=True, help="folder of the figures")
    parser.add_argument("--teacher", default="", help="a reader made by train-reader, for the variants that distil")
    parser.add_argument(
        "--backbone", required=True, help="the encoder that every variant continues: 384 dimensions, no Sparc heads"
    )
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14])
    parser.add_argument("--held-out-questions", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS), metavar="NAME")
    return parser.parse_args()


def _run(options: argparse.Namespace, name: str, seed: int, questions: list[Question], asked: list[Question]) -> None:
    """Train and measure a variant, unless that was done; SystemExit when it was done otherwise."""
    settings = {key: options.teacher if value == "TEACHER" else value for key, value in VARIANTS[name].items()}
    given = {"max_steps": options.steps, "learning_rate": options.learning_rate, "seed": seed, **settings}
    config = TrainingConfig(**{"backbone": options.backbone, **given})
    asked_for = {**asdict(config), "questions": len(questions), "held-out questions": len(asked)}
    file = _file(Path(options.work), name, seed)
    found = kept(file, lambda: {"run": asked_for, **_train_and_measure(Path(options.work), config, questions, asked)})
    if found["run"] != asked_for:
        raise SystemExit(f"{file} is of a run with other settings; give another --work, or remove it.")
    print(name, seed, {figure: found[figure] for figure in FIGURES}, flush=True)


def _train_and_measure(
    work: Path, config: TrainingConfig, questions: list[Question], asked: list[Question]
) -> dict[str, float]:
    folder = work / "encoder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    logits = work / TEACHER_FILE  # the same for all runs with the same windows: computed by the first
    if config.teacher and logits.is_file():
        (folder / TEACHER_FILE).symlink_to(logits.resolve())
    train(questions, folder, config)
    if config.teacher and not logits.is_file():
        (folder / TEACHER_FILE).rename(logits)
    return measure(PhraseEncoder.from_pretrained(folder), asked)


def measure(encoder: PhraseEncoder, questions: list[Question]) -> dict[str, float]:
    """Return the FIGURES of an encoder."""
    search = HeldOutSearch(encoder, questions)
    closed, full = search.closed(), search.open()
    return {
        "closed": closed.exact_match,
        "closed f1": closed.f1,
        "dense": search.open(sparse=False, term_weight=0).exact_match,
        "terms": search.open(sparse=False).exact_match,
        "terms + sparse": full.exact_match,
        "terms + sparse f1": full.f1,
        "starts kept": 100 * search.starts / search.tokens,
    }


def _file(work: Path, name: str, seed: int) -> Path:
    return work / f"{name}-{seed}.json".replace(" ", "-").replace(",", "").replace("+", "plus")


def _table(work: Path, variants: list[str], seeds: list[int]) -> str:
    lines = [f"| variant | {' | '.join(FIGURES)} |", "|---" * (len(FIGURES) + 1) + "|"]
    for name in variants:
        runs: list[Mapping[str, float]] = [json.loads(_file(work, name, seed).read_text()) for seed in seeds]
        cells = []
        for figure in FIGURES:
            values = [run[figure] for run in runs]
            cells.append(f"{np.mean(values):.2f} ± {(max(values) - min(values)) / 2:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
