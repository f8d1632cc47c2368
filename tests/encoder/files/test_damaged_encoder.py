"""Files of an encoder that are damaged, missing or not its own: named, whichever program is to run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from densephrase.encoder.files.location import ENCODER_FILES
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder
from densephrase.encoder.question.question_encoder import load_question_encoder
from densephrase.errors import EncoderError
from tests.conftest import make_encoder
from tests.encoder.edited_weights import edit_weights

Load = Callable[[Path], object]

pytestmark = pytest.mark.parametrize(
    "load",
    [PhraseEncoder.from_pretrained, OnnxQuestionEncoder.from_pretrained, load_question_encoder],
    ids=["torch", "onnx", "questions"],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder with sparse vectors that a test may damage."""
    make_encoder(sparc_size=8).save_pretrained(tmp_path)
    return tmp_path


def test_weights_of_another_program_are_refused(folder: Path, load: Load) -> None:
    edit_weights(folder, lambda tensors: None, {"format": "pt"})
    with pytest.raises(EncoderError, match="not written by densephrase"):
        load(folder)


@pytest.mark.parametrize("keep", [0, 5, 300, -1], ids="{} bytes".format)
def test_cut_weights_are_named(folder: Path, load: Load, keep: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(EncoderError, match="not a readable safetensors file"):
        load(folder)


@pytest.mark.parametrize("name", ENCODER_FILES)
def test_missing_files_are_named(folder: Path, load: Load, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=f"holds no {name}"):
        load(folder)
