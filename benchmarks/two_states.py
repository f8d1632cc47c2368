"""Speed of this checkout against that of another one, run in turn over the same index.

    python -m benchmarks.two_states OTHER_CHECKOUT INDEX QUESTIONS [--runs 10] [--limit 500] [--threads 2]
        [--encoder default]

Each run of each checkout is a process of its own: it opens the index, asks all questions once, then times each by
itself on one thread (the median counts) and all in lists of 64 on `--threads`. A shared machine is noisy, so only the
ratios of runs that follow one another are compared: their geometric mean, with the 95 % interval of Student's t over
the logarithms. With `--encoder default` each asks with the encoder that it ships. Answers of both are compared as well, by the share of questions whose first answer is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.machine import machine

_ROOT = Path(__file__).resolve().parents[1]
# What both checkouts can run: the public interface alone.
_RUN = """
import json, sys
from statistics import median
from time import perf_counter
from densephrase import PhraseIndex
from densephrase.evaluation.ranked import sample_questions
from densephrase.questions import read_questions

path, questions, limit, threads, encoder = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] or None
texts = [item.text for item in sample_questions(read_questions(questions), limit, 0)]
index = PhraseIndex.open(path, encoder=encoder, threads=1)
first = [[answer.text for answer in index.search(text, top_k=1)] for text in texts]
seconds = []
for text in texts:
    began = perf_counter()
    index.search(text)
    seconds.append(perf_counter() - began)
index = PhraseIndex.open(path, encoder=encoder, threads=threads)
pieces = [texts[at : at + 64] for at in range(0, len(texts), 64)]
index.search(pieces[0])
began = perf_counter()
for piece in pieces:
    index.search(piece)
listed = (perf_counter() - began) / len(texts)
print(json.dumps({"p50": median(seconds), "listed": listed, "answers": first}))
"""


def main() -> None:
    """Run both in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--encoder", default="", help="name of the encoder to ask with (default: that of the index)")
    options = parser.parse_args()
    files = [str(options.index.resolve()), str(options.questions.resolve())]
    asked = [*files, str(options.limit), str(options.threads), options.encoder]
    print(
        f"{options.index.name}, {options.limit} questions, {options.runs} runs in turn on {machine('numpy', 'numba')}"
    )
    runs = []
    for number in range(options.runs + 1):
        pair = [_run(checkout.resolve(), asked) for checkout in (options.other, _ROOT)]
        if number:  # the first pair compiles
            runs.append(pair)
            print(f"{number}: " + ", ".join(f"{run['p50'] * 1e3:.2f} ms, {1 / run['listed']:.0f}/s" for run in pair))
    for name, what in (("p50", "median of a question"), ("listed", "seconds in lists of 64")):
        mean, low, high = ratio([(run[name], other[name]) for other, run in runs])
        print(f"{what}, this / other: {mean:.3f} [{low:.3f}, {high:.3f}]")
    same = [one == two for one, two in zip(runs[0][0]["answers"], runs[0][1]["answers"], strict=True)]
    print(f"same first answer: {sum(same) / len(same):.1%}")


def _run(checkout: Path, asked: Sequence[str]) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *asked], cwd=checkout, env=environment, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios of some pairs, and its 95 % interval (Student's t)."""
    logs = np.log([one / other for one, other in pairs])
    half = t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / len(logs) ** 0.5 if len(logs) > 1 else np.inf
    mean, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half]).tolist()
    return mean, low, high


if __name__ == "__main__":
    main()
