"""The documents give the same figures, versions and promises as the code and each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import densephrase
from densephrase.index.format.manifest import INDEX_FORMAT_VERSION

ROOT = Path(__file__).parent.parent


def rows(file: Path) -> list[list[str]]:
    """Return the cells of all table rows of a document."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_model_card_gives_the_published_figures() -> None:
    published = {", ".join(cells[:3]): cells[3:5] for cells in rows(ROOT / "docs" / "figures.md") if len(cells) >= 7}
    card = {
        cells[0]: cells[1:]
        for cells in rows(ROOT / "densephrase" / "models" / "default" / "README.md")
        if "-dev (" in cells[0]
    }
    assert len(card) >= 9
    for name, figures in card.items():
        known = f"{name}, closed" if name.startswith("closed") else name
        assert figures == published[known], name


def test_the_changelog_names_the_version_and_the_format_of_the_code() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [line.split()[1].strip(",") for line in changelog.splitlines() if line.startswith("## 0")]
    assert versions[0] == densephrase.__version__
    assert f"**format {INDEX_FORMAT_VERSION}**" in changelog


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "benchmarks/REPORT.md"]
)
def test_what_a_document_links_to_exists(name: str) -> None:
    file = ROOT / name
    links = re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (file.parent / link).exists()]
    assert missing == []
