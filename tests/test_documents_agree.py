"""The README and the model card of the default encoder give the same figures."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent


def rows(file: Path) -> list[list[str]]:
    """Return the cells of all table rows of a document."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_model_card_gives_the_figures_of_the_readme() -> None:
    readme = {", ".join(cells[:3]): cells[3:5] for cells in rows(ROOT / "README.md") if len(cells) >= 7}
    card = {
        cells[0]: cells[1:]
        for cells in rows(ROOT / "densephrase" / "models" / "default" / "README.md")
        if "-dev (" in cells[0]
    }
    assert len(card) >= 9
    for name, figures in card.items():
        known = f"{name}, closed" if name.startswith("closed") else name
        assert figures == readme[known], name
