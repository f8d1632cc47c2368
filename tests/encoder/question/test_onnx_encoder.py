"""Questions encoded with onnxruntime: torch is the truth."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.encoder.files.stored_weights import Matrix
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.row_quantisers import RowQuantisers
from densephrase.encoder.phrase.sparse_factors import SparseFactors
from densephrase.encoder.question import onnx_encoder
from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder
from densephrase.encoder.question.onnx_writer import GraphWriter, IntegerProducts, integers_are_exact, start_session
from densephrase.encoder.question.question_encoder import load_question_encoder
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser
from tests.conftest import make_tokenizer
from tests.encoder.edited_weights import Tensors, cut, edit_weights

QUESTIONS = [
    "who was king",
    "",
    "?",
    "when was the queen born in london? " * 9,  # longer than any limit
    "Où est né l'empereur 秦始皇 🙂 \u0000 \u200b ﷽",
    "which river of the city of paris was in the war",
    "king",
    "who who who was the king of the river of the king of the river",
    "what year, by the river?",
    "in 1066 and 1789",
]
EXACT = integers_are_exact()
# Of the largest value: layers of random weights make up to 2e-5 of float32's 6e-8, differently on each processor.
ROUNDING = 2e-4
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
COMMON = {**SIZES, "max_position_embeddings": 44}
BACKBONES: dict[str, dict[str, Any]] = {
    "bert": {"model_type": "bert", **COMMON},
    "large": {"model_type": "bert", **COMMON, "hidden_size": 96, "num_attention_heads": 6, "num_hidden_layers": 3},
    "no layer": {"model_type": "bert", **COMMON, "num_hidden_layers": 0},
    "tanh": {"model_type": "bert", **COMMON, "hidden_act": "gelu_new"},
    "relu": {"model_type": "bert", **COMMON, "hidden_act": "relu", "layer_norm_eps": 1e-3},
    "roberta": {"model_type": "roberta", **COMMON, "type_vocab_size": 1, "pad_token_id": 1},
    "xlm-roberta": {"model_type": "xlm-roberta", **COMMON, "type_vocab_size": 1, "pad_token_id": 2},
    "camembert": {"model_type": "camembert", **COMMON, "type_vocab_size": 1},
    "electra": {"model_type": "electra", **COMMON, "embedding_size": 32},
    "electra, projected": {"model_type": "electra", **COMMON, "embedding_size": 20},
}
OTHERS: dict[str, dict[str, Any]] = {
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 44},
    "albert": {**COMMON, "embedding_size": 16},
    "bert": {**COMMON, "hidden_act": "silu"},
    "roberta": {**COMMON, "is_decoder": True},
    "electra": {**SIZES, "embedding_size": 32},  # its positions are Hugging Face's default
}


def save_encoder(folder: Path, backbone: dict[str, Any], precision: Any = "float32", **changes: Any) -> Path:
    """Write an encoder of random weights, large enough that attention and perceptrons matter."""
    tokenizer = make_tokenizer()
    sizes = {"vector_size": 24, "coherency_rank": 2, "head_hidden_size": 8, "sparc_size": 6, "sparc_rank": 2}
    limits = {"max_tokens": 40, "window_stride": 16, "max_title_tokens": 4, "max_question_tokens": 30}
    tokens = {"cls_token_id": 2, "sep_token_id": 3, "pad_token_id": 0, "question_mark_id": tokenizer.token_to_id("?")}
    whole = {"vocab_size": tokenizer.get_vocab_size(), **backbone}
    config = EncoderConfig(whole, **{**sizes, **limits, **tokens, **changes})
    torch.manual_seed(3)
    model = PhraseModel(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=float("LayerNorm.weight" in name), std=0.2)
    factors = SparseFactors(int(whole.get("hidden_size", 32)), config.sparse_rank) if config.sparc_size else None
    row = np.ones(config.row_size, np.float32)
    quantisers = RowQuantisers(VectorQuantiser(0 * row, 0.05 * row), VectorQuantiser(0 * row, 0.02 * row), factors)
    encoder = PhraseEncoder(model, PhraseTokeniser(tokenizer, config), quantisers, bf16=False)
    encoder.save_pretrained(folder, precision)
    return folder


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the cosine of each pair of rows."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    products: NDArray[np.float32] = (one * other).sum(1) / lengths
    return products


def assert_near(found: QuestionVectors, expected: QuestionVectors, tolerance: float) -> None:
    """Compare vectors by their differences relative to the longest."""
    for side in ("start", "end"):
        one, other = getattr(found, side), getattr(expected, side)
        assert (one.shape, one.dtype) == (other.shape, np.float32)
        assert np.abs(one - other).max() <= tolerance * np.abs(other).max()
    assert (found.sparse is None) == (expected.sparse is None)
    for first, second in zip(found.sparse or (), expected.sparse or (), strict=True):
        assert_near_ngrams(first, second, tolerance)


def assert_near_ngrams(found: QuestionNgrams, expected: QuestionNgrams, tolerance: float) -> None:
    """Compare the weights of n-grams; one that is not there weighs nothing."""
    for kind in ("unigram", "bigram"):
        one, other = (
            dict(zip(getattr(bag, f"{kind}s").tolist(), getattr(bag, f"{kind}_weights").T, strict=True))
            for bag in (found, expected)
        )
        nothing = np.zeros(2, np.float32)
        largest = max((weights.max() for weights in other.values()), default=0.0)
        for name in one.keys() | other.keys():
            assert np.abs(one.get(name, nothing) - other.get(name, nothing)).max() <= tolerance * (largest + 1)


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES.keys())
def test_float32_vectors_are_those_of_torch(backbone: dict[str, Any], tmp_path: Path) -> None:
    save_encoder(tmp_path, backbone)
    expected = PhraseEncoder.from_pretrained(tmp_path, bf16=False).encode_questions(QUESTIONS)
    assert_near(OnnxQuestionEncoder.from_pretrained(tmp_path).encode_questions(QUESTIONS), expected, ROUNDING)


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES.keys())
def test_stored_8_bit_weights_are_taken_as_they_are(backbone: dict[str, Any], tmp_path: Path) -> None:
    save_encoder(tmp_path, backbone, "int8")
    expected = PhraseEncoder.from_pretrained(tmp_path, bf16=False).encode_questions(QUESTIONS)
    assert_near(
        OnnxQuestionEncoder.from_pretrained(tmp_path, "float32").encode_questions(QUESTIONS), expected, ROUNDING
    )
    assert_near(OnnxQuestionEncoder.from_pretrained(tmp_path, "int8").encode_questions(QUESTIONS), expected, 0.15)


@pytest.mark.parametrize(
    "changes",
    [{"sparc_size": 0}, {"head_hidden_size": 0}, {"sparc_size": 0, "head_hidden_size": 0}, {"vector_size": 50}],
    ids=str,
)
def test_heads_of_every_kind(changes: dict[str, int], tmp_path: Path) -> None:
    save_encoder(tmp_path, BACKBONES["bert"], **changes)
    torch_encoder, encoder = PhraseEncoder.from_pretrained(tmp_path), OnnxQuestionEncoder.from_pretrained(tmp_path)
    assert_near(encoder.encode_questions(QUESTIONS), torch_encoder.encode_questions(QUESTIONS), ROUNDING)
    nothing = encoder.encode_questions([])
    assert nothing.start.shape == nothing.end.shape == (0, encoder.config.vector_size)
    assert nothing.sparse == (() if encoder.config.sparc_size else None)


@pytest.mark.parametrize(("precision", "least"), [("float32", 0.99999), ("int8", 0.997)])
def test_the_bundled_encoder(precision: Any, least: float) -> None:
    expected = PhraseEncoder.from_pretrained("default", bf16=False)
    found = OnnxQuestionEncoder.from_pretrained("default", precision)
    questions = [
        "Who wrote Hamlet?",
        "What is the tallest mountain in the world?",
        "When did the war end?",
        QUESTIONS[4],
    ]
    vectors = [encoder.encode_questions(questions) for encoder in (expected, found)]
    assert cosines(vectors[0].start, vectors[1].start).min() > least
    assert cosines(vectors[0].end, vectors[1].end).min() > least
    assert_near(vectors[1], vectors[0], 1e-4 if precision == "float32" else 0.1)


def test_what_a_search_needs_is_the_same(tiny_encoder: PhraseEncoder, tiny_encoder_path: Path, tmp_path: Path) -> None:
    for folder in (tiny_encoder_path, save_encoder(tmp_path, BACKBONES["bert"])):
        expected, found = PhraseEncoder.from_pretrained(folder), OnnxQuestionEncoder.from_pretrained(folder)
        assert (found.config, found.fingerprint) == (expected.config, expected.fingerprint)
        for name in ("start_quantiser", "end_quantiser"):
            one, other = getattr(found, name), getattr(expected, name)
            np.testing.assert_array_equal(one.offset, other.offset)
            np.testing.assert_array_equal(one.scale, other.scale)
        np.testing.assert_array_equal(found.sparse_scale, expected.sparse_scale)
    expected_vectors = tiny_encoder.encode_questions(QUESTIONS)
    assert_near(
        OnnxQuestionEncoder.from_pretrained(tiny_encoder_path).encode_questions(QUESTIONS), expected_vectors, 0.1
    )


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("int8", 0.02)])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_company_of_other_questions_hardly_matters(
    precision: Any, tolerance: float, threads: int, tmp_path: Path
) -> None:
    save_encoder(tmp_path, BACKBONES["bert"], "int8")
    encoder = OnnxQuestionEncoder.from_pretrained(tmp_path, precision, threads)
    alone = [encoder.encode_questions([question]) for question in QUESTIONS]
    together = encoder.encode_questions(QUESTIONS * 3)
    for number, expected in enumerate(alone * 3):
        assert_near(together.part(slice(number, number + 1)), expected, tolerance)


def test_precision_follows_the_weights_and_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, rounded = tmp_path / "float32", tmp_path / "int8"
    save_encoder(whole, BACKBONES["bert"], "float32")
    save_encoder(rounded, BACKBONES["bert"], "int8")
    for exact, expected in ((True, "onnx int8"), (False, "onnx float32")):
        monkeypatch.setattr(onnx_encoder, "integers_are_exact", lambda exact=exact: exact)
        assert OnnxQuestionEncoder.from_pretrained(rounded).runtime == expected
        assert OnnxQuestionEncoder.from_pretrained(whole).runtime == "onnx float32"
        assert OnnxQuestionEncoder.from_pretrained(rounded, "float32").runtime == "onnx float32"
    with pytest.raises(EncoderError, match="stored in float32; int8 takes 8-bit ones"):
        OnnxQuestionEncoder.from_pretrained(whole, "int8")


@pytest.mark.skipif(not EXACT, reason="8-bit products overflow on this processor")
def test_products_of_integers_round_rows_by_themselves() -> None:
    random = np.random.default_rng(5)
    rows = (
        random.normal(size=(2, 3, 40)).astype(np.float32) * np.array([[1, 50, 0], [1e-3, 0, 7]], np.float32)[..., None]
    )
    codes, scale = random.integers(-127, 128, (6, 40)).astype(np.int8), random.random(6).astype(np.float32)
    graph = GraphWriter()
    product = IntegerProducts(graph).add("rows", Matrix(codes, scale))
    session = start_session(graph.model({"rows": (1, ["n", "t", 40])}, {"product": product}))
    step = np.abs(rows).max(-1, keepdims=True) / 127
    rounded = np.rint(rows / np.where(step == 0, 1, step)) * step
    expected = rounded.astype(np.float64) @ (codes * scale[:, None].astype(np.float64)).T
    np.testing.assert_allclose(session.run(None, {"rows": rows})[0], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("model_type", OTHERS)
def test_other_architectures_fall_back_to_torch(model_type: str, tmp_path: Path) -> None:
    save_encoder(tmp_path, {"model_type": model_type, **OTHERS[model_type]}, sparc_size=0)
    encoder = load_question_encoder(tmp_path)
    assert encoder.runtime == "torch"
    expected = PhraseEncoder.from_pretrained(tmp_path, bf16=False).encode_questions(QUESTIONS)
    np.testing.assert_array_equal(encoder.encode_questions(QUESTIONS).start, expected.start)
    with pytest.raises(EncoderError, match=r"cannot run on onnxruntime \(.*use the runtime 'torch'"):
        load_question_encoder(tmp_path, runtime="onnx")


def test_runtimes(tiny_encoder_path: Path) -> None:
    assert load_question_encoder(tiny_encoder_path).runtime.startswith("onnx")
    assert load_question_encoder(tiny_encoder_path, runtime="onnx").runtime.startswith("onnx")
    assert load_question_encoder(tiny_encoder_path, runtime="torch").runtime == "torch"
    with pytest.raises(EncoderError, match="runs on 'cpu', not on 'cuda'"):
        load_question_encoder(tiny_encoder_path, "cuda", "onnx")
    with pytest.raises(EncoderError, match="no runtime 'jax'; expected one of auto, onnx, torch"):
        load_question_encoder(tiny_encoder_path, runtime="jax")  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder that a test may damage."""
    return save_encoder(tmp_path, BACKBONES["bert"], "int8")


def whole(name: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name].double()

    return change


QUERY = "backbone.encoder.layer.1.attention.self.query"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(f"{QUERY}.bias"), rf"{QUERY}.bias is missing, expected float32 \(32,\)"),
        (cut(f"{QUERY}.weight"), rf"{QUERY}.weight is int8 \(31, 32\), expected int8 \(32, 32\)"),
        (whole("question_end.head.inner.bias"), "numbers of type F64, expected one of I8, F32"),
        (whole("question_end.head.inner.weight"), "numbers of type F64, expected one of I8, F32"),
        (lambda tensors: tensors.pop("sparc.key.weight.row_scale"), "'sparc.key.weight' has no row scales that fit"),
        (cut("sparc.key.weight.row_scale"), "'sparc.key.weight' has no row scales that fit"),
        (lambda tensors: tensors.pop("quantiser.end.scale"), r"lack \['quantiser.end.scale'\]"),
        (lambda tensors: tensors["quantiser.start.scale"].zero_(), "finite and positive"),
        (lambda tensors: tensors["sparse_factors.scale"].zero_(), "positive ones are expected"),
        (lambda tensors: tensors.pop("sparse_factors.scale"), "sparse_factors.scale is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_weights_that_do_not_fit_are_named(folder: Path, change: Callable[[Tensors], object], message: str) -> None:
    edit_weights(folder, change)
    with pytest.raises(EncoderError, match=message):
        OnnxQuestionEncoder.from_pretrained(folder)


def test_weights_in_half_precision_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({f"{QUERY}.bias": tensors[f"{QUERY}.bias"].bfloat16()}))
    with pytest.raises(EncoderError, match=r"bfloat16|BF16"):
        OnnxQuestionEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"num_attention_heads": 5}, "cannot be built: 32 dimensions are no multiple of 5 attention heads"),
        ({"max_position_embeddings": 39}, "max_tokens=40 is more than the 39 positions"),
        ({"vocab_size": 50}, "do not belong together"),
        ({"num_hidden_layers": 3}, r"layer.2.attention.self.query.weight is missing"),
        ({"hidden_size": 16}, "expected int8"),
    ],
    ids=["heads", "positions", "vocabulary", "layers", "size"],
)
def test_a_backbone_that_makes_no_sense_is_named(folder: Path, backbone: dict[str, object], message: str) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["backbone"].update(backbone)
    path.write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=message):
        load_question_encoder(folder)


def test_a_copy_elsewhere_has_the_same_fingerprint(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert (
        OnnxQuestionEncoder.from_pretrained(copy).fingerprint == OnnxQuestionEncoder.from_pretrained(folder).fingerprint
    )
