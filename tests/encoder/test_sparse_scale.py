"""The scales of sparse weights: fitted, stored, and refused where they are damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, SparseRows
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.sparse_rows import fit_scales
from densephrase.errors import EncoderError
from tests.conftest import make_encoder

PARAGRAPH = ParagraphInput("The king of the city was born in 1789 by the river of the city.", "Paris")
SCALE = "quantiser.sparse.scale"


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    return make_encoder(sparc_size=8)


def sides(paragraph: EncodedParagraph) -> list[SparseRows]:
    assert paragraph.start_sparse is not None
    assert paragraph.end_sparse is not None
    return [paragraph.start_sparse, paragraph.end_sparse]


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_scales_come_back_from_disk(precision: str, tmp_path: Path, encoder: PhraseEncoder) -> None:
    encoder.save_pretrained(tmp_path, precision=precision)  # type: ignore[arg-type]
    loaded = PhraseEncoder.from_pretrained(tmp_path, bf16=False)
    np.testing.assert_array_equal(loaded.sparse_scale, encoder.sparse_scale)
    if precision == "float32":
        for rows, again in zip(
            sides(encoder.encode_paragraphs([PARAGRAPH])[0]),
            sides(loaded.encode_paragraphs([PARAGRAPH])[0]),
            strict=True,
        ):
            np.testing.assert_array_equal(again.entries, rows.entries)
            np.testing.assert_array_equal(again.weights, rows.weights)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, encoder: PhraseEncoder) -> Path:
    folder = tmp_path_factory.mktemp("sparse")
    encoder.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "change",
    [lambda _: None, lambda s: s[:3], lambda s: s * 0, lambda s: -s, lambda s: s * float("nan"), lambda s: s[None]],
    ids=["missing", "cut", "zero", "negative", "not a number", "not flat"],
)
def test_damaged_scales_are_named(
    change: Callable[[torch.Tensor], torch.Tensor | None], saved: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "encoder"))
    path = folder / "model.safetensors"
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    scale = change(tensors.pop(SCALE))
    save_file(tensors if scale is None else {**tensors, SCALE: scale.contiguous()}, path, metadata)
    with pytest.raises(EncoderError, match=f"encoder lack '{SCALE}', 4 positive numbers; save the encoder again"):
        PhraseEncoder.from_pretrained(folder)


def test_scales_without_heads_do_not_fit(saved: Path, tmp_path: Path) -> None:
    make_encoder().save_pretrained(tmp_path)
    shutil.copy(saved / "model.safetensors", tmp_path)
    with pytest.raises(EncoderError, match=rf"unexpected \['{SCALE}', 'sparc"):
        PhraseEncoder.from_pretrained(tmp_path)


def test_heads_without_scales_cannot_be_stored() -> None:
    encoder = make_encoder(sparc_size=8)
    encoder.sparse_scale = None
    with pytest.raises(EncoderError, match="needs the scales of their weights"):
        encoder.encode_paragraphs([PARAGRAPH])


def test_scales_are_fitted_to_positive_weights() -> None:
    samples = [np.array([0, 2.55, 0], np.float32), np.zeros(5, np.float32), np.empty(0, np.float32)]
    scale = fit_scales([*samples, np.linspace(0, 51, 100_001, dtype=np.float32)])
    assert scale.dtype == np.float32
    np.testing.assert_allclose(scale, [0.01, 1 / 255, 1 / 255, 0.2], rtol=2e-4)
    with pytest.raises(ValueError, match="1 samples of weights for 4 heads"):
        fit_scales(samples[:1])
