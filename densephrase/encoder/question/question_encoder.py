"""Protocol of question encoders, as search takes them; loads one that runs in onnxruntime or in torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionVectors
from densephrase.encoder.files.location import find_encoder_folder
from densephrase.encoder.question.runtime import Runtime
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser

RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)


class QuestionEncoder(Protocol):
    """The question side of an encoder: vectors for questions, and how the stored rows are to be read."""

    @property
    def config(self) -> EncoderConfig:
        """The settings of the encoder."""

    @property
    def tokeniser(self) -> PhraseTokeniser:
        """The fast tokenizer."""

    @property
    def start_quantiser(self) -> VectorQuantiser:
        """How start rows are stored."""

    @property
    def end_quantiser(self) -> VectorQuantiser:
        """How end rows are stored."""

    @property
    def sparse_scale(self) -> NDArray[np.float32] | None:
        """What a product of the codes of sparse factors counts, float32 [4] by head; None without Sparc heads."""

    @property
    def runtime(self) -> str:
        """What computes the vectors: the program, and its precision where there is a choice."""

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files."""

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Return start and end vectors, float32 [n, vector_size], and the questions' n-grams."""


def load_question_encoder(
    name_or_path: str | Path = "default", device: str = "cpu", runtime: Runtime = "auto", threads: int = 1
) -> QuestionEncoder:
    """Load an encoder to ask questions with.

    runtime: "onnx" is fast on a processor and knows backbones that are built like BERT, "torch" knows all backbones and
        devices, and "auto" takes the former where it can.
    threads: how many share the questions of a batch, with onnx; torch has its own.

    Raises EncoderError when anything is missing, damaged or does not fit, and where the runtime cannot be used.
    """
    if runtime not in RUNTIMES:
        raise EncoderError(f"There is no runtime {runtime!r}; expected one of {', '.join(RUNTIMES)}.")
    if runtime == "onnx" and device != "cpu":
        raise EncoderError(f"The runtime 'onnx' runs on 'cpu', not on {device!r}; use the runtime 'torch' there.")
    if runtime != "torch" and device == "cpu":
        from densephrase.encoder.question.onnx_backbone import unsupported
        from densephrase.encoder.question.onnx_encoder import OnnxQuestionEncoder

        folder = find_encoder_folder(name_or_path)
        if runtime == "onnx" or unsupported(EncoderConfig.load(folder).backbone) is None:
            return OnnxQuestionEncoder.from_pretrained(folder, threads=threads)
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

    return PhraseEncoder.from_pretrained(name_or_path, device, bf16=False)
