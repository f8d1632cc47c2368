"""sentence-transformers folders: one Transformer, its pooling and perhaps a normalisation, or two behind a Router."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densephrase.encoder.backbone import position_count
from densephrase.encoder.config import CONFIG_FILE
from densephrase.encoder.published.published_encoder import PublishedEncoder
from densephrase.encoder.published.published_json import read_json, read_optional_json
from densephrase.encoder.published.published_tokenizer import TOKENIZER_CONFIG, read_tokenizer
from densephrase.encoder.published.published_weights import build_tower, clean_architecture, read_published_weights
from densephrase.encoder.published.sentence_modules import Module, read_modules, read_routes, refused
from densephrase.errors import EncoderError

SENTENCE_CONFIG, MODEL_CONFIG = "config_sentence_transformers.json", "sentence_bert_config.json"
_POOLINGS = ("cls", "mean")
_OLD_POOLINGS = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
_LARGEST_LENGTH = 1 << 20  # tokens; tokenizers say 10**30 where they set no limit
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Side:
    """How one kind of text is encoded."""

    folder: Path  # of the Transformer
    pooling: str
    normalise: bool


def read_sentence_folder(folder: Path) -> PublishedEncoder:
    """Read a sentence-transformers folder.

    Prompts become prefixes: "query" for questions; "document", else "passage", else "corpus" for passages. Vectors get
    unit length where there is a Normalize module or the similarity is the cosine, as it is where the folder names none.

    Raises EncoderError for what is missing, damaged, or more than Transformer, Pooling of the first token or the mean,
    and Normalize.
    """
    modules = read_modules(folder)
    sides: dict[str, _Side] = {}
    if modules[0].kind == "Router":
        for name, route in read_routes(modules[0].folder).items():
            sides[name] = _side(folder, [*route, *modules[1:]])
    else:
        sides = dict.fromkeys(("question", "passage"), _side(folder, modules))
    question, passage = sides["question"], sides["passage"]
    if (question.pooling, question.normalise) != (passage.pooling, passage.normalise):
        raise refused(folder, "different pooling or normalisation for questions and for passages")
    settings = _shared_settings(folder, passage)
    for name, side in sides.items():
        settings[f"max_{name}_tokens"] = _length(side.folder)
    return _with_towers(folder, sides, settings)


def _with_towers(folder: Path, sides: dict[str, _Side], settings: dict[str, Any]) -> PublishedEncoder:
    """Load the tower of each side, once where both have the same."""
    architectures, tokenizers = {}, {}
    towers: dict[str, Path] = {}
    for name, side in sides.items():
        if side.folder in towers.values():
            continue
        where = side.folder
        architectures[name] = clean_architecture(read_json(where, CONFIG_FILE, dict), where / CONFIG_FILE)
        lowercase = bool(read_optional_json(where, MODEL_CONFIG).get("do_lower_case"))
        tokenizers[name], special = read_tokenizer(where, lowercase)
        towers[name] = where
    first, *others = towers
    for other in others:
        if architectures[other] != architectures[first]:
            raise refused(folder, "two Transformers of different architectures")
        if tokenizers[other].to_str() != tokenizers[first].to_str():
            raise refused(folder, "two Transformers with different tokenizers")
    built = {
        name: build_tower(architectures[name], read_published_weights(where), where) for name, where in towers.items()
    }
    settings |= {"backbone": architectures[first], "is_shared": not others, **special}
    for name in sides:
        limit = f"max_{name}_tokens"
        settings[limit] = min(settings[limit], position_count(built[first]) or settings[limit])
    passage, question = (built[first], None) if not others else (built["passage"], built["question"])
    return PublishedEncoder(settings, passage, question, tokenizers[first], folder)


def _side(folder: Path, modules: Sequence[Module]) -> _Side:
    kinds = [module.kind for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise refused(folder, " + ".join(kinds) or "no module")
    return _Side(modules[0].folder, _pooling(folder, modules[1].folder), len(kinds) == 3)


def _pooling(folder: Path, where: Path) -> str:
    content = read_json(where, CONFIG_FILE, dict)
    mode = content.get("pooling_mode")
    if mode is None:
        active = sorted(name for name, value in content.items() if name.startswith("pooling_mode_") and value)
        mode = [_OLD_POOLINGS.get(name, name) for name in active] or ["mean"]
    modes = [mode] if isinstance(mode, str) else mode
    if not isinstance(modes, list) or len(modes) != 1 or modes[0] not in _POOLINGS:
        raise refused(folder, f"pooling by {mode!r}")
    if content.get("include_prompt") is False and any(_prefixes(folder).values()):
        raise refused(folder, "pooling that leaves out the prompt (include_prompt is false)")
    return str(modes[0])


def _shared_settings(folder: Path, side: _Side) -> dict[str, Any]:
    similarity = read_optional_json(folder, SENTENCE_CONFIG).get("similarity_fn_name")
    if similarity not in (None, "cosine", "dot"):
        raise refused(folder, f"the similarity {similarity!r}; 'cosine' and 'dot' are known")
    if similarity is None and not side.normalise:
        _logger.warning(
            "%s does not say how its vectors are compared; their cosine is taken, as sentence-transformers does. If "
            'it was trained on dot products, write "similarity_fn_name": "dot" in its %s.',
            *(folder, SENTENCE_CONFIG),
        )
    normalise = side.normalise or similarity != "dot"
    return {"pooling": side.pooling, "normalise": normalise, "title": "text", **_prefixes(folder)}


def _prefixes(folder: Path) -> dict[str, str]:
    prompts = read_optional_json(folder, SENTENCE_CONFIG).get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise EncoderError(f"{folder / SENTENCE_CONFIG} has prompts={prompts!r:.200}; an object of texts is expected.")
    passage = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), "")
    return {"question_prefix": prompts.get("query") or "", "passage_prefix": passage}


def _length(where: Path) -> int:
    """Return how many tokens a Transformer reads: its own limit, else the lower of tokenizer's and backbone's."""
    own = read_optional_json(where, MODEL_CONFIG).get("max_seq_length")
    if own is not None:
        if type(own) is not int or own < 3:
            raise EncoderError(f"{where / MODEL_CONFIG} has max_seq_length={own!r}; a whole number from 3 is expected.")
        return own
    limits = (
        read_optional_json(where, TOKENIZER_CONFIG).get("model_max_length"),
        read_json(where, CONFIG_FILE, dict).get("max_position_embeddings"),
    )
    known = [limit for limit in limits if type(limit) is int and 0 < limit <= _LARGEST_LENGTH]
    if not known:
        raise EncoderError(f"{where} does not say how many tokens it reads; put max_seq_length into {MODEL_CONFIG}.")
    return min(known)
