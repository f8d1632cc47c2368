"""Damage indexes in thousands of ways: each is refused with a clear error, or answers; none crashes, hangs or raises.

    python -m benchmarks mutations [INDEX ...] [--kind index] [--count 3000] [--seed 0] [--workers 2] [--timeout 60]

Without an index, the bundled sample is built in both profiles; with `--kind passages`, as passages with vectors and
without. Every mutant is a copy with one change, and most have checksums that fit it; processes of their own verify,
open and search it. Prints a table of the kinds of damage and each mutant of which something came that should never
come; exits with 1 where there is one.

With NUMBA_BOUNDSCHECK=1, and NUMBA_CACHE_DIR somewhere else, an index beyond an array is an error that is seen: alone,
it seldom crashes.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import numpy as np

from benchmarks.robustness.column_mutants import INDEX_FILES, seal
from benchmarks.robustness.mutants import Mutation
from benchmarks.robustness.mutation_probe import Outcome, serve

_SEALED = 0.8  # share of the mutants whose checksums fit
_ROOT = Path(__file__).resolve().parents[2]
_START = 600.0  # seconds that a process may take to load and to compile


@dataclass(frozen=True)
class Target:
    """What is damaged, and how: the kind of its probe, its mutations by name, and what makes checksums fit."""

    kind: str
    mutations: Mapping[str, Mutation]
    seal: Callable[[Path], None]


TARGETS = {kind: Target(kind, INDEX_FILES, seal) for kind in ("index", "passages")}


@dataclass(frozen=True)
class Setting:
    """How mutants are made and tried: what is damaged, by which seed, in how many processes of how many seconds each.

    work: a folder for them on the same file system as the sound ones.
    """

    target: Target
    seed: int
    workers: int
    timeout: float
    work: Path


@dataclass(frozen=True)
class Trial:
    """A mutant and what came of it."""

    number: int
    kind: str
    change: str
    is_sealed: bool
    outcome: Outcome

    @property
    def result(self) -> str:
        """The column of the table that counts it."""
        if self.outcome.unexpected:
            return "unexpected"
        return "refused" if self.outcome.refused else "answered"


class Prober:
    """A process that tries mutants, started again after each one that ended it or took too long."""

    def __init__(self, kind: str, sound: Path, timeout: float) -> None:
        self._command = [sys.executable, "-m", "benchmarks.robustness.mutations", "--child", "--kind", kind, str(sound)]
        self._timeout = timeout
        self._process: subprocess.Popen[str] | None = None

    def probe(self, folder: Path) -> Outcome:
        """Return what comes of a folder; a crash and a hang are outcomes too."""
        process = self._process or self._start()
        if process.stdin is None:
            raise RuntimeError("the process has no stdin")
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        return self._answer(process, self._timeout)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            self._command,
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        first = self._answer(self._process, _START)
        if first.unexpected or first.refused or first.problems:
            raise SystemExit(f"the sound folder is not: {first}")
        return self._process

    def _answer(self, process: subprocess.Popen[str], timeout: float) -> Outcome:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
            ready = selector.select(timeout)
        line = process.stdout.readline() if ready and process.stdout else ""
        if line:
            return Outcome(**json.loads(line))
        if not ready:
            self.close()
            return Outcome(unexpected=[f"hangs: nothing came in {timeout:g} s"])
        code = process.wait()
        self.close()
        return Outcome(unexpected=[f"crashes: the process ended with {code}"])


def mutate(sound: Path, folder: Path, target: Target, number: int, seed: int) -> tuple[str, str, bool]:
    """Make mutant `number` of a sound folder; return the kind of its change, the change, and whether it is sealed."""
    random = np.random.default_rng([seed, number])
    names = list(target.mutations)
    shutil.copytree(sound, folder, copy_function=os.link)
    while True:
        kind = names[random.integers(len(names))]
        change = target.mutations[kind](folder, random)
        if change is not None:
            break
    is_sealed = bool(random.random() < _SEALED)
    if is_sealed:
        target.seal(folder)
    return kind, change, is_sealed


def trials(sound: Sequence[Path], count: int, setting: Setting) -> Iterator[Trial]:
    """Yield what comes of `count` mutants, of one sound folder after the other, in order."""
    target, workers = setting.target, setting.workers
    probers: dict[Path, Queue[Prober]] = {folder: Queue() for folder in sound}
    made = [Prober(target.kind, folder, setting.timeout) for folder in sound for _ in range(workers)]
    for place, prober in enumerate(made):
        probers[sound[place // workers]].put(prober)

    def run(number: int) -> Trial:
        folder = sound[number % len(sound)]
        mutant = setting.work / f"mutant-{number}"
        kind, change, is_sealed = mutate(folder, mutant, target, number, setting.seed)
        prober = probers[folder].get()
        try:
            outcome = prober.probe(mutant)
        finally:
            probers[folder].put(prober)
        if not outcome.unexpected:
            shutil.rmtree(mutant)
        return Trial(number, f"{folder.name} {kind}", change, is_sealed, outcome)

    try:
        with ThreadPoolExecutor(workers) as threads:
            yield from threads.map(run, range(count))
    finally:
        for prober in made:
            prober.close()


def main() -> int:
    """Try all mutants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="INDEX")
    parser.add_argument("--kind", choices=sorted(TARGETS), default="index")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=60, help="seconds after which a mutant hangs")
    parser.add_argument("--keep", type=Path, help="folder in which mutants that failed are left")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        serve(options.kind, options.folders[0])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        work = options.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        sound = [_copied(path.resolve(), work) for path in options.folders] or _sample_indexes(work, options.kind)
        setting = Setting(TARGETS[options.kind], options.seed, options.workers, options.timeout, work)
        return _report(trials(sound, options.count, setting))


def _copied(sound: Path, work: Path) -> Path:
    """Copy a sound folder beside its mutants, which consist of links to its files."""
    copy = work / f"sound-{sound.name}"
    if not copy.exists():
        shutil.copytree(sound, copy)
    return copy


def _sample_indexes(work: Path, kind: str) -> list[Path]:
    from densephrase import PassageIndex, PhraseIndex

    corpus = _ROOT / "densephrase" / "sample" / "corpus.jsonl"
    if kind == "passages":
        PassageIndex.build(corpus, work / "vectors", flat_limit=10, lists=8, shard_characters=20_000).close()
        PassageIndex.build(corpus, work / "terms", encoder=None, shard_characters=20_000).close()
        return [work / "vectors", work / "terms"]
    for profile in ("default", "compact"):
        PhraseIndex.build(corpus, work / profile, profile=profile, flat_limit=1000, shard_characters=20_000).close()
    return [work / "default", work / "compact"]


def _report(found: Iterator[Trial]) -> int:
    counts: dict[str, dict[str, int]] = {}
    failed = slowest = 0
    for trial in found:
        row = counts.setdefault(trial.kind, {"refused": 0, "answered": 0, "unexpected": 0})
        row[trial.result] += 1
        slowest = max(slowest, trial.outcome.seconds)
        for problem in trial.outcome.unexpected:
            failed += 1
            print(
                f"mutant {trial.number} ({trial.kind}: {trial.change}, sealed: {trial.is_sealed}): {problem}",
                flush=True,
            )
    print("\n| damage | refused | answered | unexpected |\n|---|---|---|---|")
    for kind, row in sorted(counts.items()):
        print(f"| {kind} | {row['refused']} | {row['answered']} | {row['unexpected']} |")
    total = sum(sum(row.values()) for row in counts.values())
    print(f"\n{total} mutants, {failed} with something unexpected; the slowest took {slowest:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
