"""Balanced truncation (Moore 1981) of start and end vectors: dimensions by importance, the last ones cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.phrase.model import PhraseModel, ResidualHead
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingWindow
from densephrase.training.finish.hidden_states import hidden_states, sample_windows

_BATCH = 32
_RIDGE = 1e-5  # share of the mean variance that keeps covariances invertible
_LEAST = 1e-12  # mean variance; only heads that say nothing have less


def balance_vectors(model: PhraseModel, windows: Sequence[TrainingWindow], size: int, *, seed: int = 0) -> None:
    """Change the basis of start and end vectors so that the first dimensions carry the scores; keep `size` of them.

    A score is a product x . q, so any invertible map of x may be undone in q. Of all such pairs of maps the balanced
    one (Moore 1981, for linear systems) gives both sides the same diagonal covariance; cutting off its last dimensions
    leaves the least squared error of the scores that a linear map of that size can. Fitted to at most 1,000 random
    windows and their questions; the maps are folded into the heads' weights, coherencies and sparse scores stay.
    """
    sides = _collect(model, sample_windows(windows, 1000, seed))
    shrink = (size / model.config.vector_size) ** 0.5  # the model divides questions by the root of the vector size
    heads = ((model.start_head, model.question_start.head), (model.end_head, model.question_end.head))
    for (text, questions), (text_head, question_head) in zip(sides, heads, strict=True):
        text_map, question_map = balanced_maps(text, questions, size)
        _apply(text_head, text_map)
        _apply(question_head, question_map * shrink)
    model.config = replace(model.config, vector_size=size)


def balanced_maps(
    text: NDArray[np.float64], questions: NDArray[np.float64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the maps (size, d) of text vectors (n, d) and of question vectors (m, d).

    With all d dimensions, mapped products equal the former ones. The mean of the text vectors adds the same to all
    scores of a question, so the text's covariance counts, and the questions' second moment.
    """
    root, inverse = _roots(np.atleast_2d(np.cov(text.T)))
    question_root, _ = _roots(questions.T @ questions / len(questions))
    left, strength, _ = np.linalg.svd(root @ question_root)
    scale = np.sqrt(strength[:size, None])
    return scale * (left.T[:size] @ inverse), left.T[:size] @ root / scale


def _roots(covariance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the square root of a covariance and its inverse."""
    size = len(covariance)
    values, vectors = np.linalg.eigh(covariance + _RIDGE * max(np.trace(covariance) / size, _LEAST) * np.eye(size))
    root = np.sqrt(values)
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def _apply(head: ResidualHead, matrix: NDArray[np.float64]) -> None:
    """Replace a head by the head followed by a linear map."""
    layers = [head.projection] if head.inner is None else [head.projection, head.outer]
    with torch.no_grad():
        for layer in layers:
            change = torch.from_numpy(matrix).to(layer.weight.device)
            layer.weight = torch.nn.Parameter((change @ layer.weight.double()).float())
            layer.out_features = len(matrix)
            if layer.bias is not None:
                layer.bias = torch.nn.Parameter((change @ layer.bias.double()).float())


def _collect(
    model: PhraseModel, windows: Sequence[TrainingWindow]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return (text vectors, question vectors) of starts and of ends; every paragraph token counts."""
    size = model.config.vector_size
    text: list[list[Tensor]] = [[], []]
    asked: list[list[Tensor]] = [[], []]
    for at in range(0, len(windows), _BATCH):
        part = windows[at : at + _BATCH]
        hidden = hidden_states(model, part)
        with torch.inference_mode():
            for number, window in enumerate(part):
                own = hidden[number, window.first : window.last]
                text[0].append(model.start_rows(own)[:, :size])
                text[1].append(model.end_rows(own)[:, :size])
            rows = [question.input_ids for window in part for question in window.questions]
            if rows:
                output = model.encode_questions(*pad_batch(rows, model.config.pad_token_id, model.device))
                asked[0].append(output.start)
                asked[1].append(output.end)
    return [(_joined(text[side]), _joined(asked[side])) for side in range(2)]


def _joined(pieces: Sequence[Tensor]) -> NDArray[np.float64]:
    joined: NDArray[np.float64] = torch.cat(list(pieces)).double().cpu().numpy()
    return joined
