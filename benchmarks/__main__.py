"""Run a benchmark by its name, or list them.

    python -m benchmarks
    python -m benchmarks NAME [arguments...]

It does what `python -m benchmarks.NAME` does. A module with a function `main` is a benchmark; the others help.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path


def commands() -> dict[str, str]:
    """Return the first line of what each benchmark says of itself, by name; nothing is imported for it."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
        module = ast.parse(file.read_text(encoding="utf-8"))
        if any(isinstance(item, ast.FunctionDef) and item.name == "main" for item in module.body):
            found[file.stem] = (ast.get_docstring(module) or "").partition("\n")[0]
    return found


def main(arguments: list[str]) -> None:
    """Run the benchmark that the first argument names with the others; without arguments list them all."""
    benchmarks = commands()
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, benchmarks))
        print("python -m benchmarks NAME [arguments...]; NAME --help says which arguments there are.\n")
        print("\n".join(f"{name:{width}}  {purpose}" for name, purpose in benchmarks.items()))
        return
    name = arguments[0]
    if name not in benchmarks:
        raise SystemExit(f"There is no benchmark {name!r}; choose one of {', '.join(benchmarks)}.")
    sys.argv = [name, *arguments[1:]]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
