"""Validation of a backbone's configuration, before any architecture sees it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any

from densephrase.errors import EncoderError
from densephrase.storage.strict_json import walk_containers

LARGEST = 2**31 - 1  # of whole numbers: what a word piece's number must fit
_DEEPEST = 6  # objects and lists in each other
_ENTRIES = 20_000  # of all objects and lists together
# Counts and sizes by the names that transformers gives them, in any architecture. Others are bounded by LARGEST and by
# the weights in the file, which a backbone must have a use for.
_COUNTS = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("max_position_embeddings", "type_vocab_size", "embedding_size", "num_hidden_groups", "inner_group_num"),
    *("num_layers", "n_layers", "n_heads", "num_key_value_heads", "head_dim", "dim", "hidden_dim", "d_model", "d_ff"),
)
_MAY_BE_NONE = ("num_key_value_heads", "head_dim", "embedding_size", "type_vocab_size")
_TEXTS = ("model_type", "hidden_act")
_REPEATED = ("layers", "blocks", "groups", "stages", "depth")  # what an architecture makes so many times
_MOST_REPEATED = 1_000
# Parts that some architectures load by name, from wherever the name leads, or that other code than transformers' makes.
_OUTSIDE = ("auto_map", "backbone", "use_pretrained_backbone", "use_timm_backbone", "quantization_config")


def check_backbone(backbone: Mapping[str, Any]) -> None:
    """Raise EncoderError for what no backbone's configuration has: see the message.

    Checks types, ranges and nesting; whether the architecture can be built of it, only its builder knows.
    """
    if "model_type" not in backbone:
        raise EncoderError("The encoder configuration lacks backbone.model_type; it names the Hugging Face model.")
    _check_entries(backbone)
    for name, value in backbone.items():
        if name in _TEXTS and not isinstance(value, str):
            raise _fault(name, value, "a name")
        if name in _COUNTS and not (value is None and name in _MAY_BE_NONE):
            least = 0 if name in ("num_hidden_layers", "type_vocab_size") else 1
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise _fault(name, value, f"a whole number of at least {least}")
        if any(part in name for part in _REPEATED) and isinstance(value, int) and value > _MOST_REPEATED:
            raise _fault(name, value, f"at most {_MOST_REPEATED}")
        if name == "pad_token_id" and not (value is None or (type(value) is int and value >= 0)):
            raise _fault(name, value, "the number of a word piece, or none")
        if name.endswith("_norm_eps") and not (isinstance(value, float) and 0 < value < 1):
            raise _fault(name, value, "a number between 0 and 1")
        if name in _OUTSIDE and value not in (None, False):
            raise _fault(name, value, "none: a backbone is built from its own configuration alone")


def _check_entries(backbone: Mapping[str, Any]) -> None:
    """Check every number, and how many entries there are how deep."""
    entries = 0
    for name, container, depth in walk_containers(backbone, "backbone"):
        entries += len(container)
        if depth > _DEEPEST or entries > _ENTRIES:
            raise EncoderError(
                f"The encoder configuration has a backbone of over {_ENTRIES} entries, or over {_DEEPEST} deep "
                f"(at {name}); that is no architecture. Take the configuration that the encoder was saved with."
            )
        items = container.items() if isinstance(container, dict) else ((name, item) for item in container)
        for key, value in items:
            if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
                raise _fault(key, value, f"a number of at most {LARGEST}")
            if isinstance(value, float) and not math.isfinite(value):
                raise _fault(key, value, "a finite number")


def _fault(name: str, value: object, expected: str) -> EncoderError:
    return EncoderError(
        f"The encoder configuration has backbone.{name}={reprlib.repr(value)}; {expected} is expected. Take the "
        "configuration that the encoder was saved with."
    )
