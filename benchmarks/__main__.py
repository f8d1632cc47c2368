"""Run a benchmark by its name, or list them.

    python -m benchmarks
    python -m benchmarks NAME [arguments...]

A module with a function `main` is a benchmark; the others help.
"""

from __future__ import annotations

import ast
import runpy
import sys
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent


def modules() -> dict[str, str]:
    """Return the module of each benchmark, by name, room by room."""
    files = sorted(FOLDER.glob("[a-z]*/[a-z]*.py"))
    return {file.stem: f"benchmarks.{file.parent.name}.{file.stem}" for file in files if "main" in _functions(file)}


def _functions(file: Path) -> set[str]:
    """Return the names of a module's functions; nothing is imported for it."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return {item.name for item in body if isinstance(item, ast.FunctionDef)}


def purpose(module: str) -> str:
    """Return the first line of what a benchmark says of itself."""
    file = FOLDER.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def listed() -> str:
    """Return a line for each benchmark, under the name of its room."""
    found, lines = modules(), list[str]()
    width = max(map(len, found))
    for room, names in groupby(found, key=lambda name: found[name].split(".")[1]):
        lines += ["", room, *(f"  {name:{width}}  {purpose(found[name])}" for name in names)]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    """Run the benchmark that the first argument names with the others; without arguments list them all."""
    found = modules()
    if not arguments or arguments[0] in ("-h", "--help"):
        print("python -m benchmarks NAME [arguments...]; NAME --help says which arguments there are.")
        print(listed())
        return
    name = arguments[0]
    if name not in found:
        raise SystemExit(f"There is no benchmark {name!r}; choose one of {', '.join(found)}.")
    sys.argv = [name, *arguments[1:]]
    runpy.run_module(found[name], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
