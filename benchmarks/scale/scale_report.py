"""Tables, plot and projection of the scale benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common.plots import new_figure
from densephrase.index.format.manifest import Manifest

RECALL = 0.95
WIKIPEDIA_TOKENS = 3e9  # whose phrases of up to 20 tokens are 60 billion
_MACHINE_MEMORY = 64e9
_COLUMNS = ("rows", "lists", "groups", "probes", "scanned", "recall@100", "coarse p50 ms", "p50 ms", "p99 ms")


def print_table(figures: list[dict[str, Any]]) -> None:
    """Print a row for each size and number of probes, then a row for each size."""
    _line(_COLUMNS)
    _line(["---"] * len(_COLUMNS))
    for size in figures:
        for point in size["points"]:
            scanned = f"{point['scanned']:,.0f} ({point['scanned'] / size['rows']:.2%})"
            times = [f"{1e3 * point[name]:.3f}" for name in ("coarse_p50", "p50", "p99")]
            groups = f"{point['groups']} of {size['groups']}"
            _line(
                [f"{size['rows']:,}", size["lists"], groups, point["probes"], scanned, f"{point['recall']:.4f}", *times]
            )
    print(f"\nAt a recall@100 of {RECALL} (between two rows of the table):\n")
    columns = ("rows", "questions", "p50 ms", "times the first", "cold p50 ms", "GB", "build s (threads)", "imbalance")
    _line(columns)
    _line(["---"] * len(columns))
    for size in figures:
        milliseconds = 1e3 * seconds_at(size["points"])
        growth = seconds_at(size["points"]) / seconds_at(figures[0]["points"])
        build = f"{size['build']['seconds']:,.0f} ({size['build']['threads']})"
        cold = f"{1e3 * float(np.median(size['cold'])):.0f}"
        values = (f"{milliseconds:.2f}", f"{growth:.1f}", cold, f"{size['bytes'] / 1e9:.2f}", build)
        _line([f"{size['rows']:,}", size["questions"], *values, f"{size['imbalance']:.2f}"])


def seconds_at(points: list[dict[str, Any]], recall: float = RECALL, name: str = "p50") -> float:
    """Return a figure at a recall, by a straight line between the points beside it; NaN if none reaches it."""
    recalls = np.maximum.accumulate([point["recall"] for point in points])
    if recalls[-1] < recall:
        return float("nan")
    return float(np.interp(recall, recalls, [point[name] for point in points]))


def fit(figures: list[dict[str, Any]], name: str = "p50") -> tuple[float, float]:
    """Return (exponent, factor) of `seconds = factor * rows ** exponent` at RECALL."""
    rows = np.log([size["rows"] for size in figures])
    exponent, constant = np.polyfit(rows, np.log([seconds_at(size["points"], name=name) for size in figures]), 1)
    return float(exponent), float(np.exp(constant))


def print_projection(figures: list[dict[str, Any]], manifest: Manifest) -> None:
    """Extend what was measured to the tokens of Wikipedia."""
    if len(figures) < 2:
        return
    exponent, factor = fit(figures)
    starts = WIKIPEDIA_TOKENS * manifest.counts.starts / manifest.counts.tokens
    list_bytes = starts * figures[-1]["bytes"] / figures[-1]["rows"]
    index_bytes = WIKIPEDIA_TOKENS * manifest.bytes / manifest.counts.tokens
    machines = int(np.ceil(list_bytes / _MACHINE_MEMORY))
    print("\nPROJECTION, not measured: Wikipedia, 3 billion tokens, 60 billion phrases of up to 20 tokens\n")
    print(
        f"- start vectors: {starts / 1e6:,.0f} million, {manifest.counts.starts / manifest.counts.tokens:.3f} a token"
    )
    print(
        f"- lists of all their codes: {list_bytes / 1e9:,.0f} GB; the whole index as it is: {index_bytes / 1e9:,.0f} GB"
    )
    print(f"- fit: seconds grow with rows to the power {exponent:.3f}")
    print(
        f"- one machine with {list_bytes / 1e9:,.0f} GB of memory: {1e3 * factor * starts**exponent:.1f} ms a question"
    )
    print(
        f"- {machines} machines of {_MACHINE_MEMORY / 1e9:.0f} GB, each with its share of the rows, asked at once: "
        f"{1e3 * factor * (starts / machines) ** exponent:.1f} ms a question and the network"
    )


def print_check(compared: dict[str, Any]) -> None:
    """Print grown vectors beside real ones."""
    names = [f"nearest row, {share} %" for share in (5, 25, 50, 75, 95)]
    _line(["", *compared])
    _line(["---"] * (1 + len(compared)))
    for place, name in enumerate(names):
        _line([name, *(f"{one['nearest'][place]:.2f}" for one in compared.values())])
    _line(["imbalance of lists", *(f"{one['imbalance']:.2f}" for one in compared.values())])
    scanned = (seconds_at(one["points"], name="scanned") for one in compared.values())
    _line([f"rows scanned for recall@100 {RECALL}", *(f"{rows:,.0f}" for rows in scanned)])


def plot(figures: list[dict[str, Any]], file: Path) -> None:
    """Draw recall against milliseconds, and milliseconds at RECALL against rows, both axes logarithmic."""
    figure = new_figure((10, 4))
    left, right = figure.subplots(1, 2)
    for size in figures:
        milliseconds = [1e3 * point["p50"] for point in size["points"]]
        left.plot(milliseconds, [point["recall"] for point in size["points"]], "o-", label=f"{size['rows']:,} vectors")
    left.set(xscale="log", xlabel="milliseconds per question (p50, one thread, warm)", ylabel="recall@100")
    left.grid(alpha=0.3)
    left.legend(fontsize=8)
    rows = np.array([size["rows"] for size in figures])
    right.plot(rows, [1e3 * seconds_at(size["points"]) for size in figures], "o-", label=f"recall@100 of {RECALL}")
    right.plot(rows, 1e3 * seconds_at(figures[0]["points"]) * rows / rows[0], ":", color="gray", label="linear")
    right.set(xscale="log", yscale="log", xlabel="vectors", ylabel="milliseconds per question (p50)")
    right.grid(alpha=0.3)
    right.legend(fontsize=8)
    figure.savefig(file)


def _line(cells: Any) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")
