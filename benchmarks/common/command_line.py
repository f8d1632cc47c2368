"""Runs of the command line as benchmarks need them: a process of their own, figures kept, memory measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def densephrase(arguments: tuple[str, ...], environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run the command line; return its last JSON object with `wall_seconds` and `peak_memory_bytes` of the process.

    environment: what it gets beside this process's own.
    """
    began = time.monotonic()
    command = [sys.executable, "-c", "from densephrase.cli.main import main; raise SystemExit(main())", *arguments]
    own = {**os.environ, **(environment or {})}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=own) as process:
        output = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"densephrase {' '.join(arguments)} failed with exit code {process.returncode}")
    figures: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return {**figures, "wall_seconds": time.monotonic() - began, "peak_memory_bytes": usage.ru_maxrss * 1024}


def kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the figures in `file`; where it is missing, make them and keep them there."""
    if not file.is_file():
        figures = make()
        temporary = file.with_suffix(".tmp")
        temporary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, file)
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
