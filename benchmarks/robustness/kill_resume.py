"""Kill a build with SIGKILL at random moments, run it again, and compare its files with an uninterrupted build's.

    python -m benchmarks kill_resume CORPUS --encoder FOLDER [--kills 5] [--seed 0] [--shard-characters N]

Each kill aims at a random moment of its own share of the build, so that all stages are hit. Exits with 1 where a file
differs or an index does not verify.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from densephrase.index.format.manifest import MANIFEST_FILE

_READY = "ready"
_STATE = "build-state"


@dataclass(frozen=True)
class Interruption:
    """A build that was killed `seconds` after it began, with what it left behind."""

    seconds: float
    stage: str
    finished_shards: int
    leftovers: int


def main() -> int:
    """Run the comparison and print its tables."""
    options = _arguments()
    if options.child is not None:
        _build(options, options.child)
        return 0
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        whole, killed = Path(folder) / "uninterrupted", Path(folder) / "killed"
        seconds = _run(options, whole)
        shards = len(list((whole / "segments").rglob("shard-*.h5")))
        print(f"uninterrupted build: {seconds:.1f} s, {shards} shards, seed {options.seed}\n")
        interruptions = _interrupt(options, killed, seconds, shards)
        if not (killed / MANIFEST_FILE).is_file():  # the last kill may have come when all was done
            _run(options, killed)
        return _report(whole, killed, interruptions, options.kills)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--encoder", default="default", help="name or folder of an encoder")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard-characters", type=int, default=4_000_000)
    parser.add_argument("--flat-limit", type=int, default=2_000_000)
    parser.add_argument("--work", help="folder for both indexes (default: the system's temporary folder)")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _build(options: argparse.Namespace, index: str) -> None:
    """Build in this process; say on stdout when the build proper begins and which stage it is in."""
    from densephrase.build_index.pipeline import build
    from densephrase.build_index.run.options import BuildOptions
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

    encoder = PhraseEncoder.from_pretrained(options.encoder)
    print(_READY, flush=True)
    chosen = BuildOptions(shard_characters=options.shard_characters, flat_limit=options.flat_limit)
    stage = Path(index + ".stage")
    build(options.corpus, index, encoder=encoder, options=chosen, progress=lambda item: _note(stage, item.stage))


def _note(path: Path, stage: str) -> None:
    temporary = path.with_suffix(".next")
    temporary.write_text(stage, encoding="utf-8")
    os.replace(temporary, path)


def _start(options: argparse.Namespace, index: Path) -> subprocess.Popen[str]:
    child = [sys.executable, "-m", "benchmarks.robustness.kill_resume", *sys.argv[1:], "--child", str(index)]
    process = subprocess.Popen(child, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline().strip() != _READY:
        process.wait()
        raise SystemExit("the build did not start; its error stands above")
    return process


def _run(options: argparse.Namespace, index: Path) -> float:
    """Build to the end and return the seconds it took, without start-up."""
    process = _start(options, index)
    began = time.monotonic()
    if process.wait() != 0:
        raise SystemExit("the build failed; its error stands above")
    return time.monotonic() - began


def _interrupt(options: argparse.Namespace, index: Path, seconds: float, shards: int) -> list[Interruption]:
    choose = random.Random(options.seed)
    interruptions = []
    for number in range(options.kills):
        moment = (number + choose.random()) / options.kills * seconds
        moment = max(choose.random() * seconds / options.kills, moment - _finished(index) / shards * seconds)
        process = _start(options, index)
        try:
            process.wait(moment)
            print(f"kill {number + 1} came too late: the build had ended after less than {moment:.2f} s")
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stage = Path(f"{index}.stage")
        leftovers = len(list(index.rglob("*.tmp")))
        interruptions.append(
            Interruption(moment, stage.read_text() if stage.exists() else "", _finished(index), leftovers)
        )
    return interruptions


def _finished(index: Path) -> int:
    return len(list((index / _STATE).glob("shard-*.json")))


def _hashes(index: Path) -> dict[str, str]:
    return {
        str(path.relative_to(index)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(index.rglob("*"))
        if path.is_file()
    }


def _report(whole: Path, killed: Path, interruptions: Sequence[Interruption], kills: int) -> int:
    from densephrase.index.verify import verify

    print("| kill | seconds after start | stage | shards finished | half-written files |\n|---|---|---|---|---|")
    for number, item in enumerate(interruptions, 1):
        print(f"| {number} | {item.seconds:.2f} | {item.stage} | {item.finished_shards} | {item.leftovers} |")
    expected, found = _hashes(whole), _hashes(killed)
    differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    problems = [*verify(whole), *verify(killed)]
    print(f"\nfiles: {len(expected)}, differing: {len(differing)}, problems found by verify: {len(problems)}")
    for line in (*differing, *problems):
        print(f"  {line}")
    return 1 if differing or problems or len(interruptions) < kills else 0


if __name__ == "__main__":
    raise SystemExit(main())
