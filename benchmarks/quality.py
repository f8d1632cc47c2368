"""The table of the README: quality, seconds per question, build time, bytes and memory of the default encoder.

    python -m benchmarks.quality --work FOLDER --squad-dev FILE --nq-dev FILE --open-21k CORPUS [--open-258k CORPUS]

Every row is one run of the command line in a process of its own, kept in FOLDER: a stopped benchmark goes on with the
row it was at, and `--fresh` forgets them all. Quality rows run `--jobs` at a time; the timed rows run alone afterwards,
on one thread, over 500 random questions, with a warm page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOTHING_SPARSE = ("--strategy", "dense-first", "--paragraph-weight", "0", "--document-weight", "0")
STRATEGIES = {
    "dense-first, nothing sparse": NOTHING_SPARSE,
    "dense-first": ("--strategy", "dense-first"),
    "sparse-first": ("--strategy", "sparse-first"),
    "hybrid": ("--strategy", "hybrid"),
}
TIMED_QUESTIONS = "500"


@dataclass(frozen=True, slots=True)
class Row:
    """One run: what the table calls it and the arguments of `densephrase`."""

    corpus: str
    questions: str
    name: str
    arguments: tuple[str, ...]

    @property
    def file(self) -> str:
        """Name of the file that keeps the run's figures."""
        return f"{self.corpus}-{self.questions}-{self.name}.json".replace(" ", "-").replace(",", "")


def main() -> None:
    """Build what is missing, run what is missing, print the table."""
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
    times = [_run(work, row) for row in timed]
    table = "\n".join([*_build_table(builds), "", *_quality_table(quality, figures), "", *_time_table(timed, times)])
    (work / "quality.md").write_text(table + "\n", encoding="utf-8")
    print(table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, help="folder of the indexes and the figures")
    parser.add_argument("--squad-dev", required=True)
    parser.add_argument("--nq-dev", required=True)
    parser.add_argument("--open-21k", required=True, help="the corpus of all SQuAD articles")
    parser.add_argument("--open-258k", help="the larger corpus")
    parser.add_argument("--limit-258k", default="2000", help="SQuAD questions asked of the larger corpus")
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0))))
    parser.add_argument("--fresh", action="store_true")
    return parser.parse_args()


def _rows(options: argparse.Namespace, work: Path, corpora: list[str]) -> tuple[list[Row], list[Row]]:
    quality = [Row("closed", "squad-dev", "closed", ("--closed", options.squad_dev))]
    quality += [Row("closed", "nq-dev", "closed", ("--closed", options.nq_dev))]
    timed = []
    for corpus in corpora:
        index = str(work / corpus)
        limit = () if corpus == "open-21k" else ("--limit", options.limit_258k)
        for name, search in STRATEGIES.items():
            quality.append(Row(corpus, "squad-dev", name, (index, options.squad_dev, *limit, *search)))
            if corpus == "open-258k":
                quality.append(Row(corpus, "nq-dev", name, (index, options.nq_dev, *search)))
            timed.append(Row(corpus, "timed", name, (index, options.squad_dev, "--limit", TIMED_QUESTIONS, *search)))
    return quality, timed


def _build(work: Path, name: str, corpus: str) -> dict[str, Any]:
    kept = work / f"{name}-build.json"
    if not kept.is_file():
        figures = _densephrase(("build", corpus, str(work / name), "--json"))
        kept.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    figures = json.loads(kept.read_text(encoding="utf-8"))
    return {**figures, "info": _densephrase(("info", str(work / name), "--json"))}


def _run(work: Path, row: Row) -> dict[str, Any]:
    kept = work / row.file
    if not kept.is_file():
        figures = _densephrase(("evaluate", *row.arguments, "--threads", "1", "--json"))
        kept.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    content: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return content


def _densephrase(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Run the command line; return its last JSON object with `wall_seconds` and `peak_memory_bytes` of the process."""
    began = time.monotonic()
    command = [sys.executable, "-c", "from densephrase.cli.main import main; raise SystemExit(main())", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"densephrase {' '.join(arguments)} failed with exit code {process.returncode}")
    figures: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return {**figures, "wall_seconds": time.monotonic() - began, "peak_memory_bytes": usage.ru_maxrss * 1024}


def _build_table(builds: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| build | documents | paragraphs | tokens | starts kept | time | tokens/s | index bytes/token | peak memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, figures in builds.items():
        info, seconds = figures["info"], figures["wall_seconds"]
        lines.append(
            f"| {name} | {info['documents']:,} | {info['paragraphs']:,} | {info['tokens']:,} "
            f"| {info['starts'] / info['tokens']:.1%} | {seconds / 60:.1f} min | {info['tokens'] / seconds:,.0f} "
            f"| {info['bytes_per_token']:.0f} | {figures['peak_memory_bytes'] / 2**30:.1f} GiB |"
        )
    return lines


def _quality_table(rows: list[Row], figures: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| corpus | questions | search | EM | F1 | EM in first 10 | right paragraph first "
        "| answer in first 10 paragraphs |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row, found in zip(rows, figures, strict=True):
        lines.append(
            f"| {row.corpus} | {row.questions} ({found['questions']:,}) | {row.name} | {found['em']:.1f} "
            f"| {found['f1']:.1f} | {_at_ten(found['em_top_k'], 1)} | {_percent(found['paragraph_accuracy'])} "
            f"| {_at_ten(found['top_k_accuracy'], 100)} |"
        )
    return lines


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


def _at_ten(shares: dict[str, float] | None, factor: float) -> str:
    return "" if shares is None else f"{factor * shares['10']:.1f}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
