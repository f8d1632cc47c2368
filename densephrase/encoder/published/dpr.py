"""DPR as published: two Hugging Face folders, or one checkpoint of the original program (Karpukhin et al. 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor

from densephrase.encoder.config import CONFIG_FILE
from densephrase.encoder.published.published_encoder import LAYOUTS, PublishedEncoder
from densephrase.encoder.published.published_json import read_json
from densephrase.encoder.published.published_tokenizer import read_bert_tokenizer
from densephrase.encoder.published.published_weights import (
    build_tower,
    check_state,
    clean_architecture,
    read_published_weights,
    read_torch_file,
    without_prefix,
)
from densephrase.errors import EncoderError

PASSAGE_FOLDER, QUESTION_FOLDER = "ctx_encoder", "question_encoder"  # and prefixes of names in their weights
CHECKPOINT_SUFFIX = ".cp"
_LENGTH = 256  # tokens of a passage and of a question, in the paper's program
_PROJECTION = "encode_proj."
_HEAD_SIZE = 64  # in every BERT that DPR was trained from; a checkpoint does not say how many heads there are


@dataclass(frozen=True, slots=True)
class _Tower:
    """The files of a tower, read."""

    backbone: dict[str, Any]
    state: dict[str, Tensor]
    tokenizer: Tokenizer
    special: dict[str, Any]
    source: Path


def is_dpr_pair(folder: Path) -> bool:
    """Tell whether a folder holds DPR's two towers as folders of Hugging Face's names."""
    return all((folder / name / CONFIG_FILE).exists() for name in (PASSAGE_FOLDER, QUESTION_FOLDER))


def find_checkpoint(folder: Path) -> Path | None:
    """Return the one DPR checkpoint in a folder; None when there is none or several."""
    found = list(folder.glob(f"*{CHECKPOINT_SUFFIX}"))
    return found[0] if len(found) == 1 else None


def read_dpr_pair(passages: Path, questions: Path) -> PublishedEncoder:
    """Read DPR's tower for passages from one Hugging Face folder and that for questions from another.

    Raises EncoderError for what is missing or damaged, for towers that do not belong together, and for a projection.
    """
    towers = [_read_tower(passages, PASSAGE_FOLDER), _read_tower(questions, QUESTION_FOLDER)]
    return _join(towers[0], towers[1], passages)


def read_dpr_checkpoint(path: Path) -> PublishedEncoder:
    """Read a checkpoint of the original program, beside which BERT's vocab.txt or tokenizer.json lies.

    The sizes follow from the weights; a config.json of BERT beside it goes before them. Raises EncoderError as
    `read_dpr_pair` does.
    """
    folder = path.parent
    content = read_torch_file(folder, path.name)
    stored = content.get("model_dict") if isinstance(content, Mapping) else None
    state = check_state(stored, path)
    tokenizer, special = read_bert_tokenizer(folder)
    parts = {prefix: without_prefix(state, f"{prefix}.") for prefix in ("ctx_model", "question_model")}
    others = len(state) - sum(map(len, parts.values()))
    if others or not all(parts.values()):
        raise EncoderError(
            f"{path} has {len(parts['ctx_model'])} weights of ctx_model, {len(parts['question_model'])} of "
            f"question_model and {others} of neither; a checkpoint of DPR's two towers is expected."
        )
    if (folder / CONFIG_FILE).exists():
        backbone = clean_architecture(read_json(folder, CONFIG_FILE, dict), folder / CONFIG_FILE)
    else:
        backbone = _sizes(parts["ctx_model"], path)
    towers = [_Tower(backbone, part, tokenizer, special, path) for part in parts.values()]
    return _join(towers[0], towers[1], path)


def _read_tower(folder: Path, prefix: str) -> _Tower:
    content = read_json(folder, CONFIG_FILE, dict)
    if content.get("model_type") != "dpr" or content.get("projection_dim"):
        raise EncoderError(
            f"{folder / CONFIG_FILE} has model_type={content.get('model_type')!r:.80} and projection_dim="
            f"{content.get('projection_dim', 0)!r:.80}; DPR without a projection is expected. {LAYOUTS}."
        )
    settings = {name: value for name, value in content.items() if name != "projection_dim"} | {"model_type": "bert"}
    state = read_published_weights(folder)
    whole = f"{prefix}.bert_model."
    foreign = [name for name in state if not name.startswith(whole)]
    if foreign:
        raise EncoderError(
            f"The weights in {folder} are named {foreign[0]!r} and the like, expected {whole}*: it is not DPR's "
            f"{prefix}. Name passages first: 'PASSAGES,QUESTIONS'."
        )
    backbone = clean_architecture(settings, folder / CONFIG_FILE)
    return _Tower(backbone, without_prefix(state, whole), *read_bert_tokenizer(folder), folder)


def _join(passage: _Tower, question: _Tower, source: Path) -> PublishedEncoder:
    for what in ("backbone", "special"):
        if getattr(passage, what) != getattr(question, what):
            raise EncoderError(f"{passage.source} and {question.source} differ in their {what}; they are no pair.")
    if passage.tokenizer.to_str() != question.tokenizer.to_str():
        raise EncoderError(f"{passage.source} and {question.source} have different tokenizers; they are no pair.")
    for tower in (passage, question):
        if any(name.startswith(_PROJECTION) for name in tower.state):
            raise EncoderError(f"{tower.source} projects vectors ({_PROJECTION}*), which is not supported. {LAYOUTS}.")
    length = min(_LENGTH, int(passage.backbone.get("max_position_embeddings", 512)))
    settings = {
        **passage.special,
        "backbone": passage.backbone,
        "is_shared": False,
        "pooling": "cls",
        "normalise": False,
        "title": "segment",
        "max_passage_tokens": length,
        "max_question_tokens": length,
    }
    towers = [build_tower(tower.backbone, tower.state, tower.source) for tower in (passage, question)]
    return PublishedEncoder(settings, towers[0], towers[1], passage.tokenizer, source)


def _sizes(state: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """Return the sizes of the BERT that has these weights."""
    rows = {
        "vocab_size": "embeddings.word_embeddings.weight",
        "max_position_embeddings": "embeddings.position_embeddings.weight",
        "type_vocab_size": "embeddings.token_type_embeddings.weight",
        "hidden_size": "encoder.layer.0.output.dense.weight",
        "intermediate_size": "encoder.layer.0.intermediate.dense.weight",
    }
    missing = [name for name in rows.values() if name not in state]
    if missing:
        raise EncoderError(f"{path} lacks {missing[0]} and {len(missing) - 1} others; DPR's BERT is expected.")
    backbone: dict[str, Any] = {name: len(state[weight]) for name, weight in rows.items()}
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layer.")}
    heads = max(1, backbone["hidden_size"] // _HEAD_SIZE)
    return {**backbone, "model_type": "bert", "num_hidden_layers": len(layers), "num_attention_heads": heads}
