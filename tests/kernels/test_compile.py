"""What numba keeps on the disk is never older than the sources it was made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).resolve().parents[2] / "kernels"
INNER = """
from densephrase.kernels.compile import kernel

@kernel
def number():
    return {number}
"""
OUTER = """
from densephrase.kernels.compile import kernel
from densephrase.kernels.inner import number

@kernel
def twice():
    return {factor} * number()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the kernels with one that calls one of another file, and a module outside of them that does so too."""
    shutil.copytree(KERNELS, tmp_path / "densephrase" / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "densephrase" / "__init__.py").touch()
    (tmp_path / "densephrase" / "kernels" / "inner.py").write_text(INNER.format(number=1))
    (tmp_path / "densephrase" / "kernels" / "outer.py").write_text(OUTER.format(factor=2))
    (tmp_path / "outside.py").write_text(OUTER.format(factor=3))
    return tmp_path


def ask(folder: Path, module: str, **environment: str) -> tuple[int, bool]:
    """Return what a new process computes, and whether it found the kernel on the disk."""
    code = f"from {module} import twice; print(twice(), sum(twice.stats.cache_hits.values()))"
    unset = ("DENSEPHRASE_NUMBA_CACHE", "DENSEPHRASE_PLAIN_KERNELS", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")
    unset += ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(folder), "PYTHONSAFEPATH": "", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    result, hits = ran.stdout.split()
    return int(result), hits != "0"


def test_editing_a_kernel_compiles_those_that_call_it_again(folder: Path) -> None:
    assert ask(folder, "densephrase.kernels.outer") == (2, False)
    assert ask(folder, "densephrase.kernels.outer") == (2, True)
    (folder / "densephrase" / "kernels" / "inner.py").write_text(INNER.format(number=5))
    assert ask(folder, "densephrase.kernels.outer") == (10, False)


@pytest.mark.parametrize("edited", ["inner.py", "lowlevel/new.py", "lowlevel/llvm/rows.py"])
@pytest.mark.parametrize("form", [{}, {"DENSEPHRASE_PLAIN_KERNELS": "1"}], ids=["fast", "plain"])
def test_editing_any_kernel_leaves_nothing_to_find(folder: Path, edited: str, form: dict[str, str]) -> None:
    assert ask(folder, "densephrase.kernels.outer", **form) == (2, False)
    assert ask(folder, "densephrase.kernels.outer", **form) == (2, True)
    with (folder / "densephrase" / "kernels" / edited).open("a") as file:
        file.write("# edited\n")
    assert ask(folder, "densephrase.kernels.outer", **form) == (2, False)


def test_neither_form_finds_the_code_of_the_other(folder: Path) -> None:
    plain = {"DENSEPHRASE_PLAIN_KERNELS": "1", "DENSEPHRASE_NUMBA_CACHE": str(folder / "kept")}
    fast = {**plain, "DENSEPHRASE_PLAIN_KERNELS": "0"}
    assert ask(folder, "densephrase.kernels.outer", **plain) == (2, False)
    assert ask(folder, "densephrase.kernels.outer", **fast) == (2, False)
    assert ask(folder, "densephrase.kernels.outer", **plain) == (2, True)
    assert ask(folder, "densephrase.kernels.outer", **fast) == (2, True)
    assert len(list((folder / "kept").iterdir())) == 2


def test_a_kernel_outside_depends_on_its_own_file_and_on_all_kernels(folder: Path) -> None:
    assert ask(folder, "outside") == (3, False)
    assert ask(folder, "outside") == (3, True)
    (folder / "outside.py").write_text(OUTER.format(factor=4))
    assert ask(folder, "outside") == (4, False)
    (folder / "densephrase" / "kernels" / "inner.py").write_text(INNER.format(number=5))
    assert ask(folder, "outside") == (20, False)


def test_nothing_is_kept_where_the_cache_is_off(folder: Path) -> None:
    for _ in range(2):
        assert ask(folder, "densephrase.kernels.outer", DENSEPHRASE_NUMBA_CACHE="0") == (2, False)
    assert not list(folder.rglob("*.nb?"))


@pytest.mark.parametrize("spoil", [b"", b"\x80half", b"\0" * 4000], ids=["empty", "cut", "zeros"])
def test_what_a_crash_has_left_is_compiled_again(folder: Path, spoil: bytes) -> None:
    ask(folder, "densephrase.kernels.outer")
    for path in folder.rglob("*.nbc"):
        path.write_bytes(spoil)
    assert ask(folder, "densephrase.kernels.outer") == (2, False)
    assert ask(folder, "densephrase.kernels.outer") == (2, True)


def test_a_kernel_that_cannot_be_kept_runs(folder: Path) -> None:
    ask(folder, "densephrase.kernels.outer")
    for path in folder.rglob("*.nbc"):
        path.unlink()
        path.mkdir()  # which no file can replace
    assert ask(folder, "densephrase.kernels.outer") == (2, False)
    assert not list(folder.rglob("*.tmp"))


def test_the_folder_of_the_code_is_named_by_sources_and_processor(folder: Path) -> None:
    generic = {"NUMBA_CPU_NAME": "generic"}
    ask(folder, "densephrase.kernels.outer")
    assert ask(folder, "densephrase.kernels.outer", **generic) == (2, False)
    assert ask(folder, "densephrase.kernels.outer", **generic) == (2, True)
    (folder / "densephrase" / "kernels" / "inner.py").write_text(INNER.format(number=5))
    ask(folder, "densephrase.kernels.outer")
    kept = {path.parent for path in folder.rglob("*.nbc")}
    assert len(kept) == 3
    assert all(path.name.startswith("machine-code-") for path in kept)
    assert ask(folder, "densephrase.kernels.outer", DENSEPHRASE_NUMBA_CACHE=str(folder / "named")) == (10, False)
    assert any((folder / "named").rglob("*.nbc"))


def test_old_code_under_a_new_name_is_not_run(folder: Path) -> None:
    """What an interrupted or concurrent write of numba's own cache leaves: files of one kernel under another's name."""
    ask(folder, "densephrase.kernels.outer")
    [inner] = folder.rglob("inner.number.part-*.nbc")
    [outer] = folder.rglob("outer.twice-*.nbc")
    outer.write_bytes(inner.read_bytes())
    assert ask(folder, "densephrase.kernels.outer") == (2, False)
