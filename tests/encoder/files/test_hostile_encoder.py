"""Encoders that somebody else made: whatever is wrong with them ends in an EncoderError, and soon."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder
from densephrase.encoder.tokens.tokenizer_rules import check_tokenizer
from densephrase.errors import EncoderError
from tests.conftest import make_encoder, make_tokenizer
from tests.encoder.edited_weights import Tensors, edit_weights
from tests.encoder.mutated_encoders import try_mutations

Load = Callable[[Path], object]
Change = Callable[[dict[str, Any]], object]

LOADS = pytest.mark.parametrize(
    "load",
    [lambda path: PhraseEncoder.from_pretrained(path, bf16=False), OnnxQuestionEncoder.from_pretrained],
    ids=["torch", "onnx"],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder with sparse vectors that a test may spoil."""
    make_encoder(sparc_size=8).save_pretrained(tmp_path)
    return tmp_path


def edit(path: Path, change: Change) -> None:
    """Change a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def backbone(**changes: object) -> Change:
    return lambda content: content["backbone"].update(changes)


def settings(**changes: object) -> Change:
    return lambda content: content.update(changes)


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return inner


@LOADS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (backbone(num_attention_heads=0), "num_attention_heads=0; a whole number of at least 1"),
        (backbone(num_hidden_layers=-1), "num_hidden_layers=-1"),
        (backbone(num_hidden_layers=10**6), "num_hidden_layers=1000000; at most 1000"),
        (backbone(num_hidden_layers=900), "do not fit its configuration|more layers than there are weights"),
        (backbone(num_hidden_layers=1), "more layers than num_hidden_layers=1|unexpected"),
        (backbone(num_hidden_layers=True), "num_hidden_layers=True"),
        (backbone(hidden_size="32"), "hidden_size='32'"),
        (backbone(vocab_size=10**400), "vocab_size=1000.*2147483647"),
        (backbone(vocab_size=10**9), "do not fit its configuration|its weights are"),
        (backbone(intermediate_size=2**20), "do not fit its configuration|its weights are"),
        (backbone(model_type=["bert"]), "a name is expected"),
        (backbone(model_type="timm_wrapper"), "cannot be built|cannot run on onnxruntime"),
        (backbone(hidden_act={"gelu": 1}), "a name is expected"),
        (backbone(layer_norm_eps="much"), "layer_norm_eps='much'"),
        (backbone(layer_norm_eps=float("inf")), "layer_norm_eps=inf|a finite number"),
        (backbone(text_config=nested(20)), "deep"),
        (backbone(layer_types=["full"] * 30_000), "entries"),
        (backbone(use_pretrained_backbone=True), "built from its own configuration alone"),
        (backbone(auto_map={"AutoModel": "code.Model"}), "built from its own configuration alone"),
        (settings(vector_size=2**40), "no encoder has as much"),
        (settings(vector_size=10**400), "no encoder has as much"),
        (settings(paragraph_weight=10**400), "paragraph_weight=1000"),
        (settings(paragraph_weight=-1.0), "paragraph_weight=-1.0; at least 0"),
        (settings(confidence={"open": {"bias": 10**400, "weights": {}}}), "a finite number"),
        (settings(cls_token_id=10**6), "cls_token_id=1000000 is none of the"),
        (settings(pad_token_id=10**6), "pad_token_id=1000000 is none of the"),
        (settings(question_mark_id=10**6), "question_mark_id=1000000 is none of the"),
        (settings(backbone=nested(5)), "an object is needed"),
        (settings(format_version=[1]), r"format version \[1\]"),
        (settings(**{"\ud800": 1}), r"unknown keys: \['\\ud800'\]"),
    ],
)
def test_configurations(folder: Path, load: Load, change: Change, message: str) -> None:
    edit(folder / "config.json", change)
    with pytest.raises(EncoderError, match=message):
        load(folder)


@LOADS
@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"backbone": ' + "9" * 10_000 + "}", "\ufeff{}"], ids=["deep", "long", "bom"]
)
def test_configurations_that_no_parser_takes(folder: Path, load: Load, text: str) -> None:
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(EncoderError, match="is not JSON"):
        load(folder)


def test_a_number_of_labels_costs_nothing(folder: Path) -> None:
    edit(folder / "config.json", backbone(num_labels=10**9))
    assert PhraseEncoder.from_pretrained(folder, bf16=False).encode_questions(["who"]).start.shape == (1, 32)


def make_huge(path: Path) -> None:
    """Make a file that claims four terabytes and takes no room."""
    path.touch()
    os.truncate(path, 1 << 42)


KINDS: dict[str, Callable[[Path], object]] = {
    "folder": os.mkdir,
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "circle": lambda path: path.symlink_to(path.name),
    "huge": make_huge,
}


@LOADS
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_of_a_fair_size(folder: Path, load: Load, name: str, kind: str) -> None:
    (folder / name).unlink()
    KINDS[kind](folder / name)
    with pytest.raises(EncoderError, match=f"{name}"):
        load(folder)


def fill(name: str, value: float) -> Callable[[Tensors], None]:
    return lambda tensors: tensors[name].fill_(value)


def retype(name: str, dtype: torch.dtype) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name].to(dtype)

    return change


@LOADS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fill("backbone.embeddings.LayerNorm.weight", float("nan")), "holds what is no number"),
        (fill("question_start.head.projection.bias", float("inf")), "holds what is no number"),
        (fill("question_start.head.projection.weight.row_scale", 3e38), "gives what is no number"),
        (fill("quantiser.start.scale", 0.0), "must be finite and scales finite and positive"),
        (fill("quantiser.end.scale", 3e38), "must be finite and scales finite and positive"),
        (fill("quantiser.end.offset", -3e38), "must be finite and scales finite and positive"),
        (fill("sparse_factors.scale", 0.0), "positive ones are expected"),
        (retype("quantiser.start.scale", torch.float64), "numbers of type F64"),
        (retype("backbone.embeddings.LayerNorm.bias", torch.bfloat16), "numbers of type BF16"),
        (retype("question_end.head.projection.weight.row_scale", torch.int8), "has no row scales that fit"),
    ],
)
def test_weights(folder: Path, load: Load, change: Callable[[Tensors], object], message: str) -> None:
    edit_weights(folder, change)
    with pytest.raises(EncoderError, match=message):
        load(folder)


@LOADS
@pytest.mark.parametrize("offsets", [[0, 1 << 60], [-4, 4], [8, 4], None, "0"], ids=str)
def test_weights_that_claim_more_than_there_is(folder: Path, load: Load, offsets: object) -> None:
    path = folder / "model.safetensors"
    stored = path.read_bytes()
    size = int.from_bytes(stored[:8], "little")
    header = json.loads(stored[8 : 8 + size])
    header["quantiser.start.scale"]["data_offsets"] = offsets
    written = json.dumps(header).encode()
    path.write_bytes(len(written).to_bytes(8, "little") + written + stored[8 + size :])
    with pytest.raises(EncoderError, match="not a readable safetensors file"):
        load(folder)


def normalizer(*parts: dict[str, Any]) -> Change:
    return settings(normalizer={"type": "Sequence", "normalizers": list(parts)})


def replaces(kind: str, pattern: str, content: str = "b") -> dict[str, Any]:
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def split(pattern: str) -> Change:
    part = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    return settings(pre_tokenizer=part)


def model(**changes: object) -> Change:
    return lambda content: content["model"].update(changes)


def piece(text: str, number: object) -> Change:
    return lambda content: content["model"]["vocab"].update({text: number})


def added(number: int) -> Change:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    return settings(added_tokens=[{"id": number, "content": "zzz", **flags}])


def charsmap(size: int, trie: bytes, texts: bytes) -> Change:
    table = base64.b64encode(size.to_bytes(4, "little") + trie + texts).decode()
    return normalizer({"type": "Precompiled", "precompiled_charsmap": table})


TEXT = {"Sequence": {"id": "A", "type_id": 0}}


@LOADS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (normalizer(replaces("String", "a", "b" * 10**6)), "at most 16 characters"),
        (normalizer(replaces("String", "")), "may take for ever"),
        (normalizer(*[replaces("String", "b", "bbbbbbbb")] * 12), "characters of one; at most"),
        (normalizer(*[{"type": "NFKD"}] * 3), "characters of one; at most"),
        (normalizer(*[{"type": "NFC"}] * 1_000), "no list of at most 16 normalizers"),
        (normalizer({"type": "Prepend", "prepend": "b" * 10**6}), "at most 16 characters"),
        (normalizer({"type": "Unheard"}), "normalizer 'Unheard' is unknown"),
        (normalizer(replaces("Regex", "(a+)+$")), "may take for ever"),
        (split("(a|a)*b"), "may take for ever"),
        (split("((a{1,1000}){1,1000}){1,1000}"), "may take for ever"),
        (split(r"(\w+)\1"), "may take for ever"),
        (settings(pre_tokenizer={"type": "FixedLength", "length": 0}), "at least 1 is needed"),
        (settings(pre_tokenizer=nested(3)), "has no type"),
        (charsmap(400, b"", b""), "is cut off"),
        (charsmap(4, bytes(4), b"b" * 10**6), "characters of one; at most"),
        (charsmap(4, b"\xff" * 4, b"AAAA"), "tokenizer fails|refuses it|cannot be used|cannot encode"),
        (settings(post_processor={"type": "TemplateProcessing", "single": [TEXT] * 9}), "put a single text out once"),
        (settings(post_processor={"type": "BertProcessing", "sep": ["x", 7], "cls": ["y", 8]}), r"pieces \[8, 7\]"),
        (model(unk_token="none"), "unk_token 'none' is not in the vocabulary"),
        (model(max_input_chars_per_word=10**9), "max_input_chars_per_word is 1000000000"),
        (model(continuing_subword_prefix="#" * 10**6), "at most 16 characters"),
        (model(type="Unheard"), "none of BPE"),
        (model(vocab=[]), "none of BPE"),
        (piece("zzz", 10**6), "word pieces up to number 1000000"),
        (piece("zzz", -1), "cannot be read as a fast tokenizer"),
        (piece("z" * 10**5, 5), "at most 1024 characters"),
        (added(10**6), "word pieces up to number|cannot be read"),
        (settings(model=None), "none of BPE"),
    ],
)
def test_tokenizers(folder: Path, load: Load, change: Change, message: str) -> None:
    edit(folder / "tokenizer.json", change)
    with pytest.raises(EncoderError, match=message):
        load(folder)


@LOADS
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", '{"model": {}, "model": {}}', "\ud800"], ids=["deep", "list", "twice", "bytes"]
)
def test_tokenizers_that_no_parser_takes(folder: Path, load: Load, text: str) -> None:
    (folder / "tokenizer.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(EncoderError, match="cannot be read as a fast tokenizer"):
        load(folder)


def test_a_panic_of_the_tokenizers_library_is_an_encoder_error(folder: Path) -> None:
    encoder = OnnxQuestionEncoder.from_pretrained(folder)
    from tokenizers.pre_tokenizers import FixedLength

    encoder.tokeniser.tokenizer.pre_tokenizer = FixedLength(0)
    with pytest.raises(EncoderError, match="tokenizer fails at a text: PanicException"):
        encoder.encode_questions(["who"])
    with pytest.raises(EncoderError, match="tokenizer fails at a text: PanicException"):
        encoder.tokeniser.places(["who"])


@pytest.mark.parametrize("offsets", [(0, 4), (2, 1)], ids=["outside", "turned round"])
def test_places_that_are_none_of_the_text_are_refused(folder: Path, offsets: tuple[int, int]) -> None:
    tokeniser = OnnxQuestionEncoder.from_pretrained(folder).tokeniser
    encoding = SimpleNamespace(ids=[5], offsets=[offsets])
    tokeniser.tokenizer = SimpleNamespace(encode_batch=lambda texts, add_special_tokens: [encoding])  # type: ignore[assignment]
    with pytest.raises(EncoderError, match="of a text of 3 characters that its tokens lie at"):
        tokeniser.places(["who"])


def test_an_interruption_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = OnnxQuestionEncoder.from_pretrained(folder)

    class Interrupted:
        def encode_batch(self, texts: list[str], add_special_tokens: bool) -> None:
            raise KeyboardInterrupt

    encoder.tokeniser.tokenizer = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        encoder.encode_questions(["who"])


PATTERNS_OF_MODELS = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+",
    r" {2,}",
    r"\s+",
    r"\s{2,}|[\n\r\t]",
    r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
]


@pytest.mark.parametrize("pattern", PATTERNS_OF_MODELS)
def test_patterns_of_published_tokenizers_are_accepted(pattern: str) -> None:
    content = json.loads(make_tokenizer().to_str())
    split(pattern)(content)
    normalizer({"type": "NFKC"}, replaces("Regex", pattern, " "), {"type": "Prepend", "prepend": "\u2581"})(content)
    check_tokenizer(content)
    assert Tokenizer.from_str(json.dumps(content)).encode("It was born in 1905.").ids  # and the library takes it


@pytest.mark.slow
def test_random_damage_is_refused_or_harmless(folder: Path, soak: int) -> None:
    lines = try_mutations(folder, 0, 60 * soak)
    assert [line for line in lines if not set(line.split("\t")[1].split(", ")) <= {"used", "refused"}] == []
