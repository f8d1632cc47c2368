"""The README's example: the files in `example/`, asked what the README asks, give the answers that it prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from densephrase import PhraseIndex

TESTS = Path(__file__).resolve().parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("readme") / "my-index"
    PhraseIndex.build(TESTS / "example", path).close()
    return path


@pytest.mark.slow
def test_the_command_prints_what_the_readme_shows(index_path: Path) -> None:
    [question] = re.findall(r'densephrase ask my-index "(.*?)"', README)
    [shown] = re.findall(r"^ 1\. (.*)\n(?:.*\n)?.*\((\S+)\) \[(\d+):(\d+)\]", README, re.MULTILINE)
    with PhraseIndex.open(index_path) as index:
        [answer] = index.search(question, top_k=1)
    assert (answer.text, answer.document.id, str(answer.start), str(answer.end)) == shown


@pytest.mark.slow
def test_the_python_lines_print_what_the_readme_shows(index_path: Path) -> None:
    [question] = re.findall(r'index\.search\("(.*?)", top_k=2\)', README)
    shown = re.findall(r"^(\d+) [\d.e-]+ (\S+) (\d+) (\d+)$", README, re.MULTILINE)
    with PhraseIndex.open(index_path) as index:
        answers = index.search(question, top_k=2)
    assert [(one.text, one.document.id, str(one.start), str(one.end)) for one in answers] == shown
