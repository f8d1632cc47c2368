"""Location of an encoder's files: bundled, in a folder, or on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path

from densephrase.encoder.config import CONFIG_FILE, read_config
from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.errors import EncoderError

ENCODER_FILES = (CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE)


def find_encoder_folder(name: str | Path) -> Path:
    """Return the resolved folder of the bundled encoder ("default"), of a path, or of a hub id (fetched, then cached).

    Only a str may be a hub id: a Path is a folder or nothing, so that what a program puts together, as the encoder
    inside an index, is never looked for on the network.

    Raises EncoderError when there is no such folder and the hub gives none.
    """
    if name == "default":
        return Path(str(files("densephrase") / "models" / "default")).resolve()
    if os.path.isdir(name):  # unlike Path.is_dir, it finds that names too long for a file are none
        return Path(name).resolve()
    if isinstance(name, Path) or os.path.lexists(name):
        raise EncoderError(f"There is no encoder folder {str(name)!r}; give the folder of an encoder.")
    return _fetch(name)


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download  # late: most encoders are in a folder
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=list(ENCODER_FILES))).resolve()
    except (OSError, HFValidationError, ValueError) as error:
        raise EncoderError(
            f"There is no encoder folder {name!r}, and the Hugging Face hub gave none of that id ({error}). "
            "Give 'default', the folder of an encoder, or a hub id with access to the network."
        ) from error


def is_encoder(name: str) -> bool:
    """Tell whether `name` is "default" or the folder of an encoder, rather than that of a bare backbone."""
    if name == "default":
        return True
    try:
        content = read_config(Path(name))
    except EncoderError:
        return False
    return isinstance(content, dict) and "coherency_rank" in content


def fingerprint_of(folder: Path) -> str:
    """Return the sha256 (hex) over the files of the encoder in `folder`."""
    digest = hashlib.sha256()
    for name in ENCODER_FILES:
        digest.update(read_encoder_file(folder, name))
    return digest.hexdigest()
