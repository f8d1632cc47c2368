"""Speed of this checkout against that of another one, asked in turn over the same index.

    python -m benchmarks two_states OTHER_CHECKOUT INDEX QUESTIONS [--runs 10] [--limit 500] [--threads 2]
        [--encoder default]

Each checkout has a process of its own, which opens the index and asks all questions once. In each run both then answer
the same questions, 20 at a time in turn: each by itself on one thread (the median counts), and as lists of 64 on
`--threads`. A shared machine is noisy, so only the ratios of runs that were taken in turn are compared: their geometric
mean, with the 95 % interval of Student's t over the logarithms. With `--encoder default` each asks with the encoder
that it ships. Answers of both are compared as well, by the share of questions whose first answer is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import t

from benchmarks.common.machine import machine
from densephrase.corpus.questions.reader import read_questions
from densephrase.evaluation.ranked import sample_questions

_ROOT = Path(__file__).resolve().parents[2]
_ALONE, _LISTED = 20, 64
# What both checkouts can run: the public interface alone. A line of questions is answered by a line of seconds.
_SERVER = """
import json, sys
from time import perf_counter
from densephrase import PhraseIndex

path, encoder, threads = sys.argv[1], sys.argv[2] or None, int(sys.argv[3])
alone, listed = (PhraseIndex.open(path, encoder=encoder, threads=count) for count in (1, threads))
for line in sys.stdin:
    texts, as_list = json.loads(line)
    found, seconds = [], []
    for asked in [texts] if as_list else texts:
        index = listed if as_list else alone
        began = perf_counter()
        answers = index.search(asked)
        seconds.append(perf_counter() - began)
        found.append([] if as_list else [answer.text for answer in answers[:1]])
    print(json.dumps([seconds, found]), flush=True)
"""


class State:
    """A checkout at work in a process of its own."""

    def __init__(self, checkout: Path, arguments: Sequence[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        command = [sys.executable, "-c", _SERVER, *arguments]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=checkout, env=environment, stdin=pipe, stdout=pipe, text=True)

    def ask(self, texts: Sequence[str], as_list: bool) -> tuple[list[float], list[list[str]]]:
        """Return the seconds of each question, or of the list, and the first answers of questions asked alone."""
        if self._process.stdin is None or self._process.stdout is None:
            raise SystemExit("The process of a checkout has no pipes.")
        self._process.stdin.write(json.dumps([texts, as_list]) + "\n")
        self._process.stdin.flush()
        answered: Any = json.loads(self._process.stdout.readline())
        return answered[0], answered[1]


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
    texts = [item.text for item in sample_questions(read_questions(options.questions), options.limit, 0)]
    print(f"{options.index.name}, {len(texts)} questions, {options.runs} runs in turn on {machine('numpy', 'numba')}")
    arguments = [str(options.index.resolve()), options.encoder, str(options.threads)]
    states = [State(checkout.resolve(), arguments) for checkout in (options.other, _ROOT)]
    answers = [state.ask(texts, False)[1] for state in states]
    for state in states:
        state.ask(texts[:_LISTED], True)
    alone, listed = [], []
    for number in range(1, options.runs + 1):
        alone.append([median(seconds) for seconds in _in_turn(states, texts, _ALONE, False)])
        listed.append([sum(seconds) / len(texts) for seconds in _in_turn(states, texts, _LISTED, True)])
        pairs = zip(alone[-1], listed[-1], strict=True)
        print(f"{number}: " + ", ".join(f"{one * 1e3:.2f} ms, {1 / many:.0f}/s" for one, many in pairs), flush=True)
    for what, runs in (("median of a question", alone), ("seconds in lists of 64", listed)):
        mean, low, high = ratio([(this, other) for other, this in runs])
        print(f"{what}, this / other: {mean:.3f} [{low:.3f}, {high:.3f}]")
    print(f"same first answer: {np.mean([one == two for one, two in zip(*answers, strict=True)]):.1%}")


def _in_turn(states: Sequence[State], texts: Sequence[str], size: int, as_list: bool) -> list[list[float]]:
    """Return the seconds of each state for all questions, so many at a time; who is first changes."""
    seconds: list[list[float]] = [[] for _ in states]
    for number, first in enumerate(range(0, len(texts), size)):
        order = range(len(states)) if number % 2 else reversed(range(len(states)))
        for at in order:
            seconds[at] += states[at].ask(texts[first : first + size], as_list)[0]
    return seconds


def ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Return the geometric mean of the ratios of some pairs, and its 95 % interval (Student's t)."""
    logs = np.log([one / other for one, other in pairs])
    half = t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / len(logs) ** 0.5 if len(logs) > 1 else np.inf
    mean, low, high = np.exp([logs.mean(), logs.mean() - half, logs.mean() + half]).tolist()
    return mean, low, high


if __name__ == "__main__":
    main()
