"""Arguments have names: no long calls by position, no public function that takes more than can be kept in mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_layers import ROOT

MOST_BY_POSITION = 6
MOST_PARAMETERS = 6
FOLDERS = ("densephrase", "build_index", "serve", "benchmarks")  # kernels stand apart: they take arrays one by one
COMPILERS = {"kernel", "small_kernel", "inlined_kernel", "parallel_kernel"}


def call_faults(tree: ast.Module) -> Iterator[str]:
    """Yield calls with too many arguments that have no name; a starred one counts as one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > MOST_BY_POSITION:
            yield f"{node.lineno}: passes {len(node.args)} arguments to {ast.unparse(node.func)} by position"


def is_compiled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function is a kernel."""
    return any(ast.unparse(decorator).split("(")[0] in COMPILERS for decorator in function.decorator_list)


def public_functions(tree: ast.AST, of: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the public functions of a module and the public methods of its public classes, with their names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_") or node.name == "__init__":
                yield of + node.name, node
        elif not isinstance(node, ast.ClassDef):
            yield from public_functions(node, of)


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names of all parameters but the object or class itself."""
    given = function.args
    every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [one.arg for one in every if one is not None and one.arg not in ("self", "cls")]


def definition_faults(tree: ast.Module) -> Iterator[str]:
    """Yield public functions with too many parameters."""
    for function, node in public_functions(tree):
        taken = len(parameters(node))
        if taken > MOST_PARAMETERS and not is_compiled(node):
            yield f"{node.lineno}: {function} takes {taken} parameters; group those that belong together"


def faults(source: str) -> list[str]:
    """Return every broken rule of a file as `line: what`."""
    tree = ast.parse(source)
    return [*call_faults(tree), *definition_faults(tree)]


def test_modules_keep_the_rules() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{fault}"
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


BAD = {
    "long-call": "f(1, 2, 3, 4, 5, 6, 7)",
    "long-call-with-a-name": "f(1, 2, 3, 4, 5, 6, 7, h=8)",
    "long-call-with-a-star": "f(1, 2, 3, 4, 5, 6, *rest)",
    "long-call-of-a-method": "a.b.c(1, 2, 3, 4, 5, 6, 7)",
    "long-call-in-a-lambda": "g = lambda: f(1, 2, 3, 4, 5, 6, 7)",
    "wide-function": "def f(a, b, c, d, e, g, h): pass",
    "wide-function-of-names": "def f(a, *, b, c, d, e, g, h): pass",
    "wide-function-with-stars": "def f(a, b, c, d, e, *g, **h): pass",
    "wide-method": "class A:\n    def f(self, a, b, c, d, e, g, h): pass",
    "wide-class-method": "class A:\n    @classmethod\n    def f(cls, a, b, c, d, e, g, h): pass",
    "wide-constructor": "class A:\n    def __init__(self, a, b, c, d, e, g, h): pass",
    "wide-function-under-a-condition": "if True:\n    async def f(a, b, c, d, e, g, h): pass",
}

GOOD = {
    "short-call": "f(1, 2, 3, 4, 5, 6)",
    "call-by-name": "f(a=1, b=2, c=3, d=4, e=5, g=6, h=7)",
    "call-with-a-star": "f(*everything, h=8)",
    "narrow-function": "def f(a, b, c, d, e, g): pass",
    "narrow-method": "class A:\n    def f(self, a, b, c, d, e, g): pass",
    "private-function": "def _f(a, b, c, d, e, g, h): pass",
    "method-of-a-private-class": "class _A:\n    def f(self, a, b, c, d, e, g, h): pass",
    "function-in-a-function": "def f():\n    def g(a, b, c, d, e, g, h): pass",
    "kernel": "@kernel\ndef f(a, b, c, d, e, g, h): pass",
    "fields": "@dataclass\nclass A:\n" + "".join(f"    {name}: int\n" for name in "abcdefgh"),
}


@pytest.mark.parametrize("source", BAD.values(), ids=BAD.keys())
def test_checker_finds(source: str) -> None:
    assert len(faults(source)) == 1


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD.keys())
def test_checker_accepts(source: str) -> None:
    assert faults(source) == []
