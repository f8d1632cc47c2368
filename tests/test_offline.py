"""Nothing asks the network: commands run in a process in which whoever tries ends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = "The king was born in Paris.\n\nThe war was in 1789."
ROWS = [{"question": "where was the king born", "answers": ["Paris"], "context": TEXT[:27], "title": "King"}]
pytestmark = pytest.mark.slow
ASKED = 9  # exit code of a process that asked the network

# Runs the command lines in its first argument, a list of lists, until one fails.
_PROGRAM = f"""
import json, os, socket, sys

def refuse(event, arguments):
    local = event == "socket.connect" and arguments[0].family == getattr(socket, "AF_UNIX", None)
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname") and not local:
        os.write(2, f"asked the network: {{event}} {{arguments[1:]}}\\n".encode())
        os._exit({ASKED})

sys.addaudithook(refuse)
from densephrase.cli.main import main

for command in json.loads(sys.argv[1]):
    code = main(command)
    if code:
        sys.exit(code)
"""


def run_offline(folder: Path, *commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Run commands in `folder` without a network; settings that would keep them from asking are taken away."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_OFFLINE")}
    environment["HF_HOME"] = str(folder / "hub")
    command = [sys.executable, "-c", _PROGRAM, json.dumps(commands)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a corpus and a question file."""
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"id": "king", "title": "King", "text": TEXT}), encoding="utf-8")
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return tmp_path


def test_build_ask_and_evaluate_ask_no_network(folder: Path, tiny_encoder_path: Path) -> None:
    encoder = str(tiny_encoder_path)
    ran = run_offline(
        folder,
        ["build", "corpus.jsonl", "my-index", "--encoder", encoder],
        ["ask", "my-index", "where was the king born"],
        ["ask", "my-index", "where was the king born", "--encoder", encoder],
        ["evaluate", "my-index", "questions.jsonl"],
        ["evaluate", "--closed", "questions.jsonl", "--encoder", encoder],
        ["verify", "my-index"],
        ["info", "my-index"],
    )
    assert ran.returncode == 0, ran.stderr


def test_an_index_without_its_encoder_asks_no_network(folder: Path, tiny_encoder_path: Path) -> None:
    assert (
        run_offline(folder, ["build", "corpus.jsonl", "my-index", "--encoder", str(tiny_encoder_path)]).returncode == 0
    )
    shutil.rmtree(folder / "my-index" / "encoder")
    ran = run_offline(folder, ["ask", "my-index", "where was the king born"])
    assert ran.returncode == 1, ran.stderr
    assert "lost its folder 'encoder'" in " ".join(ran.stderr.split())


def test_an_id_that_the_user_gives_asks_the_network(folder: Path) -> None:
    ran = run_offline(folder, ["build", "corpus.jsonl", "my-index", "--encoder", "nobody-at-all/no-such-encoder"])
    assert ran.returncode == ASKED, ran.stderr
