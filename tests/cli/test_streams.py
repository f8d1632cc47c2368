"""Closed and full standard streams, and refused memory: one line and an exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import densephrase
from densephrase.cli import main as main_module
from densephrase.cli.main import main

ROOT = Path(densephrase.__file__).parent.parent
QUESTION = "'Who wrote Hamlet?'"


def shell(command: str, folder: Path, **streams: int) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `densephrase` is the command."""
    script = f'densephrase() {{ "{sys.executable}" -m densephrase "$@"; }}\n{command}'
    # Where nothing is buffered, argparse itself passes over a failed write of --help.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment = {**inherited, "PYTHONPATH": str(ROOT)}
    command_line = ["/bin/sh", "-c", script]
    return subprocess.run(
        command_line, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False, **streams
    )


@pytest.mark.parametrize("arguments", ["info index", f"ask index {QUESTION}", "verify index", "--help", "build a b"])
def test_closed_stdout(index_path: Path, arguments: str) -> None:
    done = shell(f"densephrase {arguments} >&-", index_path.parent)
    assert done.returncode == 1
    assert done.stderr == (
        "densephrase: stdout is closed, so that results would be lost; send them to a file or to /dev/null.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", ["info index", "info index --json", "--help", "info --help", "verify index"])
def test_full_stdout(index_path: Path, arguments: str) -> None:
    done = shell(f"densephrase {arguments} >/dev/full", index_path.parent)
    lines = [line for line in done.stderr.splitlines() if "problems found" not in line]
    assert (done.returncode, lines) == (1, ["densephrase: [Errno 28] No space left on device"])


def test_closed_stdin(index_path: Path) -> None:
    done = shell("densephrase ask index <&-", index_path.parent)
    assert done.returncode == 1
    assert done.stderr == ("densephrase: stdin is closed, so that no questions can be read from it; give a question.\n")
    done = shell("densephrase ask index - <&-", index_path.parent)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("give a question.\n")


def test_a_question_needs_no_stdin(index_path: Path) -> None:
    done = shell(f"densephrase ask index {QUESTION} --top-k 1 --json <&-", index_path.parent)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_closed_stderr_takes_no_place_of_a_file(index_path: Path, tmp_path: Path) -> None:
    done = shell(f"densephrase info {index_path} --json 2>&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{")
    code = "from densephrase.cli.streams import occupy_closed; occupy_closed(); print(open('x', 'w').fileno())"
    done = shell(f'"{sys.executable}" -c "{code}" 2>&- <&-', tmp_path)
    assert int(done.stdout) > 2


def test_all_streams_closed(index_path: Path) -> None:
    assert shell("densephrase info index <&- >&- 2>&-", index_path.parent).returncode == 1


def test_stderr_that_takes_no_more(index_path: Path) -> None:
    done = shell("densephrase info nowhere 2>/dev/full", index_path.parent)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "(MemoryError)"),
        (MemoryError("Unable to allocate 7.5 GiB for an array"), "(Unable to allocate 7.5 GiB for an array)"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried\nmore"), "you tried)"),
        (ImportError("Exception caught: std::bad_alloc"), "(Exception caught: std::bad_alloc)"),
        (ImportError("x.so: failed to map segment from shared object"), "from shared object)"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "(CUDA out of memory. Tried to allocate)"),
    ],
    ids=["Python", "numpy", "torch", "C++", "the loader", "CUDA"],
)
def test_refused_memory(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(arguments: object) -> int:
        raise error

    monkeypatch.setattr(main_module, "_dispatch", refused)
    assert main(["info"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("densephrase: there is not enough memory (")
    assert captured.err.endswith(f"{line}.\n")
    assert captured.err.count("\n") == 1


def test_other_faults_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(arguments: object) -> int:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(main_module, "_dispatch", fault)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        main(["info"])
