"""Passage retrievers side by side: one corpus, one set of passages, the same questions, one evaluation.

    python -m benchmarks retrieval --work FOLDER --corpus CORPUS --questions FILE [--questions FILE ...]
        [--encoder NAME=ENCODER ...] [--phrases INDEX] [--tune FILE ... | --weight-of FOLDER] [--limit N] [--fresh]

Rows: BM25; each encoder alone ("minilm" is all-MiniLM-L6-v2 as published); the last one and BM25 together, by
reciprocal ranks and by weighted scores; the phrase index by paragraph. The weight is chosen by --tune, the encoder's
training questions, of which those about articles kept out of its training are asked, and the articles of --questions
are no candidates; or it is the one that was chosen in another --work folder. Accuracy is DPR's: the share of all
questions for which one of the first k passages holds a reference answer. MRR@10 is that of the gold passage.
Differences between neighbours have a 95 % interval of a paired bootstrap over questions. Times are of one thread, from
the question to its 100 passages, over --timed random questions, each row in a process of its own. Every row is a run of
the command line, kept in FOLDER: a stopped benchmark goes on with the row it was at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bootstrap import paired_difference
from benchmarks.common.command_line import densephrase, kept

_CUTOFFS = ("1", "5", "20", "100")


@dataclass(frozen=True, slots=True)
class RetrievalRow:
    """A row: what the table calls it, the index that it searches, and the options of the search."""

    name: str
    index: Path
    search: tuple[str, ...] = ()

    def file(self, questions: str, kind: str) -> str:
        """Name of the file that keeps a run over a file of questions; other arguments have another name."""
        words = "-".join(f"{self.index.name} {self.name} {Path(questions).name} {kind}".replace("+", "and").split())
        whole = json.dumps([str(self.index.resolve()), self.search, str(Path(questions).resolve()), kind])
        return f"{words}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}.json"


def main() -> None:
    """Build what is missing, run what is missing, print the tables."""
    options = _arguments()
    work = Path(options.work)
    if options.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    encoders = dict(pair.split("=", 1) for pair in options.encoder)
    builds = {name: _build(work, options.corpus, name, encoder) for name, encoder in encoders.items()}
    weight = _weight(work, list(encoders)[-1], options) if encoders else None
    rows = _rows(work, list(encoders), options.phrases, weight)
    tables = [_build_table(builds)]
    for path in options.questions:
        figures = [_run(work, row, path, options.limit) for row in rows]
        timed = [_run(work, row, path, options.timed, is_timed=True) for row in rows] if options.timed else []
        tables += [_quality_table(Path(path).name, rows, figures, timed), _difference_table(rows, figures)]
    text = "\n\n".join("\n".join(table) for table in tables) + "\n"
    (work / "retrieval.md").write_text(text, encoding="utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="folder of the indexes and the figures")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--questions", required=True, action="append", metavar="FILE")
    parser.add_argument("--encoder", action="append", default=[], metavar="NAME=ENCODER")
    parser.add_argument("--phrases", metavar="INDEX", help="a phrase index of the same corpus")
    parser.add_argument("--tune", action="append", default=[], metavar="FILE")
    parser.add_argument("--weight-of", metavar="FOLDER")
    parser.add_argument("--limit", type=int, metavar="N", help="ask N random questions of each file instead of all")
    parser.add_argument("--timed", type=int, default=300, metavar="N", help="questions that are timed; 0 for none")
    parser.add_argument("--fresh", action="store_true")
    return parser.parse_args()


def _rows(work: Path, encoders: list[str], phrases: str | None, weight: float | None) -> list[RetrievalRow]:
    rows = []
    if encoders:
        last = work / encoders[-1]
        rows = [
            RetrievalRow("BM25", last, ("--strategy", "bm25")),
            *(RetrievalRow(name, work / name, ("--strategy", "dense")) for name in encoders),
            RetrievalRow(
                f"BM25 + {encoders[-1]}, ranks", last, ("--strategy", "hybrid", "--fusion", "reciprocal-rank")
            ),
        ]
        if weight is not None:
            search = ("--strategy", "hybrid", "--fusion", "weighted", "--term-weight", str(weight))
            rows.append(RetrievalRow(f"BM25 + {encoders[-1]}, weighted", last, search))
    return [*rows, *([RetrievalRow("phrase index by paragraph", Path(phrases))] if phrases else [])]


def _build(work: Path, corpus: str, name: str, encoder: str) -> dict[str, Any]:
    index = str(work / name)
    arguments = ("retrieve", "build", corpus, index, "--encoder", encoder, "--json")
    figures = kept(work / f"{name}-build.json", lambda: densephrase(arguments))
    return {**figures, "info": densephrase(("info", index, "--json"))}


def _weight(work: Path, name: str, options: argparse.Namespace) -> float | None:
    """Return the weight of BM25 beside an encoder, None where none is asked for."""
    if options.weight_of:
        work = Path(options.weight_of)
    elif not options.tune:
        return None
    left_out = [word for path in options.questions for word in ("--exclude-articles-of", path)]
    arguments = ("retrieve", "tune", str(work / name), *options.tune, *left_out, "--json")
    figures = kept(work / f"{name}-tune.json", lambda: densephrase(arguments))
    return float(figures["term_weight"])


def _run(work: Path, row: RetrievalRow, questions: str, limit: int | None, is_timed: bool = False) -> dict[str, Any]:
    """Evaluate a row; `found` and `gold` hold the rank of the first answer and of the gold passage of each question."""
    chosen = ("--limit", str(limit)) if limit else ()

    def evaluate() -> dict[str, Any]:
        predictions = work / "predictions.jsonl"
        arguments = ("retrieve", "evaluate", str(row.index), questions, "--top-k", _CUTOFFS[-1], *row.search, *chosen)
        figures = densephrase((*arguments, "--threads", "1", "--json", "--predictions", str(predictions)))
        with predictions.open(encoding="utf-8") as lines:
            results = [json.loads(line) for line in lines]
        predictions.unlink()
        ranks = {name: [result[name] for result in results] for name in ("answer_rank", "gold_rank")}
        return figures if is_timed else {**figures, **ranks}

    kind = f"{'timed ' if is_timed else ''}{limit or 'all'}"
    return kept(work / row.file(questions, kind), evaluate)


def _build_table(builds: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| index | passages | build | bytes a passage: vectors | terms | texts | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, figures in builds.items():
        info = figures["info"]
        parts = info["bytes_by_component"]
        sizes = " | ".join(f"{parts[part] / info['passages']:,.0f}" for part in ("vectors", "terms", "texts"))
        lines.append(
            f"| {name} | {info['passages']:,} | {figures['wall_seconds'] / 60:.1f} min | {sizes} "
            f"| {figures['peak_memory_bytes'] / 2**30:.1f} GiB |"
        )
    return lines


def _quality_table(
    questions: str, rows: list[RetrievalRow], figures: list[dict[str, Any]], timed: list[dict[str, Any]]
) -> list[str]:
    heads = " | ".join(f"top-{cutoff}" for cutoff in _CUTOFFS)
    lines = [f"| {questions} | {heads} | MRR@10 | p50 | p95 |", "|---|" + "---|" * (len(_CUTOFFS) + 3)]
    for number, (row, found) in enumerate(zip(rows, figures, strict=True)):
        shares = " | ".join(f"{100 * found['top_k_accuracy'][cutoff]:.1f}" for cutoff in _CUTOFFS)
        seconds = timed[number]["seconds_per_question"] if timed else {}
        times = " | ".join(f"{1000 * seconds[name]:.1f} ms" if seconds else "" for name in ("p50", "p95"))
        gold = "" if found["gold"] is None else f"{100 * found['gold']['mrr']['10']:.1f}"
        lines.append(f"| {row.name} | {shares} | {gold} | {times} |")
    return lines


def _difference_table(rows: list[RetrievalRow], figures: list[dict[str, Any]]) -> list[str]:
    """Compare the top-1 and top-20 accuracy of each row with the one above."""
    lines = ["| top-k of | less that of | top-1 [95 % interval] | top-20 [95 % interval] |", "|---|---|---|---|"]
    for number in range(1, len(rows)):
        better, worse = figures[number], figures[number - 1]
        differences = " | ".join(str(paired_difference(_within(better, k), _within(worse, k))) for k in (1, 20))
        lines.append(f"| {rows[number].name} | {rows[number - 1].name} | {differences} |")
    return lines


def _within(figures: dict[str, Any], cutoff: int) -> NDArray[np.bool_]:
    return np.array([rank is not None and rank <= cutoff for rank in figures["answer_rank"]])


if __name__ == "__main__":
    main()
