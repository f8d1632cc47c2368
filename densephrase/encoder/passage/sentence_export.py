"""Writes a passage encoder as a sentence-transformers folder, for programs that read those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedModel

from densephrase.encoder.config import CONFIG_FILE
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.files.weights import serialise_for_transformers
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.published.published_tokenizer import TOKENIZER_CONFIG, frame_texts
from densephrase.encoder.published.sentence_folder import MODEL_CONFIG, SENTENCE_CONFIG
from densephrase.encoder.published.sentence_modules import MODULES_FILE, ROUTER_FILE
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE

_TYPES = "sentence_transformers.models."  # known to all versions; Router from version 5 on
_TITLES = {
    "segment": "Put a passage's title in front of it, with the separator between them: `title {sep} text`.",
    "text": "Put a passage's title in front of it, with a space between them.",
    "none": "Leave titles out.",
}


def write_sentence_transformers(model: BiEncoder, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder: one Transformer, or one for each route of a Router, then Pooling and perhaps Normalize.

    Prefixes become prompts. A tower that reads both reads the longer of the two lengths; titles are the reader's task,
    and README.md says how they are put.
    """
    config, first = model.config, "Transformer"
    if config.is_shared:
        longest = max(config.max_passage_tokens, config.max_question_tokens)
        _write_transformer(folder, model.passage, config, tokenizer, longest)
    else:
        first = "Router"
        towers = {
            "query": (model.question_tower, config.max_question_tokens),
            "document": (model.passage, config.max_passage_tokens),
        }
        for route, (tower, length) in towers.items():
            _write_transformer(folder / f"{route}_0_Transformer", tower, config, tokenizer, length)
        _write_routes(folder, list(towers))
    modules = [(first, ""), ("Pooling", "1_Pooling")]
    flags = {"cls_token": config.pooling == "cls", "mean_tokens": config.pooling == "mean", "max_tokens": False}
    pooling = {"word_embedding_dimension": config.vector_size}
    _write_json(
        folder / "1_Pooling" / CONFIG_FILE, pooling | {f"pooling_mode_{mode}": on for mode, on in flags.items()}
    )
    if config.normalise:
        modules.append(("Normalize", "2_Normalize"))
        (folder / "2_Normalize").mkdir(exist_ok=True)
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": _TYPES + kind}
        for number, (kind, path) in enumerate(modules)
    ]
    _write_json(folder / MODULES_FILE, listed)
    prompts = {"query": config.question_prefix, "document": config.passage_prefix}
    similarity = "cosine" if config.normalise else "dot"
    _write_json(folder / SENTENCE_CONFIG, {"prompts": prompts, "similarity_fn_name": similarity})
    (folder / "README.md").write_text(_description(config, tokenizer), encoding="utf-8")


def _write_transformer(
    folder: Path, tower: PreTrainedModel, config: PassageEncoderConfig, tokenizer: Tokenizer, length: int
) -> None:
    _write_json(folder / CONFIG_FILE, config.backbone)
    (folder / WEIGHTS_FILE).write_bytes(serialise_for_transformers(tower.state_dict()))
    _write_json(folder / MODEL_CONFIG, {"max_seq_length": length, "do_lower_case": False})
    framed = Tokenizer.from_str(tokenizer.to_str())
    frame_texts(framed, config.cls_token_id, config.sep_token_id)
    framed.save(str(folder / TOKENIZER_FILE))
    marks = {"cls_token": config.cls_token_id, "sep_token": config.sep_token_id, "pad_token": config.pad_token_id}
    special = {name: framed.id_to_token(number) for name, number in marks.items()}
    unknown = getattr(framed.model, "unk_token", None)
    if unknown is not None:
        special["unk_token"] = unknown
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": length}
    _write_json(folder / TOKENIZER_CONFIG, settings | special)


def _write_routes(folder: Path, routes: list[str]) -> None:
    names = {route: f"{route}_0_Transformer" for route in routes}
    content = {
        "types": dict.fromkeys(names.values(), f"{_TYPES}Transformer"),
        "structure": {route: [name] for route, name in names.items()},
        "parameters": {"default_route": "document", "allow_empty_key": True},
    }
    _write_json(folder / ROUTER_FILE, content)


def _description(config: PassageEncoderConfig, tokenizer: Tokenizer) -> str:
    similarity = "cosine" if config.normalise else "dot product"
    titles = _TITLES[config.title].format(sep=tokenizer.id_to_token(config.sep_token_id))
    return (
        "# A passage encoder made by densephrase\n\n"
        "Encode questions with `encode_query` and passages with `encode_document` of sentence-transformers; the score "
        f"of a pair is the {similarity} of the two vectors.\n\n{titles}\n"
    )


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
