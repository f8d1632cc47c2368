"""A published encoder by name: which layout its files have, and where they are, in folders or on the hub."""

from __future__ import annotations

import os
from pathlib import Path

from densephrase.encoder.files.backbones import minilm_folder
from densephrase.encoder.published.dpr import find_checkpoint, is_dpr_pair, read_dpr_checkpoint, read_dpr_pair
from densephrase.encoder.published.published_encoder import LAYOUTS, PublishedEncoder
from densephrase.encoder.published.published_weights import SAFETENSORS, TORCH_WEIGHTS
from densephrase.encoder.published.sentence_folder import read_sentence_folder
from densephrase.encoder.published.sentence_modules import MODULES_FILE
from densephrase.errors import EncoderError

_TEXT_FILES = ("*.json", "*.txt")


def read_published(name: str | Path) -> PublishedEncoder:
    """Read "minilm" (all-MiniLM-L6-v2 from its package), a published folder or hub id, or two: "PASSAGES,QUESTIONS".

    Raises EncoderError when there is none, or when its files are of no known layout, damaged or do not fit, and
    MissingExtraError when the package of MiniLM is not installed.
    """
    if name == "minilm":
        return read_sentence_folder(minilm_folder())
    if isinstance(name, str) and not os.path.lexists(name) and name.count(",") == 1:
        passages, questions = (_find_folder(part.strip()) for part in name.split(","))
        return read_dpr_pair(passages, questions)
    return _read_folder(_find_folder(name))


def _read_folder(folder: Path) -> PublishedEncoder:
    if (folder / MODULES_FILE).exists():
        return read_sentence_folder(folder)
    if is_dpr_pair(folder):
        return read_dpr_pair(folder / "ctx_encoder", folder / "question_encoder")
    checkpoint = find_checkpoint(folder)
    if checkpoint is not None:
        return read_dpr_checkpoint(checkpoint)
    found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
    raise EncoderError(f"The folder {folder} is no passage encoder; it holds {found}. {LAYOUTS}.")


def _find_folder(name: str | Path) -> Path:
    """Return the folder of a path, or of a hub id, which only a str may be."""
    if os.path.isdir(name):
        return Path(name).resolve()
    if isinstance(name, Path) or os.path.lexists(name):
        raise EncoderError(f"There is no encoder folder {str(name)!r}. {LAYOUTS}.")
    return _fetch(name)


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download  # late: most encoders are in a folder
    from huggingface_hub.errors import HFValidationError

    def fetch(*patterns: str) -> Path:
        return Path(snapshot_download(name, allow_patterns=[*_TEXT_FILES, *patterns])).resolve()

    try:
        folder = fetch(f"*{SAFETENSORS}")
        return folder if any(folder.rglob(SAFETENSORS)) else fetch(f"*{TORCH_WEIGHTS}")
    except (OSError, HFValidationError, ValueError) as error:
        raise EncoderError(
            f"There is no encoder folder {name!r}, and the Hugging Face hub gave none of that id ({error}). {LAYOUTS}."
        ) from error
