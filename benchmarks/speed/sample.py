"""This machine in five minutes: build the bundled sample, ask its questions, time both.

    python -m benchmarks sample [--encoder default] [--threads 1 2] [--json]

Takes what is in the package, and no data else. Builds, evaluates and compiles in processes of their own; questions are
asked one by one on one thread, warm. Exact match and F1 only tell whether all is well: a hundred paragraphs of articles
of SQuAD dev are no benchmark of answers.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.common.command_line import densephrase
from benchmarks.common.machine import machine
from benchmarks.speed.throughput import time_batches
from densephrase.corpus.questions.reader import read_questions

BATCH = 64  # questions asked together
ASKED = 1000  # questions in lists for a rate, at least: the sample's last for a fifth of a second
_QUESTION = "Who was the Super Bowl 50 MVP?"


def main() -> None:
    """Measure everything and print the table, or with `--json` the figures."""
    options = _arguments()
    sample = files("densephrase") / "sample"
    with as_file(sample / "corpus.jsonl") as corpus, as_file(sample / "questions.json") as questions:
        figures = measure(corpus, questions, options.encoder, options.threads)
    if options.json:
        print(json.dumps(figures, indent=2))
        return
    print(f"bundled sample, {machine('numpy', 'numba', 'onnxruntime', 'torch')}; warm page cache\n")
    print("| figure | value |\n|---|---|")
    print("\n".join(f"| {name} | {_shown(value)} |" for name, value in figures.items()))
    print("\nExact match and F1 of the sample are no results: it is too small, and its articles are of SQuAD dev.")


def measure(corpus: Path, questions: Path, encoder: str, threads: list[int]) -> dict[str, float]:
    """Return all figures by name."""
    with TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        for built_index in (Path(folder) / "first", index):  # the first keeps what it compiles
            built = densephrase(("build", str(corpus), str(built_index), "--encoder", encoder, "--json"))
        ask = ("ask", str(index), _QUESTION, "--json")
        cold = densephrase(ask, {"DENSEPHRASE_NUMBA_CACHE": str(Path(folder) / "kernels")})
        warm = densephrase(ask)  # keeps what it compiles, where nothing was kept yet
        warm = densephrase(ask)
        asked = densephrase(("evaluate", str(index), str(questions), "--threads", "1", "--json"))
        texts = [question.text for question in read_questions(questions)]
        batch = min(BATCH, len(texts))
        rates = time_batches(index, texts * -(-ASKED // len(texts)), threads, [batch])
    seconds = asked["seconds_per_question"]
    return {
        "documents": built["documents"],
        "tokens": built["tokens"],
        "build, s": built["seconds"],
        "tokens encoded a second": built["tokens_per_second"],
        "index bytes a token": built["bytes"] / built["tokens"],
        "first answer of a process, s": warm["wall_seconds"],
        "the same while all kernels are compiled, s": cold["wall_seconds"],
        "questions": asked["questions"],
        "exact match, %": asked["em"],
        "F1, %": asked["f1"],
        "a question, p50, ms": 1000 * seconds["p50"],
        "a question, p95, ms": 1000 * seconds["p95"],
        **{f"questions a second, lists of {batch}, threads {count}": rates[count, batch] for count in threads},
        "peak memory of the build, MB": built["peak_memory_bytes"] / 1e6,
        "peak memory of the questions, MB": asked["peak_memory_bytes"] / 1e6,
    }


def _shown(value: float) -> str:
    return f"{value:,.0f}" if isinstance(value, int) or value >= 100 else f"{value:.2f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="default", help="name or folder of an encoder")
    processors = len(os.sched_getaffinity(0))
    parser.add_argument("--threads", type=int, nargs="+", default=[count for count in (1, 2) if count <= processors])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
