"""Whatever is written passes one place that makes control characters visible."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.cli import main as main_module
from densephrase.cli.control_characters import escaped, escaped_json
from densephrase.cli.output import note, write_json, write_lines, write_table
from densephrase.errors import CorpusError

Run = Callable[..., Any]
NAME = "a\x1b[31m\r\n\x9b\u202e\u2066\u200f\u2028b"
SHOWN = "a\\x1b[31m\\r\\n\\x9b\\u202e\\u2066\\u200f\\u2028b"
STEERING = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u061c\u200e\u200f\u2028\u2029"}
STEERING |= {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def test_what_steers_is_written_as_in_python() -> None:
    assert escaped(NAME) == SHOWN
    assert escaped("caf\u00e9 \U0001f3ad \u0928\u093f\u200d") == "caf\u00e9 \U0001f3ad \u0928\u093f\u200d"
    assert escaped("caf\udce9") == "caf\\udce9"


@given(st.text(st.characters() | st.sampled_from(sorted(STEERING | {"\\", '"'}))))
def test_json_means_the_same_without_what_steers(text: str) -> None:
    line = escaped_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(line) == {"text": text}
    assert not STEERING & set(line)


@pytest.mark.parametrize(
    ("write", "shown"),
    [
        pytest.param(note, SHOWN + "\n", id="note"),
        pytest.param(lambda text: write_lines([text]), SHOWN + "\n", id="lines"),
        pytest.param(lambda text: write_table([("name", text)]), f"name  {SHOWN}\n", id="table"),
        pytest.param(
            lambda text: write_json({"name": text}),
            '{"name": "a\\u001b[31m\\r\\n\\u009b\\u202e\\u2066\\u200f\\u2028b"}\n',
            id="json",
        ),
    ],
)
def test_every_way_out(write: Callable[[str], None], shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(NAME)
    captured = capsys.readouterr()
    assert captured.out + captured.err == shown


def test_errors_and_warnings(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(options: argparse.Namespace) -> int:
        logging.getLogger("densephrase.corpus.reader").warning("skipped: %s", NAME)
        raise CorpusError(NAME)

    command = SimpleNamespace(__doc__="Do.", add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(main_module, "import_module", lambda name: command)
    assert main_module.main(["info"]) == 1
    assert capsys.readouterr() == ("", f"warning: skipped: {SHOWN}\ndensephrase: {SHOWN}\n")


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main_module.main(["info", "index", f"--{NAME}"])
    shown = capsys.readouterr().err
    assert not STEERING & set(shown.replace("\n", ""))
    assert shown.startswith("usage: densephrase info")


@pytest.mark.skipif(sys.platform == "win32", reason="names hold no control characters there")
def test_names_of_files_in_every_command(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "a.jsonl").write_text("broken\n")
    (folder / "manifest.json").write_text("{")
    os.symlink("nowhere", folder / f"{NAME}.txt")
    for arguments in (
        ("build", folder, tmp_path / "index", "--skip-bad"),
        ("info", folder),
        ("verify", folder),
        ("verify", folder, "--json"),
        ("ask", folder, "Who?"),
        ("evaluate", "--closed", folder / "a.jsonl"),
        ("build", folder / "a.jsonl", folder / "index"),
    ):
        ran = run(*arguments)
        assert ran.code in (1, 2), arguments
        assert not STEERING & set((ran.out + ran.err).replace("\n", "")), arguments
        assert (SHOWN if "--json" not in arguments else "\\u009b") in ran.out + ran.err, arguments
