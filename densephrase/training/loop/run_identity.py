"""Identity of a run: a digest of its settings, data and starting weights; a checkpoint belongs to one run only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import densephrase
from densephrase.corpus.retrieval.examples import RetrievalExample
from densephrase.data import Question
from densephrase.encoder.files.location import find_encoder_folder, is_encoder
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE

_MODELS = ("backbone", "teacher")  # settings that name one


def run_identity(
    kind: str, settings: Mapping[str, Any], questions: Sequence[Question | RetrievalExample], more: bytes = b""
) -> str:
    """Return a digest (sha256, hex) of everything that shapes the weights of a run.

    A model is known by its weights where it is a folder, by its name elsewhere: another one in the same place makes
    another run, and the same one in another place does not.
    """
    shaping = {
        name: _model(value) if name in _MODELS else value
        for name, value in settings.items()
        if name != "checkpoint_minutes"
    }
    digest = hashlib.sha256(json.dumps([kind, densephrase.__version__, shaping], sort_keys=True).encode())
    digest.update(more)
    for question in questions:
        digest.update(json.dumps(asdict(question), sort_keys=True).encode())
    return digest.hexdigest()


def _model(name: str) -> str:
    if not name:
        return name
    weights = (find_encoder_folder(name) if is_encoder(name) else Path(name)) / WEIGHTS_FILE
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else name
