"""Settings of published encoders: JSON files, which may be missing."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.errors import EncoderError
from densephrase.storage.strict_json import decode_json

_BYTES = 1 << 22  # of a file of settings, at most
_NAMES = {"dict": "object", "list": "list"}


def read_json(folder: Path, name: str, kind: type) -> Any:
    """Return the content of a JSON file, of type `kind`; EncoderError when it is missing or is something else."""
    stored = read_encoder_file(folder, name, _BYTES)
    try:
        content = decode_json(stored)
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{folder / name} is not JSON: {error}") from None
    if not isinstance(content, kind):
        raise EncoderError(f"{folder / name} has {reprlib.repr(content)}, expected a JSON {_NAMES[kind.__name__]}.")
    return content


def read_optional_json(folder: Path, name: str) -> dict[str, Any]:
    """Return the object in a JSON file, empty when there is no such file; EncoderError when it is something else."""
    content: dict[str, Any] = read_json(folder, name, dict) if (folder / name).exists() else {}
    return content
