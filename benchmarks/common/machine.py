"""Conditions that stand beside every figure: the processor, how many threads there may be, versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from densephrase.versions import library_versions


def processor() -> str:
    """Return the processor's name and the widest vector instructions that it has for 8-bit codes."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    widest = next((name for name in ("avx512_vnni", "avx512bw", "avx2") if name in flags), "")
    return " with ".join(filter(None, [next(iter(names), platform.processor() or platform.machine()), widest]))


def machine(*packages: str) -> str:
    """Return the processor, its cores, and the versions of Python and some packages."""
    versions = library_versions(packages)
    shown = [f"Python {versions['python']}", *(f"{name} {versions[name]}" for name in packages)]
    return f"{processor()}, {os.cpu_count()} cores; {', '.join(shown)}"
