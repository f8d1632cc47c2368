"""Commands of a user who can write neither to the package nor to a home, as in many containers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import densephrase
from densephrase import PhraseIndex
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
# The interpreter and the test's files may lie where others cannot look; reading is allowed everywhere.
READS_ALL = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
VARIABLE = "DENSEPHRASE_NUMBA_CACHE"
Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: PhraseEncoder) -> Path:
    """A corpus, an index of it, and a folder that everybody may write to."""
    folder = tmp_path_factory.mktemp("another-user")
    (folder / "a.txt").write_text("the king of the city was born in paris", encoding="utf-8")
    PhraseIndex.build(folder / "a.txt", folder / "index", encoder=tiny_encoder).close()
    (folder / "temporary").mkdir()
    (folder / "temporary").chmod(0o1777)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Callable[..., Ran]:
    """Run a command as that user."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("only root can become another user")
    if shutil.which("setpriv") is None or subprocess.run([*NOBODY, *READS_ALL, "true"], check=False).returncode:
        pytest.skip("setpriv (of util-linux) is missing, or the system does not let root give a process its rights")
    unset = (VARIABLE, "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in unset},
        "HOME": "/nonexistent",
        "PYTHONPATH": str(Path(densephrase.__file__).parent.parent),
        "TMPDIR": str(folder / "temporary"),
    }

    def run_command(*arguments: str, **more: str) -> Ran:
        command = [*NOBODY, *READS_ALL, sys.executable, "-m", "densephrase", *arguments]
        env = {**environment, **more}
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600, check=False)

    return run_command


def complaints(ran: Ran) -> list[str]:
    """Return the lines of stderr about the folder of machine code."""
    return [line for line in ran.stderr.splitlines() if VARIABLE in line]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "index"],
        ["verify", "index"],
        ["ask", "index", "who was born", "--json"],
        ["build", "a.txt", "temporary/index", "--encoder", "index/encoder"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_work_and_say_where_machine_code_is_kept(
    run: Callable[..., Ran], folder: Path, arguments: list[str]
) -> None:
    ran = run(*arguments)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    [line] = complaints(ran)
    assert f"is kept in {folder}/temporary/densephrase-kernels-65534" in line


@pytest.mark.slow
def test_a_folder_that_is_named_is_taken(run: Callable[..., Ran], folder: Path) -> None:
    ran = run("info", "index", **{VARIABLE: str(folder / "temporary" / "named")})
    assert ran.returncode == 0, ran.stderr
    assert complaints(ran) == []
    assert list((folder / "temporary" / "named").glob("machine-code-*"))
