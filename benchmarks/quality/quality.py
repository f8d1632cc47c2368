"""The tables of the README: answers, seconds per question, build time, bytes and memory of the default encoder.

    python -m benchmarks quality --work FOLDER --squad-dev FILE --nq-dev FILE --open-21k CORPUS [--open-258k CORPUS]
        [--tuned ENCODER] [--plot FILE]

The rows follow the tables of DenSPI (Seo et al. 2019) and Sparc (Lee et al. 2020): what each way to search and each
part of the score is worth, with one encoder and one index. `--tuned` names the same encoder with a fine-tuned question
side. Every row is a run of the command line in a process of its own, kept in FOLDER: a stopped benchmark goes on with
the row it was at, and `--fresh` forgets them all. Quality rows run `--jobs` at a time; the timed rows run alone
afterwards, on one thread, over 500 random questions, with a warm page cache. Differences have a 95 % interval of a
paired bootstrap over questions.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bootstrap import paired_difference
from benchmarks.common.command_line import densephrase, kept
from benchmarks.common.plots import new_figure

SPARC = "hybrid with Sparc"
TERMS = "hybrid with terms only (DenSPI)"
TUNED = "hybrid with Sparc, tuned questions"
STRATEGIES = {
    "dense-first, nothing sparse": (
        *("--strategy", "dense-first", "--no-sparc"),
        *("--paragraph-weight", "0", "--document-weight", "0"),
    ),
    "dense-first": ("--strategy", "dense-first", "--no-sparc"),
    "sparse-first": ("--strategy", "sparse-first", "--no-sparc"),
    TERMS: ("--strategy", "hybrid", "--no-sparc"),
    SPARC: ("--strategy", "hybrid"),
}
TIMED_QUESTIONS = "500"
_MARKERS = "osv^Dx"


@dataclass(frozen=True, slots=True)
class Row:
    """One run: what the table calls it and the arguments of `densephrase evaluate`."""

    corpus: str
    questions: str
    name: str
    arguments: tuple[str, ...]

    def file(self, suffix: str) -> str:
        """Name of a file of this run."""
        words = "-".join(f"{self.corpus} {self.questions} {self.name}".replace(",", "").split())
        return words.replace("(", "").replace(")", "") + suffix


def main() -> None:
    """Build what is missing, run what is missing, print the tables, draw the plot."""
    options = _arguments()
    work = Path(options.work)
    if options.fresh:
        shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    corpora = {"open-21k": options.open_21k, "open-258k": options.open_258k}
    builds = {name: _build(work, name, corpus) for name, corpus in corpora.items() if corpus}
    quality, timed = _rows(options, work, list(builds))
    with ThreadPoolExecutor(options.jobs) as pool:
        figures = list(pool.map(lambda row: _run(work, row), quality))
    times = [] if options.no_times else [_run(work, row, timed=True) for row in timed]
    tables = [_build_table(builds), _quality_table(quality, figures), _difference_table(quality, figures)]
    if times:
        tables.append(_time_table(timed, times))
    text = "\n\n".join("\n".join(table) for table in tables) + "\n"
    (work / "quality.md").write_text(text, encoding="utf-8")
    print(text)
    if options.plot:
        plot(quality, figures, timed, times, Path(options.plot))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="folder of the indexes and the figures")
    parser.add_argument("--squad-dev", required=True)
    parser.add_argument("--nq-dev", required=True)
    parser.add_argument("--open-21k", required=True, help="the corpus of all SQuAD articles")
    parser.add_argument("--open-258k", help="the larger corpus")
    parser.add_argument("--tuned", metavar="ENCODER", help="the encoder with a fine-tuned question side")
    parser.add_argument("--limit", metavar="N", help="ask N random questions of each file instead of all")
    parser.add_argument("--plot", metavar="FILE", help="exact match against seconds per question, png or svg")
    parser.add_argument("--no-times", action="store_true", help="leave the timed rows out")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))))
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    if options.plot and options.no_times:
        parser.error("--plot draws the timed rows, which --no-times leaves out")
    return options


def _rows(options: argparse.Namespace, work: Path, corpora: list[str]) -> tuple[list[Row], list[Row]]:
    files = {"squad-dev": options.squad_dev, "nq-dev": options.nq_dev}
    limit = ("--limit", options.limit) if options.limit else ()
    quality = [Row("closed", name, "closed", ("--closed", file, *limit)) for name, file in files.items()]
    timed = []
    strategies = STRATEGIES | ({TUNED: ("--encoder", options.tuned)} if options.tuned else {})
    for corpus in corpora:
        index = str(work / corpus)
        for name, search in strategies.items():
            for asked, file in files.items():
                if (corpus, asked) != ("open-21k", "nq-dev"):  # SQuAD's articles do not answer those questions
                    quality.append(Row(corpus, asked, name, (index, file, *limit, *search)))
            timed.append(Row(corpus, "timed", name, (index, options.squad_dev, "--limit", TIMED_QUESTIONS, *search)))
    return quality, timed


def _build(work: Path, name: str, corpus: str) -> dict[str, Any]:
    figures = kept(work / f"{name}-build.json", lambda: densephrase(("build", corpus, str(work / name), "--json")))
    return {**figures, "info": densephrase(("info", str(work / name), "--json"))}


def _run(work: Path, row: Row, timed: bool = False) -> dict[str, Any]:
    """Evaluate a row; `right` holds a digit for each question, 1 where the first answer is right."""

    def evaluate() -> dict[str, Any]:
        arguments = ("evaluate", *row.arguments, "--threads", "1", "--json")
        if timed:
            return densephrase(arguments)
        predictions = work / row.file(".jsonl")
        figures = densephrase((*arguments, "--predictions", str(predictions)))
        with predictions.open(encoding="utf-8") as lines:
            right = "".join(str(int(json.loads(line)["exact_match"])) for line in lines)
        predictions.unlink()
        return {**figures, "right": right}

    return kept(work / row.file(".json"), evaluate)


def _build_table(builds: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| build | documents | paragraphs | tokens | starts kept | ends kept | time | tokens/s | index bytes/token "
        "| peak memory |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, figures in builds.items():
        info, seconds = figures["info"], figures["wall_seconds"]
        lines.append(
            f"| {name} | {info['documents']:,} | {info['paragraphs']:,} | {info['tokens']:,} "
            f"| {info['starts'] / info['tokens']:.1%} | {info['ends'] / info['tokens']:.1%} | {seconds / 60:.1f} min "
            f"| {info['tokens'] / seconds:,.0f} | {info['bytes_per_token']:.0f} "
            f"| {figures['peak_memory_bytes'] / 2**30:.1f} GiB |"
        )
    return lines


def _quality_table(rows: list[Row], figures: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| corpus | questions | search | EM | F1 | EM in first 10 | right paragraph first "
        "| answer in the paragraphs of the first 10 answers | answer in first 10 paragraphs | questions encoded by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row, found in zip(rows, figures, strict=True):
        lines.append(
            f"| {row.corpus} | {row.questions} ({found['questions']:,}) | {row.name} | {found['em']:.1f} "
            f"| {found['f1']:.1f} | {_at_ten(found['em_top_k'], 1)} | {_percent(found['paragraph_accuracy'])} "
            f"| {_at_ten(found['top_k_accuracy'], 100)} | {_at_ten(found['paragraph_top_k_accuracy'], 100)} "
            f"| {found['runtime']} |"
        )
    return lines


def _difference_table(rows: list[Row], figures: list[dict[str, Any]]) -> list[str]:
    """Compare the hybrid searches of each corpus and each set of questions."""
    right = {(row.corpus, row.questions, row.name): _right(found) for row, found in zip(rows, figures, strict=True)}
    lines = ["| corpus | questions | EM of | less EM of | difference [95 % interval] |", "|---|---|---|---|---|"]
    for corpus, questions in dict.fromkeys((row.corpus, row.questions) for row in rows):
        for better, worse in ((SPARC, TERMS), (TUNED, SPARC)):
            pair = [right.get((corpus, questions, name)) for name in (better, worse)]
            if pair[0] is not None and pair[1] is not None:
                difference = paired_difference(pair[0], pair[1])
                lines.append(f"| {corpus} | {questions} | {better} | {worse} | {difference} |")
    return lines


def _right(figures: dict[str, Any]) -> NDArray[np.bool_]:
    return np.array([digit == "1" for digit in figures["right"]])


def _time_table(rows: list[Row], figures: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| corpus | search | p50 | p95 | p99 | mean | peak memory, mapped pages included |",
        "|---|---|---|---|---|---|---|",
    ]
    for row, found in zip(rows, figures, strict=True):
        seconds = found["seconds_per_question"]
        cells = " | ".join(f"{1000 * seconds[name]:.1f} ms" for name in ("p50", "p95", "p99", "mean"))
        lines.append(f"| {row.corpus} | {row.name} | {cells} | {found['peak_memory_bytes'] / 2**30:.1f} GiB |")
    return lines


def plot(
    rows: list[Row], figures: list[dict[str, Any]], timed: list[Row], times: list[dict[str, Any]], file: Path
) -> None:
    """Draw exact match on SQuAD dev against the mean time of a question: a colour for a corpus, a mark for a search."""
    seconds = {
        (row.corpus, row.name): found["seconds_per_question"]["mean"] for row, found in zip(timed, times, strict=True)
    }
    names = list(dict.fromkeys(row.name for row in timed))
    figure = new_figure((9, 5))
    axes = figure.subplots()
    for number, corpus in enumerate(dict.fromkeys(row.corpus for row in timed)):
        for row, found in zip(rows, figures, strict=True):
            if row.corpus == corpus and row.questions == "squad-dev" and (corpus, row.name) in seconds:
                place = 1000 * seconds[corpus, row.name], found["em"]
                marker = _MARKERS[names.index(row.name) % len(_MARKERS)]
                axes.plot(*place, marker, color=f"C{number}", label=f"{corpus}, {row.name}", markersize=8, alpha=0.8)
    axes.set(xlabel="milliseconds per question, one thread", ylabel="exact match, SQuAD v1.1 dev", xlim=(0, None))
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8)
    figure.savefig(file, dpi=150)


def _at_ten(shares: dict[str, float] | None, factor: float) -> str:
    return "" if shares is None else f"{factor * shares['10']:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
