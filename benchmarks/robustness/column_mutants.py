"""Ways to damage the columns of an index, and how to make the manifest fit what was damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.robustness.mutants import ANY_FILE, Mutation, files_of, replace_file
from densephrase.errors import IndexFormatError
from densephrase.index.format.manifest_file import MANIFEST_FILE, SEGMENTS_FOLDER
from densephrase.storage.columns import MappedColumns, checksum_columns, map_columns, write_columns

Column = NDArray[Any]
_TYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
_SEALED = 1 << 26  # bytes of a file that is hashed
_COUNTS = ("documents", "paragraphs", "tokens", "starts", "ends")


def _read(folder: Path, random: np.random.Generator) -> tuple[Path, MappedColumns]:
    files = files_of(folder, ".h5")
    path = files[random.integers(len(files))]
    return path, map_columns(path)


def _write(path: Path, columns: dict[str, Column], attributes: dict[str, Any]) -> None:
    path.unlink()
    write_columns(path, columns, attributes)


def set_values(folder: Path, random: np.random.Generator) -> str | None:
    """Set some values of a column to those at which checks and arithmetic end."""
    path, mapped = _read(folder, random)
    name = str(random.choice(sorted(mapped)))
    column = np.array(mapped[name])
    if not column.size:
        return None
    flat, value = column.reshape(-1), _extreme(column, random)
    kind = int(random.integers(6))
    count = column.size if kind == 0 else int(random.integers(1, 4))
    places = np.arange(column.size) if kind == 0 else random.integers(0, column.size, count)
    if kind == 1:
        places = np.array([0 if random.integers(2) else column.size - 1])
    if kind == 2:
        value = flat[places] + np.array(random.choice([-1, 1])).astype(column.dtype)
    with np.errstate(all="ignore"):
        flat[places] = value
    _write(path, {**mapped, name: column}, mapped.attributes)
    return f"{path.name}: {name}{places[:3].tolist()} = {np.unique(flat[places])[:3]}"


def _extreme(column: Column, random: np.random.Generator) -> Any:
    if column.dtype.kind == "f":
        return random.choice([0.0, -1.0, 1e-40, 3e38, np.inf, -np.inf, np.nan, 1e9])
    bounds = np.iinfo(column.dtype)
    values = [bounds.min, bounds.max, 0, 1, -1, column.size, column.size - 1, column.shape[0], 2**31 - 1, 2**32 + 1]
    chosen = [value for value in values if bounds.min <= value <= bounds.max]
    return chosen[random.integers(len(chosen))]


def permute(folder: Path, random: np.random.Generator) -> str | None:
    """Turn a column round, shuffle it, shift it, or give it the values of another one."""
    path, mapped = _read(folder, random)
    name, other = (str(random.choice(sorted(mapped))) for _ in range(2))
    column = np.array(mapped[name])
    if not column.size:
        return None
    changes: dict[str, Callable[[], Column]] = {
        "turned round": lambda: column[::-1],
        "shuffled": lambda: random.permutation(column),
        "shifted": lambda: np.roll(column, 1, axis=0),
        f"of {other}": lambda: np.resize(mapped[other], column.shape).astype(column.dtype),
    }
    kind = list(changes)[random.integers(len(changes))]
    with np.errstate(all="ignore"):
        changed = np.ascontiguousarray(changes[kind]())
    _write(path, {**mapped, name: changed}, mapped.attributes)
    return f"{path.name}: {name} {kind}"


def reshape(folder: Path, random: np.random.Generator) -> str | None:
    """Give a column another type or shape, or take it out."""
    path, mapped = _read(folder, random)
    name = str(random.choice(sorted(mapped)))
    column = np.array(mapped[name])
    dtype = str(random.choice(_TYPES))
    changes: dict[str, Callable[[], Column | None]] = {
        f"as {dtype}": lambda: column.astype(dtype),
        f"its bytes as {dtype}": lambda: np.frombuffer(column.tobytes()[: column.nbytes // 8 * 8], dtype),
        "cut": lambda: column[:-1],
        "longer": lambda: np.concatenate([column, column[:1]]),
        "empty": lambda: column[:0],
        "one more axis": lambda: column[:, None],
        "flat": lambda: column.reshape(-1),
        "no axis left": lambda: column[..., :0],
        "narrower": lambda: column[..., :-1],
        "out": lambda: None,
    }
    kind = list(changes)[random.integers(len(changes))]
    with np.errstate(all="ignore"):
        changed = changes[kind]()
    columns = {key: values for key, values in mapped.items() if key != name}
    if changed is not None:
        columns[name] = np.ascontiguousarray(changed)
    _write(path, columns, mapped.attributes)
    return f"{path.name}: {name} {kind}"


def resize_count(folder: Path, random: np.random.Generator) -> str | None:
    """Let a shard claim another number of something, with all columns cut or filled up to it."""
    content = _manifest(folder)
    if content is None:
        return None
    try:
        segment = content["segments"][0]
        shard = segment["shards"][random.integers(len(segment["shards"]))]
        name = _COUNTS[random.integers(len(_COUNTS))]
        before = int(shard["counts"][name])
        after = int(random.choice([0, 1, max(0, before - 1), before + 1, 2 * before]))
        path = folder / SEGMENTS_FOLDER / segment["name"] / shard["file"]["file"]
        mapped = map_columns(path)
        lengths = {before: after, before + 1: after + 1}
        lengths |= (
            {(before + 1) // 2: (after + 1) // 2, (before + 7) // 8: (after + 7) // 8} if name == "tokens" else {}
        )
        columns = {key: _of_length(column, lengths.get(len(column))) for key, column in mapped.items()}
        shard["counts"][name] = after
        content["counts"][name] += after - before
    except (IndexFormatError, KeyError, IndexError, TypeError, ValueError):
        return None
    _write(path, columns, mapped.attributes)
    replace_file(folder / MANIFEST_FILE, json.dumps(content).encode())
    return f"{path.name}: {after} {name} instead of {before}"


def _of_length(column: Column, length: int | None) -> Column:
    if length is None or length <= len(column):
        return column if length is None else column[:length]
    filled = np.zeros((length, *column.shape[1:]), column.dtype)
    filled[: len(column)] = column
    return filled


def change_container(folder: Path, random: np.random.Generator) -> str | None:
    """Put something that is no plain column, or a strange attribute, into an HDF5 file."""
    files = files_of(folder, ".h5")
    path = files[random.integers(len(files))]
    content = path.read_bytes()
    replace_file(path, content)
    with h5py.File(path, "r+") as file:
        name = str(random.choice(sorted(file)))
        changes: dict[str, Callable[[], object]] = {
            "a group": lambda: file.create_group("group"),
            "a link to outside": lambda: file.__setitem__("outer", h5py.ExternalLink("/etc/passwd", "/x")),
            "a soft link": lambda: file.__setitem__("soft", h5py.SoftLink("/" + name)),
            "itself": lambda: file.__setitem__("root", file["/"]),
            "one column twice": lambda: file.__setitem__("again", file[name]),
            "chunks": lambda: file.create_dataset("chunks", data=np.arange(9), chunks=(3,)),
            "text": lambda: file.create_dataset("text", data="x"),
            "a record": lambda: file.create_dataset("record", data=np.zeros(2, "i4,f8")),
            "other byte order": lambda: file.create_dataset("swapped", data=np.arange(9, dtype=">i4")),
            "a huge column": lambda: file.create_dataset("huge", (2**45,), "u1", external=[("/dev/zero", 0, 2**45)]),
            "an odd name": lambda: file.create_dataset("../é\n", data=np.arange(3)),
            "a column's attribute": lambda: file[name].attrs.__setitem__("x", "y"),
            "text of any length": lambda: file.attrs.__setitem__("analyser", "english-1"),
            "long text": lambda: file.attrs.__setitem__("analyser", np.bytes_(b"x" * 60_000)),
            "no text": lambda: file.attrs.__setitem__("frequency_bits", np.bytes_(b"eight")),
            "infinity": lambda: file.attrs.__setitem__("frequency_bits", np.inf),
            "an array": lambda: file.attrs.__setitem__("kind", np.arange(9)),
        }
        kind = list(changes)[random.integers(len(changes))]
        changes[kind]()
    return f"{path.name}: {kind}"


def seal(folder: Path) -> None:
    """Write sizes and checksums that fit into the manifest, as someone who means harm would; what is no index stays."""
    content = _manifest(folder)
    if content is None:
        return
    try:
        for record in _file_records(content):
            for path in _named(folder, record["file"]):
                with suppress(IndexFormatError):
                    record["bytes"], record["checksums"] = path.stat().st_size, checksum_columns(path)
        content.pop("checksum", None)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        sealed = {**content, "checksum": hashlib.sha256(canonical.encode()).hexdigest()}
        replace_file(folder / MANIFEST_FILE, json.dumps(sealed).encode())
    except (RecursionError, ValueError):  # what no reader gets as far as that with
        return


def _named(folder: Path, name: str) -> list[Path]:
    return [path for path in files_of(folder, ".h5") if path.name == name and path.stat().st_size < _SEALED]


def _manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST_FILE
    if not path.is_file() or path.is_symlink() or path.stat().st_size > 2**24:
        return None
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _file_records(content: Any) -> Iterator[dict[str, Any]]:
    values = list(content.values()) if isinstance(content, dict) else content if isinstance(content, list) else []
    is_record = isinstance(content, dict) and {"file", "bytes", "checksums"} <= content.keys()
    if is_record and str(content["file"]).endswith(".h5"):
        yield content
    for value in values:
        yield from _file_records(value)


INDEX_FILES: dict[str, Mutation] = {
    **ANY_FILE,
    "values": set_values,
    "order": permute,
    "shape": reshape,
    "count": resize_count,
    "container": change_container,
}
