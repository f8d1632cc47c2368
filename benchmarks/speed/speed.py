"""The speed of an index in four tables and four plots: a question's steps, the kernels' roofline, scale, throughput.

    NUMBA_NUM_THREADS=4 python -m benchmarks speed INDEX QUESTIONS --output FOLDER [--without scale]
        [--latency="--limit 500 --cold"] [--roofline="--repeats 9"] [--scale="--rows 1000000 0"]
        [--throughput="--threads 1 2 4"]

    FOLDER/latency.md, latency.svg        seconds per question, split into steps (`benchmarks.speed.latency`)
    FOLDER/roofline.md, roofline.svg      bytes/s of each kernel over a bare read's (`benchmarks.roofline.roofline`)
    FOLDER/scale.md, scale.svg            1, 10 and 100 million vectors (`benchmarks.scale.scale`)
    FOLDER/throughput.md, throughput.svg  questions/s against threads and batches (`benchmarks.speed.throughput`)

What stands behind `--latency=` and so on goes to that benchmark. Each runs in a process of its own, so that memory and
threads are its own. Scale is made in FOLDER/vectors; its default sizes take hours and 40 GB of disk, and it goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

PARTS = ("latency", "roofline", "scale", "throughput")


def main() -> None:
    """Run the benchmarks one after the other and write what they print to files."""
    options = _arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        if name not in options.without:
            write_part(name, command(name, options), options.output / f"{name}.md")
            print(f"{options.output / name}.md")


def command(name: str, options: argparse.Namespace) -> list[str]:
    """Return the arguments of one benchmark."""
    index, questions, output = str(options.index), str(options.questions), options.output
    data = {
        "roofline": ["--index", index, "--questions", questions],
        "scale": [index, questions, str(output / "vectors")],
    }
    return [*data.get(name, [index, questions]), "--plot", str(output / f"{name}.svg"), *getattr(options, name)]


def write_part(name: str, arguments: list[str], file: Path) -> None:
    """Run a benchmark and write what it prints to a file, which is there only when it is complete."""
    unfinished = file.with_suffix(".unfinished")
    with unfinished.open("w", encoding="utf-8") as output:
        print(f"`python -m benchmarks.{name} {shlex.join(arguments)}`\n", file=output, flush=True)
        done = subprocess.run([sys.executable, "-m", "benchmarks", name, *arguments], stdout=output, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed with exit code {done.returncode}; see above and {unfinished}.")
    os.replace(unfinished, file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--without", nargs="+", choices=PARTS, default=[])
    for name in PARTS:
        text = f"--{name}='OPTION VALUE ...', further arguments of benchmarks.{name}"
        parser.add_argument(f"--{name}", type=shlex.split, default=[], metavar="ARGUMENTS", help=text)
    return parser.parse_args()


if __name__ == "__main__":
    main()
