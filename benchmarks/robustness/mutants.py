"""Ways to damage a folder of JSON, HDF5 and other files: by chance, and as someone would who means harm.

Each way takes a folder and a random generator, changes one file, and returns what it did, or None where it fits
nothing. Files are replaced, never written in place: those of the folder may be links to the ones that were copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

Mutation = Callable[[Path, np.random.Generator], str | None]

_WEIRD_TEXTS = ["", "x" * 300, "../../x", "/etc/passwd", "\ud800", "\0", "\x1b[31m", "nan", "0"]
_WEIRD_NUMBERS = [0, 1, -1, 2, 255, 256, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, 10**4000, 0.5, 1e308]
WEIRD: list[Any] = [None, True, [], {}, [[]], float("nan"), float("inf"), *_WEIRD_TEXTS, *_WEIRD_NUMBERS]
_DEPTHS = (50, 900, 100_000)
_ENDLESS = 1 << 30  # bytes


def files_of(folder: Path, suffix: str = "") -> list[Path]:
    """Return the regular files below a folder whose names end so, in order."""
    return sorted(path for path in folder.rglob(f"*{suffix}") if path.is_file() and not path.is_symlink())


def replace_file(path: Path, content: bytes) -> None:
    """Put other bytes in place of a file."""
    path.unlink()
    path.write_bytes(content)


def _any_file(folder: Path, random: np.random.Generator) -> Path:
    files = files_of(folder)
    return files[random.integers(len(files))]


def flip_bits(folder: Path, random: np.random.Generator) -> str:
    """Flip one to eight bits of a file."""
    path = _any_file(folder, random)
    content = bytearray(path.read_bytes())
    for place in random.integers(0, max(1, len(content)), random.integers(1, 9)).tolist() if content else []:
        content[place] ^= 1 << int(random.integers(8))
    replace_file(path, bytes(content))
    return f"bits of {path.name}"


def overwrite_range(folder: Path, random: np.random.Generator) -> str:
    """Overwrite a range of a file with zeros, ones or noise."""
    path = _any_file(folder, random)
    content = bytearray(path.read_bytes())
    first = int(random.integers(0, max(1, len(content))))
    size = int(min(len(content) - first, 2 ** random.integers(0, 13)))
    kind = int(random.integers(3))
    content[first : first + size] = random.bytes(size) if kind == 2 else bytes([255 * kind]) * size
    replace_file(path, bytes(content))
    return f"{size} bytes of {path.name} at {first}"


def resize_file(folder: Path, random: np.random.Generator) -> str:
    """Cut a file, lengthen it, or give it a size that takes much memory and no place on the disk."""
    path = _any_file(folder, random)
    content, kind = path.read_bytes(), int(random.integers(3))
    if kind == 0:
        replace_file(path, content[: int(random.integers(0, max(1, len(content))))])
    elif kind == 1:
        replace_file(path, content + random.bytes(int(random.integers(1, 5000))))
    else:
        replace_file(path, content)
        os.truncate(path, _ENDLESS)
    return f"size of {path.name}: {len(content)} to {path.stat().st_size}"


def put_something_else(folder: Path, random: np.random.Generator) -> str:
    """Put nothing, a folder, a pipe, a device, a link or another file in place of a file."""
    path = _any_file(folder, random)
    other = _any_file(folder, random)
    kinds: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "an empty file": path.touch,
        "a folder": path.mkdir,
        "a pipe": lambda: os.mkfifo(path),
        "/dev/zero": lambda: path.symlink_to("/dev/zero"),
        "a link to itself": lambda: path.symlink_to(path),
        "a link to nothing": lambda: path.symlink_to("nowhere"),
        "another file": lambda: shutil.copy(other, path) if other.is_file() else None,
    }
    name = list(kinds)[random.integers(len(kinds))]
    path.unlink()
    kinds[name]()
    return f"{name} in place of {path.name}"


def add_something(folder: Path, random: np.random.Generator) -> str:
    """Add a file, a folder or a pipe beside the files."""
    path = _any_file(folder, random).parent / f"added-{random.integers(1000)}"
    kinds = [path.touch, path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to(".")]
    kinds[random.integers(len(kinds))]()
    return f"{path.name} beside the files"


def change_json(folder: Path, random: np.random.Generator) -> str | None:
    """Put a value of another kind or size somewhere into a JSON file, or take a key out."""
    files = files_of(folder, ".json")
    if not files:
        return None
    path = files[random.integers(len(files))]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    places = list(_places(content))
    if not places:
        return None
    holder, key = places[random.integers(len(places))]
    kind = int(random.integers(10))
    if kind == 0:
        del holder[key]
        done = "taken out"
    elif kind == 1:
        depth = _DEPTHS[random.integers(len(_DEPTHS))]
        holder[key] = "@"
        text = json.dumps(content).replace('"@"', "[" * depth + "]" * depth, 1)
        replace_file(path, text.encode())
        return f"{path.name}: {key!r} nested {depth} deep"
    elif kind == 2 and isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        holder[key] += int(random.choice([-1, 1, 2**16]))
        done = f"now {holder[key]}"
    else:
        value = WEIRD[random.integers(len(WEIRD))]
        holder[key] = value
        done = f"now {str(value)[:20]!r}" if not isinstance(value, int) or abs(value) < 2**99 else "a huge number"
    replace_file(path, _dumped(content))
    return f"{path.name}: {key!r} {done}"


def _dumped(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a JSON value with each of its keys."""
    if isinstance(content, dict | list):
        for key in content if isinstance(content, dict) else range(len(content)):
            yield content, key
            yield from _places(content[key])


ANY_FILE: dict[str, Mutation] = {
    "bits": flip_bits,
    "range": overwrite_range,
    "size": resize_file,
    "something else": put_something_else,
    "added": add_something,
    "json": change_json,
}
