"""Recall, time, bytes and build seconds of inverted lists against the number of vectors, to a hundred million.

    python -m benchmarks scale INDEX QUESTIONS FOLDER [--rows 1000000 0 100000000] [--limit 300]
    python -m benchmarks scale INDEX QUESTIONS FOLDER --check

Takes the start vectors of an index: a random sample of them, all of them (`--rows 0`), or all and more that are grown
from them (`benchmarks/scale/grown_vectors.py` says how and why). Of each vector the first 128 dimensions are stored, 8
bits each, once, in the lists: 64 that are scanned, and 64 that decide among the best of these, as the rows of an index
do.
Questions are encoded with the index's encoder. Recall is that of the hundred largest inner products of 128 dimensions
against a scan of all rows. Each time is that of one question on one thread, from its integer weights to its
hundred rows, the best of five times, with the whole file in the page cache; p50 and p99 are over questions. Where it
says cold, the file was thrown out of the page cache and opened again before each question.

FOLDER keeps what was made: a run that was stopped goes on, and figures come from there the second time. Grown vectors
need 130 bytes a row twice while their lists are built. `--check` grows the first number of rows to as many as are real
and compares what came out with the real ones.

The projection at the end is one: it extends the line through what was measured to the three billion tokens of
Wikipedia, and nothing of that size was built.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.command_line import kept
from benchmarks.common.matrix_rows import MatrixRows
from benchmarks.scale.scale_lists import PlanedLists, split_rows
from benchmarks.scale.scale_report import plot, print_check, print_projection, print_table
from benchmarks.scale.scale_search import exact_best, measure, measure_cold, warm
from benchmarks.scale.scale_vectors import (
    DIMENSIONS,
    first_dimensions,
    nearest_distances,
    question_vectors,
    write_real,
    write_vectors,
)
from densephrase.build_index.lists.inverted_list_builder import ListSettings, write_inverted_lists
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.index.format.index_parts import AnnRecord
from densephrase.index.index_reader import IndexReader
from densephrase.index.lists.list_rule import choose_probes
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.fixed_point import to_fixed_point
from densephrase.storage.records import record_from_json

STEPS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)  # times the probes of the rule
_REPEATS = 5
_COLD_QUESTIONS = 20
_NEIGHBOURS = 400


def main() -> None:
    """Measure, or read what was measured, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("questions")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 0, 100_000_000])
    parser.add_argument("--limit", type=int, default=300, help="questions")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="default: scale.svg in FOLDER")
    parser.add_argument("--check", action="store_true", help="compare grown vectors with real ones")
    options = parser.parse_args()
    index = IndexReader.open(options.index)
    scale = Scale(index, options.questions, options.folder, options.limit)
    if options.check:
        print_check(kept(options.folder / "check.json", lambda: scale.check(options.rows[0])))
        return
    figures = [scale.figures(rows or scale.real) for rows in sorted(rows or scale.real for rows in options.rows)]
    print_table(figures)
    print_projection(figures, index.manifest)
    plot(figures, options.plot or options.folder / "scale.svg")


class Scale:
    """The files and figures of one folder."""

    def __init__(self, index: IndexReader, questions: str, folder: Path, limit: int) -> None:
        self._index, self._folder = index, folder
        encoder = PhraseEncoder.from_pretrained(index.checked_encoder())
        self._quantiser: VectorQuantiser = first_dimensions(encoder.start_quantiser)
        self.real = int(index.bases.starts[-1])
        folder.mkdir(parents=True, exist_ok=True)
        vectors = self._array("questions.npy", lambda path: np.save(path, question_vectors(questions, limit, encoder)))
        self._weights = to_fixed_point(vectors, self._quantiser).weights[:, 0].copy()

    def figures(self, rows: int) -> dict[str, Any]:
        """Return what was measured over `rows` rows."""
        return kept(self._folder / f"{rows}-figures.json", lambda: self._measure(rows))

    def check(self, rows: int) -> dict[str, Any]:
        """Return what rows grown from a sample of `rows` look like beside the real ones."""
        sample_lists, _ = self._lists(rows, None, str(rows))
        sample = self._vectors(rows)
        grown = self._array("check.npy", lambda path: write_vectors(path, self.real, sample, sample_lists))
        compared = {}
        for name, matrix, stem in (("real", self._vectors(self.real), str(self.real)), ("grown", grown, "check")):
            lists, record = self._lists(self.real, matrix, stem)
            sizes = np.diff(lists.inverted.list_ptr).astype(float)
            exact = self._exact(lists, stem)
            compared[name] = {
                "nearest": np.percentile(
                    nearest_distances(matrix, self._quantiser.scale, _NEIGHBOURS), (5, 25, 50, 75, 95)
                ).tolist(),
                "imbalance": float(len(sizes) * np.square(sizes).sum() / sizes.sum() ** 2),
                "points": [asdict(point) for point in self._sweep(lists, exact, record)],
            }
        return compared

    def _measure(self, rows: int) -> dict[str, Any]:
        lists, record = self._lists(rows, None, str(rows))
        path = self._folder / f"{rows}.h5"
        exact = self._exact(lists, str(rows))
        built = json.loads((self._folder / f"{rows}-lists.json").read_text(encoding="utf-8"))
        warm(lists)
        sizes = np.diff(lists.inverted.list_ptr).astype(float)
        points = self._sweep(lists, exact, record)
        del lists
        good = [point.probes for point in points if point.recall >= 0.95]
        cold = measure_cold(path, record, self._weights[:_COLD_QUESTIONS], rows, min(good, default=points[-1].probes))
        return {
            "rows": rows,
            "lists": record.lists,
            "groups": record.groups,
            "bytes": path.stat().st_size,
            "build": {name: built[name] for name in ("seconds", "threads")},
            "imbalance": float(len(sizes) * np.square(sizes).sum() / sizes.sum() ** 2),
            "questions": len(self._weights),
            "points": [asdict(point) for point in points],
            "cold": cold,
        }

    def _sweep(self, lists: PlanedLists, exact: NDArray[np.int64], record: AnnRecord) -> list[Any]:
        rule = choose_probes(len(lists.rest), record.lists)
        counts = sorted({min(record.lists, math.ceil(step * rule)) for step in STEPS})
        return [measure(lists, self._weights, exact, probes, _REPEATS) for probes in counts]

    def _exact(self, lists: PlanedLists, stem: str) -> NDArray[np.int64]:
        return self._array(f"{stem}-exact.npy", lambda path: np.save(path, exact_best(lists, self._weights)))

    def _lists(self, rows: int, vectors: NDArray[np.int8] | None, stem: str) -> tuple[PlanedLists, AnnRecord]:
        """Build or open the lists over `vectors`, made for it where they are None."""
        path = self._folder / f"{stem}.h5"
        figures = kept(self._folder / f"{stem}-lists.json", lambda: self._build(rows, vectors, path))
        record = record_from_json(AnnRecord, figures["record"], str(path))
        return PlanedLists.open(path, record, rows, DIMENSIONS), record

    def _build(self, rows: int, vectors: NDArray[np.int8] | None, path: Path) -> dict[str, Any]:
        codes = self._vectors(rows) if vectors is None else vectors
        settings = ListSettings(DIMENSIONS, DIMENSIONS, lists=None, seed=0)
        began = time.monotonic()
        whole = path.with_suffix(".whole.h5")
        record = write_inverted_lists(MatrixRows(codes), whole, self._quantiser, settings, lambda _: None)
        if rows > self.real:
            (self._folder / f"{rows}.npy").unlink()  # large, and the lists hold it all
        record = split_rows(whole, path, record)
        whole.unlink()
        seconds = time.monotonic() - began
        return {"record": asdict(record), "seconds": seconds, "threads": os.environ.get("OMP_NUM_THREADS", "all")}

    def _vectors(self, rows: int) -> NDArray[np.int8]:
        """Return a mapped matrix of so many rows: a sample, the real ones, or more."""
        if rows == self.real:
            return self._array(f"{rows}.npy", lambda path: write_real(path, self._index))
        real = self._vectors(self.real)
        lists = self._lists(self.real, real, str(self.real))[0] if rows > self.real else None
        return self._array(f"{rows}.npy", lambda path: write_vectors(path, rows, real, lists))

    def _array(self, name: str, make: Callable[[Path], None]) -> NDArray[Any]:
        """Return the mapped array in a file of the folder, which `make` writes where it is missing."""
        path = self._folder / name
        if not path.is_file():
            temporary = path.with_suffix(".unfinished.npy")
            make(temporary)
            temporary.rename(path)
        array: NDArray[Any] = np.load(path, mmap_mode="r")
        return array


if __name__ == "__main__":
    main()
