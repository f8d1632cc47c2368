"""Tiny random encoders in the layouts in which others publish theirs, written file by file as those programs do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from densephrase.encoder.published.published_tokenizer import frame_texts
from tests.conftest import make_architecture, make_tokenizer
from tests.encoder.hf_folder import MARKERS, SPECIAL

OLD = "sentence_transformers.models."
NEW_TYPES = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
    "Router": "sentence_transformers.base.modules.router.Router",
}


def framing_tokenizer() -> Tokenizer:
    """Return the tiny tokenizer, which puts texts between [CLS] and [SEP] as published ones do."""
    tokenizer = make_tokenizer()
    frame_texts(tokenizer, 2, 3)
    return tokenizer


def random_bert(seed: int, **changes: Any) -> BertModel:
    """Return a BERT of random weights, large enough that vectors of different texts differ."""
    settings = make_architecture(make_tokenizer()) | changes
    model = BertModel(BertConfig(**{name: value for name, value in settings.items() if name != "model_type"}))
    random = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=float("LayerNorm.weight" in name), std=0.2, generator=random)
    return model.eval()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def edit_json(path: Path, **changes: Any) -> None:
    """Change entries of a JSON file; None takes one out."""
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    write_json(path, {name: value for name, value in content.items() if value is not None})


def write_transformer(folder: Path, seed: int, most: int | None = 32, **config: Any) -> None:
    """Write a Transformer module; its length stands in its own file, or (None) in the tokenizer's, as in version 6."""
    random_bert(seed).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=framing_tokenizer(), model_max_length=most or 24, **SPECIAL, **MARKERS
    )
    tokenizer.save_pretrained(folder)
    write_json(folder / "sentence_bert_config.json", ({"max_seq_length": most} if most else {}) | config)


def write_pooling(folder: Path, mode: str, old: bool) -> None:
    """Write the configuration of a Pooling module."""
    if old:
        flags = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens"}
        content = {"word_embedding_dimension": 32, **{flag: name == mode for name, flag in flags.items()}}
    else:
        content = {"embedding_dimension": 32, "pooling_mode": mode, "include_prompt": True}
    write_json(folder / "config.json", content)


def write_modules(folder: Path, *parts: tuple[str, str], old: bool = False) -> None:
    """Write modules.json of kinds and their folders."""
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": OLD + kind if old else NEW_TYPES[kind]}
        for number, (kind, path) in enumerate(parts)
    ]
    write_json(folder / "modules.json", listed)


def write_sentence_folder(
    folder: Path, pooling: str = "mean", normalise: bool = False, old: bool = False, **config: Any
) -> Path:
    """Write a folder of one Transformer, as version 2 (`old`) or 6 of sentence-transformers does.

    config: what config_sentence_transformers.json says.
    """
    write_transformer(folder, 1, 32 if old else None)
    write_pooling(folder / "1_Pooling", pooling, old)
    parts = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    if normalise:
        (folder / "2_Normalize").mkdir()
        if not old:
            target = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
            write_json(folder / "2_Normalize" / "config.json", target)
    write_modules(folder, *parts[: 2 + normalise], old=old)
    write_json(folder / "config_sentence_transformers.json", config)
    return folder


def write_router_folder(folder: Path, shared: bool = False, inside: bool = True) -> Path:
    """Write a folder with a Router; `inside` puts the pooling into its routes, else it stands behind the Router."""
    towers = {"query": "query_0_Transformer", "document": "query_0_Transformer" if shared else "document_0_Transformer"}
    types, structure = {}, {}
    for number, (route, tower) in enumerate(towers.items()):
        write_transformer(folder / tower, number + 1, 40 if route == "document" else 20)
        structure[route] = [tower]
        types[tower] = NEW_TYPES["Transformer"]
        if inside:
            write_pooling(folder / f"{route}_1_Pooling", "cls", old=False)
            structure[route].append(f"{route}_1_Pooling")
            types[f"{route}_1_Pooling"] = NEW_TYPES["Pooling"]
    parameters = {"default_route": "document", "allow_empty_key": True, "route_mappings": {}}
    write_json(folder / "router_config.json", {"types": types, "structure": structure, "parameters": parameters})
    if inside:
        write_modules(folder, ("Router", ""))
    else:
        write_pooling(folder / "1_Pooling", "cls", old=False)
        write_modules(folder, ("Router", ""), ("Pooling", "1_Pooling"))
    write_json(folder / "config_sentence_transformers.json", {"similarity_fn_name": "dot", "prompts": {}})
    return folder


def dpr_state(prefix: str, seed: int, pooler: bool = False) -> dict[str, Tensor]:
    """Return the weights of a DPR tower under the names that begin with `prefix`."""
    state = {
        f"{prefix}{name}": value.contiguous()
        for name, value in random_bert(seed).state_dict().items()
        if pooler or "pooler" not in name
    }
    if pooler:
        state[f"{prefix}embeddings.position_ids"] = torch.arange(64)[None]
    return state


def write_vocabulary(folder: Path) -> None:
    """Write the tiny vocabulary as BERT's vocab.txt."""
    pieces = sorted(make_tokenizer().get_vocab().items(), key=lambda item: item[1])
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece, _ in pieces), encoding="utf-8")


def write_dpr_tower(folder: Path, kind: str, seed: int, torch_file: bool = False) -> Path:
    """Write one DPR tower, kind "ctx_encoder" or "question_encoder", in Hugging Face's layout.

    The published ones are torch files with a pooler and the numbers of positions, and BERT's vocab.txt.
    """
    architecture = make_architecture(make_tokenizer()) | {"model_type": "dpr", "projection_dim": 0}
    write_json(folder / "config.json", architecture | {"architectures": ["DPRContextEncoder"]})
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True, "model_max_length": 512})
    state = dpr_state(f"{kind}.bert_model.", seed, pooler=torch_file)
    if torch_file:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", {"format": "pt"})
    write_vocabulary(folder)
    return folder


def write_dpr_pair(folder: Path, torch_file: bool = False) -> Path:
    """Write DPR's two towers as sub-folders."""
    for seed, kind in enumerate(("ctx_encoder", "question_encoder"), 1):
        write_dpr_tower(folder / kind, kind, seed, torch_file)
    return folder


def write_dpr_checkpoint(folder: Path, **changes: Any) -> Path:
    """Write a checkpoint as the original program does, whose heads have 64 dimensions, beside BERT's vocab.txt."""
    states = {
        f"{kind}.{name}": value
        for seed, kind in ((1, "ctx_model"), (2, "question_model"))
        for name, value in dpr_state("", seed, pooler=True).items()
    }
    params = {"encoder_model_type": "hf_bert", "pretrained_model_cfg": "bert-base-uncased", "projection_dim": 0}
    content = {
        "model_dict": states,
        "optimizer_dict": {"state": {0: {"step": 3, "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 2e-5}]},
        "scheduler_dict": {"last_epoch": 3},
        "offset": 0,
        "epoch": 39,
        "encoder_params": params,
    }
    folder.mkdir(exist_ok=True)
    torch.save(content | changes, folder / "dpr_biencoder.39.1.cp")
    write_vocabulary(folder)
    architecture = make_architecture(make_tokenizer())
    write_json(folder / "config.json", architecture)
    return folder
