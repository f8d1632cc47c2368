"""A small corpus, its questions, an index of it, and a way to run a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from densephrase.cli.main import main
from densephrase.phrase_index import PhraseIndex

DOCUMENTS = [
    {"id": "hamlet", "title": "Hamlet", "text": "Hamlet is a play by Shakespeare.\n\nIt is set in Denmark."},
    {"id": "tesla", "title": "Nikola Tesla", "text": "Tesla was born in 1856 [O.S. 28 June].\n\nHe died in New York."},
    {"id": "notes", "title": "", "text": "Nothing here has a title, and the caf\u00e9 is closed."},
]
QUESTIONS = [
    {
        "id": "q1",
        "question": "Who wrote Hamlet?",
        "answers": ["Shakespeare"],
        "context": "Hamlet is a play by Shakespeare.",
    },
    {
        "id": "q2",
        "question": "Where did Tesla die?",
        "answers": [{"text": "New York"}],
        "context": "He died in New York.",
    },
    {
        "id": "q3",
        "question": "When was Tesla born?",
        "answers": ["1856", "in 1856"],
        "context": DOCUMENTS[1]["text"][:38],
    },
]


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """The JSON objects on stdout, one a line and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of three documents."""
    return write_lines(tmp_path / "corpus.jsonl", DOCUMENTS)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Three questions about it, with their paragraphs."""
    return write_lines(tmp_path / "questions.jsonl", QUESTIONS)


@pytest.fixture(scope="session")
def index_path(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_path: Path) -> Path:
    """An index of the corpus, to be read only."""
    folder = tmp_path_factory.mktemp("cli")
    source = write_lines(folder / "corpus.jsonl", DOCUMENTS)
    PhraseIndex.build(source, folder / "index", tiny_encoder_path).close()
    return folder / "index"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run a command line in this process; wrong usage gives its exit code like everything else."""

    def run_command(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *capsys.readouterr())

    return run_command
