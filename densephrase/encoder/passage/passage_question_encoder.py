"""Protocol of passage encoders, as retrieval takes them; loads one that runs in onnxruntime or in torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.config import PassageEncoderConfig, is_passage_encoder
from densephrase.encoder.question.question_encoder import RUNTIMES
from densephrase.encoder.question.runtime import Runtime
from densephrase.errors import EncoderError


class PassageQuestionEncoder(Protocol):
    """Encodes questions, and passages where they are asked for; the score of a pair is the dot product."""

    @property
    def config(self) -> PassageEncoderConfig:
        """The settings of the encoder."""

    @property
    def runtime(self) -> str:
        """What computes the vectors: the program, and its precision where there is a choice."""

    @property
    def device(self) -> str:
        """The device that it runs on."""

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files."""

    def encode_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of each question, float32 [n, vector_size]."""

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        """Return the vector of each passage, float32 [n, vector_size]."""


def load_passage_question_encoder(
    name_or_path: str | Path = "minilm", device: str = "cpu", runtime: Runtime = "auto", threads: int = 1
) -> PassageQuestionEncoder:
    """Load an encoder to ask questions with; names are those of `PassageEncoder.from_pretrained`.

    runtime: "onnx" is fast on a processor and knows backbones that are built like BERT, "torch" knows all backbones and
        devices, and "auto" takes the former where it can. Onnxruntime reads an encoder that this library saved without
        torch, and others with its help.
    threads: how many share the texts of a call, with onnx; torch has its own.

    Raises EncoderError when anything is missing, damaged or does not fit, and where the runtime cannot be used.
    """
    if runtime not in RUNTIMES:
        raise EncoderError(f"There is no runtime {runtime!r}; expected one of {', '.join(RUNTIMES)}.")
    if runtime == "onnx" and device != "cpu":
        raise EncoderError(f"The runtime 'onnx' runs on 'cpu', not on {device!r}; use the runtime 'torch' there.")
    if runtime != "torch" and device == "cpu" and is_passage_encoder(Path(name_or_path)):
        from densephrase.encoder.passage.onnx_passage_encoder import OnnxPassageEncoder
        from densephrase.encoder.question.onnx_backbone import unsupported

        if runtime == "onnx" or unsupported(PassageEncoderConfig.load(Path(name_or_path)).backbone) is None:
            return OnnxPassageEncoder.from_pretrained(name_or_path, threads=threads)
    return _load_with_torch(name_or_path, device, runtime, threads)


def _load_with_torch(name_or_path: str | Path, device: str, runtime: Runtime, threads: int) -> PassageQuestionEncoder:
    """Load with torch, and hand the weights of a published encoder on to onnxruntime where it may take them."""
    from densephrase.encoder.passage.passage_encoder import PassageEncoder

    encoder = PassageEncoder.from_pretrained(name_or_path, device, bf16=False)
    if runtime == "torch" or device != "cpu":
        return encoder
    from densephrase.encoder.passage.onnx_passage_encoder import OnnxPassageEncoder
    from densephrase.encoder.question.onnx_backbone import unsupported

    if runtime == "auto" and unsupported(encoder.config.backbone) is not None:
        return encoder
    return OnnxPassageEncoder(
        encoder.config, encoder.tokeniser, encoder.stored_weights, lambda: encoder.fingerprint, threads=threads
    )
