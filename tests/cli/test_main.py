"""The entry point: help, wrong usage, and errors turned into exit codes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from densephrase import __version__
from densephrase.cli import main as main_module
from densephrase.cli.main import COMMANDS, GROUPS, main
from densephrase.cli.usage import UsageError
from densephrase.errors import CorpusError, IndexFormatError

HEAVY = ("faiss", "h5py", "numba", "numpy", "rich", "tokenizers", "torch", "transformers")


def exit_code(arguments: list[str]) -> int | str | None:
    """Run a command line that argparse ends, and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return caught.value.code


@pytest.fixture
def replace_command(monkeypatch: pytest.MonkeyPatch) -> object:
    """Return a function that puts another body in the place of every command."""

    def replace(run: object) -> None:
        command = SimpleNamespace(__doc__="Do.", add_arguments=lambda parser: None, run=run)
        monkeypatch.setattr(main_module, "import_module", lambda name: command)

    return replace


def raising(error: BaseException) -> object:
    def run(options: argparse.Namespace) -> int:
        raise error

    return run


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--version"]) == 0
    assert capsys.readouterr().out == f"densephrase {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


PARTS = [f"{group} {name}" for group, names in GROUPS.items() for name in names]


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_names_every_part(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code([group, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"usage: densephrase {group}" in out
    assert all(f"  {name} " in out for name in GROUPS[group])


@pytest.mark.parametrize("command", [*COMMANDS, *PARTS])
def test_help_of_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code([*command.split(), "--help"]) == 0
    assert f"usage: densephrase {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([*command.split(), "--help"] for command in [*COMMANDS, *PARTS])],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from densephrase.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    root = Path(main_module.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["info"], ["retrieve"], ["retrieve", "info"], ["ask", "index", "question", "--top-k", "0"]],
    ids=" ".join,
)
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: densephrase" in captured.err


def test_usage_found_wrong_by_the_command_is_2(replace_command, capsys) -> None:  # type: ignore[no-untyped-def]
    replace_command(raising(UsageError("give either of them")))
    assert exit_code(["info"]) == 2
    assert "densephrase info: error: give either of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CorpusError("line 3 is bad"), 1, "densephrase: line 3 is bad\n"),
        (IndexFormatError("no manifest"), 1, "densephrase: no manifest\n"),
        (FileNotFoundError(2, "No such file or directory", "x.txt"), 1, "No such file or directory: 'x.txt'\n"),
        (KeyboardInterrupt(), 130, "densephrase: interrupted.\n"),
        (BrokenPipeError(), 141, ""),
    ],
    ids=["corpus", "index", "operating system", "interrupt", "broken pipe"],
)
def test_errors_become_exit_codes(replace_command, error, code, message, capsys) -> None:  # type: ignore[no-untyped-def]
    replace_command(raising(error))
    assert main(["info"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(message)


def test_the_commands_exit_code_is_passed_on(replace_command) -> None:  # type: ignore[no-untyped-def]
    replace_command(lambda options: 7)
    assert main(["info"]) == 7


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    code = (
        "import sys, types\n"
        "from densephrase.cli import main as module\n"
        "from densephrase.cli.output import write_lines\n"
        "def run(options):\n"
        "    write_lines(['x' * 100] * 100_000)\n"
        "    return 0\n"
        "command = types.SimpleNamespace(__doc__='', add_arguments=lambda parser: None, run=run)\n"
        "module.import_module = lambda name: command\n"
        "sys.exit(module.main(['info']))\n"
    )
    root = Path(main_module.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141
