"""Reads the files of an encoder: regular files only, and none larger than an encoder's can be."""

from __future__ import annotations

import os
from pathlib import Path

from densephrase.errors import EncoderError
from densephrase.storage.memory_fit import fits_memory
from densephrase.storage.regular_file import IrregularFileError, open_regular


def read_encoder_file(folder: Path, name: str, most: int | None = None) -> bytes:
    """Return the bytes of a file of the encoder in `folder`, at most `most` (None: half of the memory).

    Raises EncoderError when it is missing, is a folder, pipe or device, or is larger.
    """
    path = folder / name
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            _check_size(path, size, most)
            content = file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        raise EncoderError(f"{folder} holds no {name}; give the folder of an encoder made by this library.") from None
    except IrregularFileError:
        raise EncoderError(f"{path} is no regular file; give the folder of an encoder made by this library.") from None
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(content) != size:
        raise EncoderError(f"{path} became shorter while it was read; something else writes to it.")
    return content


def _check_size(path: Path, size: int, most: int | None) -> None:
    if most is not None and size > most:
        raise EncoderError(f"{path} has {size} bytes; at most {most} are read of such a file.")
    if not fits_memory(size):
        raise EncoderError(f"{path} has {size} bytes, more than half of this machine's memory; take a smaller encoder.")
