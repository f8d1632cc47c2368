"""Targets of knowledge distillation: the start and end logits of a cross-attention reader for each question."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from densephrase.encoder.backbone import position_count
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import TrainingError
from densephrase.reader.extractive_reader import ExtractiveReader
from densephrase.reader.inputs import reader_input
from densephrase.reader.spans import span_scores
from densephrase.training.data.examples import TrainingWindow

_log = logging.getLogger(__name__)
TEACHER_FILE = "teacher.safetensors"
_LOG_EVERY = 5_000


def with_teacher(
    windows: Sequence[TrainingWindow],
    tokeniser: PhraseTokeniser,
    reader_folder: str | Path,
    cache: Path,
    device: str,
    max_tokens: int = 320,
) -> list[TrainingWindow]:
    """Return the windows, each question with the reader's start and end logits over the paragraph's tokens.

    Computed once and kept in `cache`, with the identity of reader and questions. A question too long for `max_tokens`,
    or for the reader, beside its window gets none. Raises TrainingError when the cache is damaged or the reader has
    other word pieces than `tokeniser`, EncoderError for an unusable reader.
    """
    identity = _identity(windows, Path(reader_folder))
    logits = _read(cache, identity, int(_bounds(windows)[-1]))
    if logits is None:
        with torch.random.fork_rng(devices=[]):  # a run must not depend on whether the cache was there
            reader = ExtractiveReader.from_pretrained(reader_folder, device)
        if reader.tokeniser.tokenizer.get_vocab() != tokeniser.tokenizer.get_vocab():
            raise TrainingError(f"The reader {reader_folder} has other word pieces; train one from the same backbone.")
        logits = _compute(windows, reader, max_tokens)
        temporary = cache.with_suffix(".tmp")
        save_file({"logits": logits}, str(temporary), {"identity": identity})
        os.replace(temporary, cache)
    return _attach(windows, logits)


def _compute(windows: Sequence[TrainingWindow], reader: ExtractiveReader, max_tokens: int) -> NDArray[np.float16]:
    """Return all logits, float16 [2, sum over questions of their window's tokens], NaN where a question has none."""
    pairs = [
        reader_input(question.input_ids, window.input_ids, window.first, window.last)
        for window in windows
        for question in window.questions
    ]
    bounds = _bounds(windows)
    logits = np.full((2, int(bounds[-1])), np.nan, np.float16)
    room = min(max_tokens, position_count(reader.model.backbone) or max_tokens)
    fitting = [number for number, pair in enumerate(pairs) if len(pair.input_ids) <= room]
    for done, (place, values) in enumerate(reader.logits([pairs[number] for number in fitting]), 1):
        first = bounds[fitting[place]]
        logits[:, first : first + values.shape[1]] = values
        if done % _LOG_EVERY == 0:
            _log.info("teacher: %d of %d questions", done, len(fitting))
    return logits


def _attach(windows: Sequence[TrainingWindow], logits: NDArray[np.float16]) -> list[TrainingWindow]:
    bounds, number, attached = _bounds(windows), 0, []
    for window in windows:
        questions = []
        for question in window.questions:
            mine = logits[:, bounds[number] : bounds[number + 1]]
            questions.append(question if np.isnan(mine).any() else replace(question, teacher=mine))
            number += 1
        attached.append(replace(window, questions=questions))
    return attached


def _bounds(windows: Sequence[TrainingWindow]) -> NDArray[np.int64]:
    lengths = [window.last - window.first for window in windows for _ in window.questions]
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _read(cache: Path, identity: str, tokens: int) -> NDArray[np.float16] | None:
    """Return what an earlier run computed, None when there is nothing or it belongs to another reader or questions."""
    if not cache.is_file():
        return None
    try:
        with safe_open(str(cache), "np") as file:
            if (file.metadata() or {}).get("identity") != identity:
                return None
            logits: NDArray[np.float16] = file.get_tensor("logits")
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"The teacher's logits {cache} cannot be read ({error}); remove the file.") from error
    if logits.shape != (2, tokens) or logits.dtype != np.float16:
        raise TrainingError(
            f"The teacher's logits {cache} are {logits.dtype} {logits.shape}, expected float16 {(2, tokens)}; the file "
            "is damaged, remove it."
        )
    return logits


def _identity(windows: Sequence[TrainingWindow], reader_folder: Path) -> str:
    digest = hashlib.sha256()
    weights = reader_folder / WEIGHTS_FILE
    digest.update(weights.read_bytes() if weights.is_file() else b"")
    for window in windows:
        digest.update(np.array([window.first, window.last, *window.input_ids], np.int64).tobytes())
        for question in window.questions:
            digest.update(np.array([-1, *question.input_ids], np.int64).tobytes())
    return digest.hexdigest()


def span_distribution(logits: torch.Tensor, band: torch.Tensor) -> torch.Tensor:
    """Return the teacher's distribution over spans, (Q, T, T): softmax of start + end within the band of allowed spans.

    `logits` float32 (Q, 2, T), -inf off the paragraph; `band` bool (T, T).
    """
    joint = span_scores(logits[:, 0], logits[:, 1], band)
    return joint.flatten(1).softmax(1).view(joint.shape)
