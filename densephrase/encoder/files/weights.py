"""Weights of torch modules, to the file that `densephrase.encoder.files.stored_weights` describes and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from densephrase.encoder.files.stored_weights import ROW_SCALE, Precision, read_stored_weights, row_scale
from densephrase.errors import EncoderError


def serialise_weights(state: Mapping[str, Tensor], precision: Precision) -> bytes:
    """Return the safetensors bytes of `state`; with `int8`, a matrix [rows, columns] turns int8 and float32 [rows]."""
    # One key only: safetensors writes several in random order, and equal weights shall give equal bytes.
    return save(_stored(state, precision), metadata={"precision": precision})


def serialise_for_transformers(state: Mapping[str, Tensor]) -> bytes:
    """Return the safetensors bytes of `state` in float32, as Hugging Face's transformers reads them."""
    return save(_stored(state, "float32"), metadata={"format": "pt"})


def rounded_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` as `read_weights` gives it after `serialise_weights` with `int8`, on its own devices."""
    return {name: _restore_rows(*_quantise_rows(value)) if value.ndim == 2 else value for name, value in state.items()}


def read_weights(folder: Path) -> tuple[dict[str, Tensor], Precision]:
    """Read a state dictionary of float32 tensors, and the precision it was stored in.

    Raises EncoderError when the file is missing, damaged or not written by this library.
    """
    stored, precision = read_stored_weights(folder)
    state = {name: torch.from_numpy(value) for name, value in stored.items() if not name.endswith(ROW_SCALE)}
    for name, value in state.items():
        if value.dtype == torch.int8:
            state[name] = _restore_rows(value, torch.from_numpy(row_scale(stored, name)))
    return state, precision


def replace_weights(folder: Path, changes: Mapping[str, Tensor]) -> bytes:
    """Return the safetensors bytes of the folder's weights with some tensors changed, in the precision of the file.

    All other tensors keep their bytes. Raises as `read_weights` does, and EncoderError for a tensor that is not there.
    """
    stored, precision = read_stored_weights(folder)
    unknown = sorted(changes.keys() - stored.keys())
    if unknown:
        raise EncoderError(f"The weights of {folder} lack {unknown}, which were to be changed.")
    tensors = {name: torch.from_numpy(value) for name, value in stored.items()}
    return save(tensors | _stored(changes, precision), metadata={"precision": precision})


def load_exactly(module: torch.nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Load `state` into `module`; a missing, unexpected or misshapen tensor is an EncoderError that names it."""
    expected = module.state_dict()
    missing, unexpected = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(value.shape)}"
        for name, value in expected.items()
        if name in state and state[name].shape != value.shape
    ]
    if missing or unexpected or misshapen:
        raise EncoderError(
            f"The weights of {source} do not fit its configuration: missing {missing[:5]} ({len(missing)}), "
            f"unexpected {unexpected[:5]} ({len(unexpected)}), of another shape {misshapen[:5]} ({len(misshapen)})."
        )
    module.load_state_dict(dict(state))


def _stored(state: Mapping[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        value = value.detach().to("cpu", torch.float32, copy=True).contiguous()  # no two may share memory in the file
        if precision == "int8" and value.ndim == 2:
            tensors[name], tensors[name + ROW_SCALE] = _quantise_rows(value)
        else:
            tensors[name] = value
    return tensors


def _quantise_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    scale = matrix.abs().amax(1).clamp_min(1e-12) / 127
    return (matrix / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def _restore_rows(codes: Tensor, scale: Tensor) -> Tensor:
    return codes.float() * scale[:, None]
