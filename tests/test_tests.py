"""Every test can fail: it asserts something, itself or through a helper of its module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ASSERTING = {"raises", "warns", "fail", "check"}  # by their last name: pytest's own, and helpers of several modules
PREFIXES = ("check_", "assert_")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def called(node: ast.AST) -> Iterator[str]:
    """Yield the last name of everything that is called inside a node."""
    for child in ast.walk(node):
        if isinstance(child, ast.Call):
            yield ast.unparse(child.func).split(".")[-1]


def asserts(function: Function, helpers: dict[str, Function], seen: frozenset[str]) -> bool:
    """Say whether a function asserts something, or calls one that does and is not among those `seen`."""
    if any(isinstance(child, ast.Assert) for child in ast.walk(function)):
        return True
    for name in called(function):
        if name not in seen and (name in ASSERTING or name.startswith(PREFIXES)):
            return True
        if name in helpers and name not in seen and asserts(helpers[name], helpers, seen | {name}):
            return True
    return False


def of_the_library(tree: ast.Module) -> set[str]:
    """Return the names that a module imports from the library: its checks are what is tested, and assert nothing."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if (node.module or "").split(".")[0] in ("densephrase", "benchmarks")]
    return {alias.asname or alias.name for node in ours for alias in node.names}


def silent_tests(source: str) -> list[str]:
    """Return the names of the tests of a module that assert nothing."""
    tree = ast.parse(source)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, Function)}
    helpers = {name: node for name, node in functions.items() if not name.startswith("test_")}
    tested = frozenset(of_the_library(tree))
    return [name for name, node in functions.items() if name.startswith("test_") and not asserts(node, helpers, tested)]


def test_every_test_asserts_something() -> None:
    modules = {path: path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py"))}
    found = [f"{path.relative_to(TESTS)}: {name}" for path, source in modules.items() for name in silent_tests(source)]
    assert len(modules) > 100
    assert not found, "\n".join(found)


BAD = {
    "nothing": "def test_x(): pass",
    "call": "def test_x(): build()",
    "helper-that-asserts-nothing": "def run(): build()\ndef test_x(): run()",
    "helper-that-calls-itself": "def run(): run()\ndef test_x(): run()",
    "check-of-the-library": "from densephrase.x import check_rows\ndef test_x(): check_rows(f())",
    "method": "class TestX:\n    def test_x(self): build()",
}
GOOD = {
    "assertion": "def test_x(): assert f() == 1",
    "error": "def test_x():\n    with pytest.raises(ValueError): f()",
    "helper": "def run(): assert f()\ndef test_x(): run()",
    "helper-of-a-helper": "def run(): assert f()\ndef twice(): run()\ndef test_x(): twice()",
    "shared-helper": "def test_x(): check_rows(f())",
    "no-test": "def build(): pass",
}


@pytest.mark.parametrize("source", BAD.values(), ids=BAD.keys())
def test_checker_finds(source: str) -> None:
    assert silent_tests(source)


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD.keys())
def test_checker_accepts(source: str) -> None:
    assert silent_tests(source) == []
