"""Weights of other programs: read without running code; each name has a use or is known to have none."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from torch import Tensor
from transformers import PreTrainedModel

from densephrase.encoder.backbone import drop_pooler, new_backbone
from densephrase.encoder.backbone_settings import check_backbone
from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.files.model_size import check_model_size
from densephrase.encoder.files.weights import load_exactly
from densephrase.encoder.first_use import library_errors
from densephrase.errors import EncoderError

SAFETENSORS, TORCH_WEIGHTS = "model.safetensors", "pytorch_model.bin"
# No vector needs them: the pooler, numbers that are made anew, and heads that predict words.
_UNUSED = re.compile(
    r"(.*\.)?(pooler\..*|embeddings\.(position_ids|token_type_ids)|embeddings\.position_embeddings\.position_ids)"
    r"|(cls|lm_head|generator_lm_head|generator_predictions|discriminator_predictions|vocab_\w+|predictions)\..*"
)
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # before transformers
_NO_PROPERTIES = (  # of an architecture: who wrote the file, where, and labels that no encoder gives
    *("_name_or_path", "architectures", "transformers_version", "torch_dtype", "dtype", "id2label", "label2id"),
    "num_labels",
)


def read_published_weights(folder: Path) -> dict[str, Tensor]:
    """Return the weights in a Hugging Face folder: model.safetensors, or else pytorch_model.bin.

    Raises EncoderError when there is neither, or one is damaged or holds what is no number.
    """
    if (folder / SAFETENSORS).exists():
        content = read_encoder_file(folder, SAFETENSORS)
        with library_errors(f"{folder / SAFETENSORS} is not a readable safetensors file"):
            state = load_safetensors(content)
        return check_state(state, folder / SAFETENSORS)
    if (folder / TORCH_WEIGHTS).exists():
        return check_state(read_torch_file(folder, TORCH_WEIGHTS), folder / TORCH_WEIGHTS)
    parts = sorted(path.name for path in folder.glob("*.index.json"))
    reason = f"; {parts[0]} names several files, which are not read" if parts else ""
    raise EncoderError(f"{folder} holds neither {SAFETENSORS} nor {TORCH_WEIGHTS}{reason}; give a whole encoder.")


def read_torch_file(folder: Path, name: str) -> Any:
    """Return what torch saved in a file, if that is tensors and plain values; EncoderError for anything else."""
    content = read_encoder_file(folder, name)
    with library_errors(f"{folder / name} is no torch file of tensors and plain values"):
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def check_state(state: Any, path: Path) -> dict[str, Tensor]:
    """Return a state dictionary, in float32; EncoderError when it is none, or holds what is no number."""
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise EncoderError(f"{path} holds no state dictionary of tensors; give the weights of an encoder.")
    for name, value in state.items():
        if not torch.isfinite(value).all():
            raise EncoderError(f"{path}: {name!r} holds what is no number; the file is damaged.")
    return {str(name): value.float() if value.is_floating_point() else value for name, value in state.items()}


def without_prefix(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the weights of names that begin with `prefix`, called as without it."""
    return {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


def clean_architecture(content: Any, path: Path) -> dict[str, Any]:
    """Return the backbone that a Hugging Face config.json describes; EncoderError when it describes none."""
    if not isinstance(content, dict):
        raise EncoderError(f"{path} is no configuration of a backbone; an object is expected.")
    backbone = {name: value for name, value in content.items() if name not in _NO_PROPERTIES}
    try:
        check_backbone(backbone)
    except EncoderError as error:
        raise EncoderError(f"{path}: {error}") from None
    return backbone


def build_tower(backbone: Mapping[str, Any], state: Mapping[str, Tensor], source: Path) -> PreTrainedModel:
    """Build a tower and load its weights.

    Every weight of the file has a place in the tower or is one that no vector needs, and every place gets a weight;
    EncoderError names those for which that is not so.
    """
    used = {_current_name(name): value for name, value in state.items() if not _UNUSED.fullmatch(name)}
    check_model_size(partial(_empty_tower, backbone), used, str(source))
    tower = _empty_tower(backbone)
    prefix = f"{tower.base_model_prefix}."
    bare = without_prefix(used, prefix)
    load_exactly(tower, bare if len(bare) == len(used) else used, str(source))
    return tower


def _empty_tower(backbone: Mapping[str, Any]) -> PreTrainedModel:
    return drop_pooler(new_backbone(backbone))


def _current_name(name: str) -> str:
    for old, new in _OLD_NAMES.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name
