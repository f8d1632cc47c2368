"""The documents give the same figures, versions and promises as the code and each other, and name what there is."""

from __future__ import annotations

import argparse
import importlib
import re
from functools import cache
from pathlib import Path

import pytest

import densephrase
from densephrase.index.format.manifest import INDEX_FORMAT_VERSION

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for folder in (".", "benchmarks", "densephrase/models/default", "docs", "kernels", "kernels/lowlevel", "serve")
    for path in (ROOT / folder).glob("*.md")
)
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


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


@cache
def options_of(command: str) -> frozenset[str]:
    """Return the options of a command."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"densephrase.cli.commands.{command.replace('-', '_')}").add_arguments(parser)
    return frozenset(option for action in parser._actions for option in action.option_strings)


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """Return the commands on a page, each with the options behind it up to the end of its line, code or cell."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"\bdensephrase ([a-z]+(?:-[a-z]+)*)\b([^\n`|]*)", text)
    known = {path.stem.replace("_", "-") for path in (ROOT / "densephrase/cli/commands").glob("[!_]*.py")}
    return [(command, re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest)) for command, rest in found if command in known]


@each_page
def test_commands_have_the_options_that_a_page_gives_them(page: Path) -> None:
    for command, options in commands(page):
        assert not set(options) - options_of(command), command


def test_commands_are_found_on_pages() -> None:
    assert ("ask", ["--top-k", "--explain"]) in commands(ROOT / "docs" / "guide.md")
    assert sum(len(options) for page in PAGES for _, options in commands(page)) > 30


@each_page
def test_a_page_names_modules_and_members_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"(?:`|^::: )(densephrase(?:\.\w+)+)(?=`|$)", text, re.MULTILINE):
        if name == "densephrase.serve":  # an empty room has nothing to be imported
            continue
        module, _, member = name.rpartition(".")
        assert hasattr(importlib.import_module(module), member) or importlib.import_module(name), name
