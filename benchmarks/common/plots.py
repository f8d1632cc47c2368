"""Figures that are drawn the same each time."""

from __future__ import annotations

from typing import Any

from densephrase.errors import MissingExtraError


def new_figure(size: tuple[float, float]) -> Any:
    """Return an empty matplotlib figure of so many inches; the ids in its svg are the same in each run.

    Raises MissingExtraError without matplotlib.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "The plot", "benchmarks") from None
    matplotlib.rcParams["svg.hashsalt"] = "densephrase"
    return Figure(figsize=size, layout="constrained")
