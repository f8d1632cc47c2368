"""Compare a CUDA device with the processor: building, fitting lists, answering questions.

    python -m benchmarks gpu CORPUS QUESTIONS [--device cuda] [--paragraphs 20000] [--limit 1000] [--json]

Needs a CUDA device, a torch that sees it, and the GPU build of FAISS (pip install 'densephrase[gpu]').

"documents built" counts everything from the corpus file to the manifest of an index with inverted lists, "lists" the
training of the lists and the assignment of all start rows to them, "questions" a list of questions answered by the
index that the processor built, whose answers are compared first. Both sides run in turn, `--repeats` times, and the
fastest counts; the processor has all threads that torch and numba have. Questions are encoded with torch in float32.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba
import torch

from benchmarks.speed.build_speed import first_documents, write_documents
from densephrase.build_index.lists.code_rows import SegmentRows
from densephrase.build_index.lists.inverted_list_builder import ListSettings, write_inverted_lists
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.build_inputs import LIBRARIES
from densephrase.build_index.run.options import BuildOptions
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Answer
from densephrase.encoder.device import find_device
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import DeviceError, MissingExtraError
from densephrase.faiss_device import FaissDevice
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.strategies import DEFAULTS
from densephrase.versions import library_versions

LEAST_AGREEMENT = 0.98  # of first answers; nearly equal scores change places

_OPTIONS = BuildOptions(flat_limit=0)
_SHARDS = "*/shard-*.h5"


def main() -> None:
    """Measure and print a table, or with `--json` all figures."""
    options = _arguments()
    check_device(options.device)
    devices = ("cpu", options.device)
    documents = first_documents(Path(options.corpus), options.paragraphs)
    texts = [question.text for question in read_questions(options.questions)]
    texts = random.Random(options.seed).sample(texts, min(options.limit, len(texts)))
    encoders = {device: PhraseEncoder.from_pretrained(options.encoder, device) for device in devices}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_documents(folder / "corpus.jsonl", documents)
        figures = {
            "build": builds(corpus, folder, encoders, options.repeats),
            "lists": fits(folder / "cpu-0", encoders, options.repeats),
        }
        figures["search"], agreement = searches(folder / "cpu-0", devices, texts, options.strategy, options.repeats)
        with PhraseIndex.open(folder / "cpu-0") as index:
            counts = index.info()
    facts = {
        "seconds": figures,
        "documents_per_second": {device: len(documents) / figures["build"][device] for device in devices},
        "questions_per_second": {device: len(texts) / figures["search"][device] for device in devices},
        "same_first_answer": agreement,
        **{key: counts[key] for key in ("documents", "paragraphs", "tokens", "starts")},
        "questions": len(texts),
        "strategy": options.strategy,
        "device": torch.cuda.get_device_name(options.device),
        "threads": {"torch": torch.get_num_threads(), "numba": numba.config.NUMBA_NUM_THREADS},
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
        "versions": library_versions(LIBRARIES),
    }
    if options.json:
        print(json.dumps(facts))
    else:
        _print_table(facts, devices)


def check_device(device: str) -> None:
    """Leave with one line that says what is missing where nothing could be compared."""
    try:
        if find_device(device).type != "cuda":
            raise DeviceError(f"{device!r} is no CUDA device, and the processor is what it would be compared with.")
        FaissDevice.open(device, "This benchmark")
    except (DeviceError, MissingExtraError) as error:
        raise SystemExit(f"Nothing to measure. {error}") from error


def builds(corpus: Path, folder: Path, encoders: dict[str, PhraseEncoder], repeats: int) -> dict[str, float]:
    """Return the seconds of a build on each device; the indexes stay in `folder` as "cpu-0" and so on."""

    def run(device: str, number: int) -> None:
        build(corpus, folder / f"{device}-{number}", encoder=encoders[device], options=_OPTIONS)

    for encoder in encoders.values():
        encoder.encode_paragraphs([ParagraphInput("The first call is slow on every device.")])
    return _fastest(run, tuple(encoders), repeats)


def fits(index: Path, encoders: dict[str, PhraseEncoder], repeats: int) -> dict[str, float]:
    """Return the seconds that lists over the start rows of an index take on each device."""
    rows = SegmentRows(sorted((index / SEGMENTS_FOLDER).glob(_SHARDS)))

    def run(device: str, number: int) -> None:
        encoder = encoders[device]
        settings = ListSettings(encoder.config.vector_size, _OPTIONS.list_dimensions, None, _OPTIONS.seed, device)
        path = index.parent / f"lists-{device}-{number}.h5"
        write_inverted_lists(rows, path, encoder.start_quantiser, settings, lambda _: None)
        path.unlink()

    return _fastest(run, tuple(encoders), repeats)


def searches(
    index: Path, devices: Sequence[str], questions: Sequence[str], strategy: Any, repeats: int
) -> tuple[dict[str, float], float]:
    """Return the seconds of the questions on each device, and the share of them with the same first answer on all.

    Leaves where that share is less than LEAST_AGREEMENT: then it makes no sense to compare times.
    """
    opened = {device: PhraseIndex.open(index, device, runtime="torch") for device in devices}
    first, *others = ([_first(some) for some in one.search(questions, 1, strategy)] for one in opened.values())
    same = sum(all(other[row] == answer for other in others) for row, answer in enumerate(first)) / max(1, len(first))
    if same < LEAST_AGREEMENT:
        raise SystemExit(f"Only {same:.1%} of the questions have the same first answer on {' and '.join(devices)}.")
    seconds = _fastest(lambda device, _: opened[device].search(questions, 10, strategy), devices, repeats)
    for one in opened.values():
        one.close()
    return seconds, same


def _first(answers: Sequence[Answer]) -> tuple[str, str] | None:
    return (answers[0].document.id, answers[0].text) if answers else None


def _fastest(run: Callable[[str, int], object], devices: Sequence[str], repeats: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {device: [] for device in devices}
    for number in range(repeats):
        for device in devices:
            began = time.perf_counter()
            run(device, number)
            seconds[device].append(time.perf_counter() - began)
    return {device: min(times) for device, times in seconds.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="what `densephrase build` reads")
    parser.add_argument("questions", help="SQuAD json or JSON lines, may be gzipped")
    parser.add_argument("--encoder", default="default", help="name or folder of an encoder")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, ... (default: cuda)")
    parser.add_argument("--paragraphs", type=int, default=20_000, help="of the corpus (default: about 20000)")
    parser.add_argument("--limit", type=int, default=1_000, help="how many questions (default: 1000)")
    parser.add_argument("--strategy", default="hybrid", choices=[name for name, row in DEFAULTS.items() if row.starts])
    parser.add_argument("--seed", type=int, default=0, help="seed of the sample of questions")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _print_table(facts: dict[str, Any], devices: Sequence[str]) -> None:
    print(f"| what | {' | '.join(devices)} | times as fast |")
    print(f"|---|{'---|' * (len(devices) + 1)}")
    rows = {
        "documents built/s": [f"{facts['documents_per_second'][device]:,.1f}" for device in devices],
        "lists, seconds": [f"{facts['seconds']['lists'][device]:.1f}" for device in devices],
        "questions/s": [f"{facts['questions_per_second'][device]:,.0f}" for device in devices],
    }
    for (name, cells), seconds in zip(rows.items(), facts["seconds"].values(), strict=True):
        print(f"| {name} | {' | '.join(cells)} | {seconds[devices[0]] / seconds[devices[1]]:.1f} |")
    print(", ".join(f"{name}: {value}" for name, value in facts.items() if not name.endswith(("seconds", "second"))))


if __name__ == "__main__":
    main()
