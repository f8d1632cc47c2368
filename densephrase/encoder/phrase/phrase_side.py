"""The phrase side of an encoder: everything that the stored rows of an index depend on.

Query-side fine-tuning changes the rest, so encoders with equal phrase sides can search each other's indexes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.stored_weights import read_stored_weights
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.errors import EncoderError, SearchError

_QUESTION_WEIGHTS = ("question_start.", "question_end.")
_QUESTION_SETTINGS = (  # or settings of search
    "max_question_tokens",
    "max_answer_tokens",
    "question_mark_id",
    "paragraph_weight",
    "document_weight",
    "confidence",
    "training",
)


def describe_phrase_side(folder: Path) -> dict[str, str]:
    """Return each setting, and a sha256 (hex) of each group of weights and of the tokenizer, by name.

    Raises EncoderError when the encoder in `folder` is damaged or incomplete.
    """
    settings = asdict(EncoderConfig.load(folder))
    parts = {name: json.dumps(settings[name], sort_keys=True) for name in settings if name not in _QUESTION_SETTINGS}
    try:
        parts[TOKENIZER_FILE] = hashlib.sha256((folder / TOKENIZER_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"Cannot read {folder / TOKENIZER_FILE}: {error.strerror or error}.") from error
    tensors, _ = read_stored_weights(folder)
    return parts | {f"weights of {group}": digest for group, digest in _digests(tensors).items()}


def check_same_phrase_side(index: Path, made_with: Path, encoder: Path) -> None:
    """Raise SearchError where the encoder could not have made the rows of an index that was made with another one."""
    expected, found = describe_phrase_side(made_with), describe_phrase_side(encoder)
    different = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if different:
        raise SearchError(
            f"The encoder {encoder} has another phrase side than the one that made {index}; different: "
            f"{', '.join(different)}. Search with an encoder that makes the same rows (tune-questions and "
            "calibrate write such), or build an index with this one."
        )


def _digests(tensors: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Return a digest of the tensors of each module, the parts of the two quantisers included."""
    groups: dict[str, list[str]] = {}
    for name in sorted(tensors):
        if not name.startswith(_QUESTION_WEIGHTS):
            groups.setdefault(name.split(".")[0], []).append(name)
    return {group: _digest({name: tensors[name] for name in names}) for group, names in groups.items()}


def _digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name, value in tensors.items():
        digest.update(f"{name}\0{value.dtype}\0{value.shape}\0".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
