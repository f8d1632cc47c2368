"""Encoder folders with one thing wrong each, by fixed seeds, and what loading and using them comes to.

`python -m tests.encoder.mutated_encoders FOLDER FIRST LAST` tries copies of the encoder in FOLDER and writes a line for
each seed in [FIRST, LAST). `try_mutations` has a child do so: what ends or stops it is seen from outside.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder
from densephrase.errors import EncoderError

QUESTIONS = ["who was born in Paris?", "", "war " * 40, "a" * 2_000, "\u00e9\u0301\U0010fffd \ufdfa"]
PARAGRAPHS = [
    ParagraphInput("The king was born in 1789, by the river. " * 5, "Paris"),
    ParagraphInput("e\u0301 x" * 99),
]
FILES = ("config.json", "model.safetensors", "tokenizer.json")
_ROOT = Path(__file__).parent.parent.parent
_SECONDS = 20  # for one encoder
_MEMORY = 3 << 30  # of addresses, beyond those that the libraries take

_VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 2, 3, 7, 10**6, 2**31, 2**63, 10**400, 1e-300, 1e308, -1e308, float("nan")),
    *(
        "",
        "x",
        "bert",
        "\ud800",
        "x" * 100_000,
        [],
        {},
        [1, 2],
        [[]],
        {"a": 1},
        {"type": "Sequence"},
        list(range(50_000)),
    ),
)
_BACKBONE: dict[str, Any] = {
    **dict.fromkeys(("return_dict", "use_cache", "output_hidden_states", "add_cross_attention", "is_decoder"), True),
    **{"num_labels": 10**9, "pruned_heads": {"0": [0]}, "chunk_size_feed_forward": -1, "hidden_act": "silu"},
    **{"position_embedding_type": "relative_key", "torch_dtype": "float16", "auto_map": {"AutoModel": "x.y"}},
    **{"attn_implementation": "flash_attention_2", "use_pretrained_backbone": True, "type_vocab_size": 0},
    **{
        "num_hidden_layers": 10**6,
        "layer_types": ["x"] * 5,
        "text_config": {"model_type": "bert"},
        "return_dict": False,
    },
    **{"quantization_config": {"quant_method": "bitsandbytes"}, "experts_implementation": "x", "dtype": "complex64"},
}
_TYPES = ("roberta", "albert", "t5", "gpt2", "clip", "funnel", "timm_wrapper", "detr", "longformer", "mamba", "no-such")
_NORMALIZERS: tuple[Any, ...] = (
    {"type": "Replace", "pattern": {"String": "a"}, "content": "b" * 10**6},
    {"type": "Replace", "pattern": {"String": ""}, "content": "b"},
    {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "b"},
    {"type": "Replace", "pattern": {"Regex": "((a{1,1000}){1,1000}){1,1000}"}, "content": "b"},
    {"type": "Sequence", "normalizers": [{"type": "Replace", "pattern": {"Regex": "."}, "content": "ab"}] * 12},
    {"type": "Sequence", "normalizers": [{"type": "NFKD"}] * 40_000},
    {"type": "Prepend", "prepend": "x" * 10**6},
    {"type": "Precompiled", "precompiled_charsmap": "AAAAAAAAAAAAAAAA"},
    {"type": "Precompiled", "precompiled_charsmap": "BAAAAP////9BQUFB"},
    {"type": "NFKC"},
    {"type": "Unheard"},
)
_SPLITS: tuple[Any, ...] = (
    {"type": "Split", "pattern": {"Regex": "(a|a)*b"}, "behavior": "Isolated", "invert": False},
    {"type": "Split", "pattern": {"Regex": "x*"}, "behavior": "Removed", "invert": True},
    {"type": "FixedLength", "length": 0},
    {"type": "FixedLength", "length": 1},
    {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": True, "use_regex": False}] * 16},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
)
_PROCESSORS: tuple[Any, ...] = (
    {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 9, "pair": []},
    {"type": "BertProcessing", "sep": ["[SEP]", 7], "cls": ["[CLS]", 8]},
    {
        "type": "RobertaProcessing",
        "sep": ["[SEP]", 3],
        "cls": ["[CLS]", 2],
        "trim_offsets": True,
        "add_prefix_space": True,
    },
)


def mutate(folder: Path, seed: int) -> str:
    """Make one thing wrong in the encoder in `folder`; return what."""
    chosen = random.Random(seed)
    change = chosen.choice(
        (_config, _config, _config, _tokenizer, _tokenizer, _tokenizer, _weights, _weights, _bytes, _kind)
    )
    return f"{change.__name__[1:]}: {change(folder, chosen)}"


def _config(folder: Path, chosen: random.Random) -> str:
    content = json.loads((folder / "config.json").read_text("utf-8"))
    kind = chosen.randrange(5)
    if kind == 0:
        name = chosen.choice(list(_BACKBONE))
        content["backbone"][name] = _BACKBONE[name]
        what = f"backbone.{name}"
    elif kind == 1:
        what = content["backbone"]["model_type"] = chosen.choice(_TYPES)
    elif kind == 2:
        what = _put(content["backbone"], chosen)
    else:
        what = _put(content, chosen)
    text = json.dumps(content)
    if chosen.random() < 0.05:
        text, what = text.replace('"backbone"', '"backbone": ' + "[" * 9_000 + "]" * 9_000 + ', "backbone"'), "deep"
    (folder / "config.json").write_text(text, encoding="utf-8")
    return what


def _tokenizer(folder: Path, chosen: random.Random) -> str:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text("utf-8"))
    vocabulary = content["model"]["vocab"]
    kind = chosen.randrange(6)
    parts = {"normalizer": _NORMALIZERS, "pre_tokenizer": _SPLITS, "post_processor": _PROCESSORS}
    if kind <= 1:
        name = chosen.choice(list(parts))
        number = chosen.randrange(len(parts[name]))
        content[name], what = parts[name][number], f"{name} {number}"
    elif kind == 2:
        what = chosen.choice(list(vocabulary))
        vocabulary[what] = chosen.choice((len(vocabulary), 2**31, 2**32, 2**40, -1, 0, "x", None))
    elif kind == 3:
        what = "added token"
        number = chosen.choice((4, 500, 2**31, 2**40))
        token = {"id": number, "content": chosen.choice(("war", "", "zzz", " ")), "single_word": False, "lstrip": False}
        content["added_tokens"] = [{**token, "rstrip": False, "normalized": False, "special": chosen.random() < 0.5}]
    elif kind == 4:
        del content["model"]["vocab"]
        what = "model " + _put(content["model"], chosen)
        content["model"].setdefault("vocab", vocabulary)
    else:
        what = _put(content, chosen)
    path.write_text(json.dumps(content), encoding="utf-8")
    return what


def _weights(folder: Path, chosen: random.Random) -> str:
    """Change the header of the weights, or the numbers of a tensor."""
    path = folder / "model.safetensors"
    stored = bytearray(path.read_bytes())
    size = int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8 : 8 + size])
    name = chosen.choice([key for key in header if key != "__metadata__"])
    first, last = header[name]["data_offsets"]
    kind = chosen.randrange(4)
    if kind == 0:
        filler = chosen.choice(
            (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", bytes(4), b"\x00\x00\x80\xbf")
        )
        stored[8 + size + first : 8 + size + last] = (filler * (last - first))[: last - first]
        path.write_bytes(stored)
        return f"{name} filled with {filler.hex()}"
    if kind == 1:
        header[name][chosen.choice(("dtype", "shape", "data_offsets"))] = chosen.choice(
            ("F64", "I8", "BF16", "BOOL", "F32", [2**62, 4], [0, 10**18], [-1], [last, first], [0, 2**63], [], None, 7)
        )
    elif kind == 2:
        header[chosen.choice(("extra", "__metadata__", "quantiser.start.scale", name))] = header.pop(name)
    else:
        _put(header, chosen)
    written = json.dumps(header).encode()
    path.write_bytes(len(written).to_bytes(8, "little") + written + stored[8 + size :])
    return f"header of {name}"


def _bytes(folder: Path, chosen: random.Random) -> str:
    """Cut a file, flip some of its bytes, or repeat a part of it."""
    path = folder / chosen.choice(FILES)
    stored = bytearray(path.read_bytes())
    at = chosen.randrange(min(len(stored), chosen.choice((16, 4_000, 10**9))))
    kind = chosen.randrange(3)
    if kind == 0:
        del stored[at:]
    elif kind == 1:
        for place in range(at, min(at + chosen.choice((1, 4)), len(stored))):
            stored[place] = chosen.randrange(256)
    else:
        stored[at:at] = stored[at : at + 200]
    path.write_bytes(stored)
    return f"{path.name} at {at}, {kind}"


def _kind(folder: Path, chosen: random.Random) -> str:
    """Put something else in the place of a file."""
    path = folder / chosen.choice(FILES)
    makers: tuple[Callable[[Path], object], ...] = (
        os.mkdir,
        os.mkfifo,
        lambda place: os.symlink("/dev/zero", place),
        lambda place: os.symlink("/dev/null", place),
        lambda place: os.symlink(place.name, place),
        lambda place: place.write_bytes(b""),
        _make_huge,
    )
    number = chosen.randrange(len(makers))
    path.unlink()
    makers[number](path)
    return f"{path.name} is {number}"


def _make_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def _put(content: dict[str, Any], chosen: random.Random) -> str:
    """Change or leave out one entry, at any depth."""
    places = list(_places(content))
    where, key = chosen.choice(places)
    if chosen.random() < 0.15:
        del where[key]
        return f"no {key}"
    value = chosen.choice(_VALUES)
    where[key] = value
    return f"{key}={repr(value)[:30]}"


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items)[:200]:
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def outcome(folder: Path) -> str:
    """Load and use an encoder with both runtimes; return what came of it: "used", "refused" or an exception."""
    reached = []
    for load in (OnnxQuestionEncoder.from_pretrained, _load_torch):
        try:
            encoder: Any = load(folder)
            encoder.encode_questions(QUESTIONS)
            if isinstance(encoder, PhraseEncoder):
                encoder.encode_paragraphs(PARAGRAPHS)
            reached.append("used")
        except EncoderError as error:
            reached.append("refused" if len(str(error)) < 3_000 else "refused at length")
        except BaseException as error:  # what this is about
            reached.append(f"{type(error).__name__}: {str(error)[:200]}")
    return ", ".join(reached)


def _load_torch(folder: Path) -> PhraseEncoder:
    return PhraseEncoder.from_pretrained(folder, bf16=False)


def try_mutations(folder: Path, first: int, last: int) -> list[str]:
    """Return a line for each seed in [first, last): seed, outcome and change; a child that ends is one too."""
    lines: list[str] = []
    while first + len(lines) < last:
        command = [sys.executable, "-m", __name__, str(folder), str(first + len(lines)), str(last)]
        child = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        lines += child.stdout.splitlines()
        if first + len(lines) < last:
            lines.append(f"{first + len(lines)}\tended with {child.returncode}: {child.stderr[-1500:]!r}\t")
    return lines


def main(folder: Path, first: int, last: int) -> None:
    """Try the mutations of these seeds; a hang ends the process."""
    PhraseEncoder.from_pretrained(folder, bf16=False)  # so that all libraries are loaded
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for seed in range(first, last):
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(shutil.copytree(folder, Path(scratch) / "encoder"))
            what = mutate(copy, seed)
            faulthandler.dump_traceback_later(_SECONDS, exit=True)
            came = outcome(copy)
            faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(f"{seed}\t{came}\t{what.encode('unicode_escape').decode()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
