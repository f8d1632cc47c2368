"""A public name stands for one thing: no two modules of the library, the build and the kernels define the same one."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("densephrase", "build_index", "kernels")
# What every module of a room defines.
PROTOCOLS = {
    "densephrase/cli/commands/": {"add_arguments", "run"},
    "densephrase/cli/retrieve/": {"add_arguments", "run"},
    "densephrase/corpus/formats/": {"SUFFIXES"},
}
TWINS = "kernels/lowlevel/"  # where a name stands for the two forms of one thing


def public_names(source: str) -> Iterator[str]:
    """Yield the public names that a module defines itself: classes, functions, constants and type aliases."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def shared_names(modules: dict[str, str]) -> dict[str, list[str]]:
    """Return the public names that several modules, path -> source, define, with these modules."""
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for path, source in modules.items():
        expected = {name for room, names in PROTOCOLS.items() if path.startswith(room) for name in names}
        for name in public_names(source):
            if name not in expected:
                homes[name].add(TWINS if path.startswith(TWINS) else path)
    return {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1}


def test_no_name_stands_for_two_things() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    shared = shared_names({path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files})
    found = [f"{name}: {', '.join(paths)}" for name, paths in sorted(shared.items())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("def find(): ...", "async def find(): ...", ["find"]),
        ("class Row: ...", "Row: TypeAlias = int", ["Row"]),
        ("BLOCK = 1", "BLOCK, LANES = 2, 3", ["BLOCK"]),
        ("_BLOCK = 1", "_BLOCK = 2", []),
        ("def find(): ...", "from kernels.a import find", []),
        ("def find():\n    row = 1", "def take():\n    row = 1", []),
        ("class A:\n    row = 1", "class B:\n    row = 1", []),
    ],
)
def test_checker(first: str, second: str, shared: list[str]) -> None:
    assert list(shared_names({"kernels/a.py": first, "kernels/b.py": second})) == shared


def test_two_forms_of_one_thing_share_its_name() -> None:
    forms = {"kernels/lowlevel/rows.py": "def add(): ...", "kernels/lowlevel/llvm/rows.py": "def add(): ..."}
    assert not shared_names(forms)
    assert shared_names({**forms, "kernels/rows.py": "def add(): ..."})


def test_commands_have_one_protocol() -> None:
    commands = {"densephrase/cli/commands/a.py": "def run(): ...", "densephrase/cli/commands/b.py": "def run(): ..."}
    assert not shared_names(commands)
    assert shared_names({**commands, "kernels/a.py": "def run(): ...", "kernels/b.py": "def run(): ..."})
