"""Encodes questions and passages with onnxruntime: faster than torch on a processor, and loaded without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.files.location import fingerprint_of
from densephrase.encoder.files.stored_weights import Precision, StoredWeights
from densephrase.encoder.first_use import PROBE, check_finite, library_errors
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.onnx_vectors import TowerName, tower_model
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.encoder.question.onnx_backbone import first_position, graph_inputs, position_places, unsupported
from densephrase.encoder.question.onnx_writer import integers_are_exact, start_session
from densephrase.errors import EncoderError

_TOGETHER = 8  # texts of similar length in a run: more of them leave the processor's nearest caches


class OnnxPassageEncoder:
    """A passage encoder, ready to run on a processor.

    Vectors are those of `PassageEncoder`, exactly but for rounding in float32. In int8 the weights are the stored ones
    and the activations are rounded to 8 bits, row by row, so that a text's vector hardly depends on its batch. The
    tower for passages is built when the first passage is encoded.
    """

    def __init__(
        self,
        config: PassageEncoderConfig,
        tokeniser: PassageTokeniser,
        read_weights: Callable[[], StoredWeights],
        read_fingerprint: Callable[[], str],
        precision: Literal["auto", "int8", "float32"] = "auto",
        threads: int = 1,
    ) -> None:
        """Build the tower for questions; `from_pretrained` says what the rest is."""
        reason = unsupported(config.backbone)
        weights = read_weights()
        source = weights.folder
        if reason is not None:
            raise EncoderError(f"The encoder {source} cannot run on onnxruntime ({reason}); use the runtime 'torch'.")
        config.check_positions(position_places(config.backbone))
        tokeniser.check_vocabulary(int(config.backbone["vocab_size"]))
        _check_towers(config, weights)
        self.config, self.tokeniser = config, tokeniser
        self.precision = _choose(precision, weights)
        self._read_weights, self._read_fingerprint, self._threads = read_weights, read_fingerprint, threads
        self._first = first_position(config.backbone)
        self._questions = self._start("passage" if config.is_shared else "question", weights)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, precision: Literal["auto", "int8", "float32"] = "auto", threads: int = 1
    ) -> OnnxPassageEncoder:
        """Load an encoder that this library saved in a folder.

        precision: "int8" computes with the weights as they are stored in 8 bits; "auto" does so where they are and
            where the processor adds up products of 8-bit integers exactly, and takes "float32" elsewhere.
        threads: how many batches of texts are encoded at the same time.

        Raises EncoderError when anything is missing, damaged or does not fit, when there is no such graph for the
        backbone's architecture, and for "int8" where the stored weights are not.
        """
        folder = Path(folder).resolve()
        config = PassageEncoderConfig.load(folder)
        tokeniser = PassageTokeniser.load(folder, config)
        reads = partial(StoredWeights.read, folder), partial(fingerprint_of, folder)
        encoder = cls(config, tokeniser, *reads, precision=precision, threads=threads)
        with library_errors(f"The encoder {folder} cannot encode a question"):
            encoder.encode_questions([PROBE])
        return encoder

    @property
    def runtime(self) -> str:
        """What computes the vectors."""
        return f"onnx {self.precision}"

    @property
    def device(self) -> str:
        """The device that it runs on."""
        return "cpu"

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files."""
        return self._read_fingerprint()

    def encode_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of each question, float32 [n, vector_size]; an empty question is legal."""
        return self._encode(self.tokeniser.questions(questions), self._questions)

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        """Return the vector of each passage, float32 [n, vector_size]."""
        return self._encode(self.tokeniser.passages(passages), self._passages)

    @cached_property
    def _passages(self) -> InferenceSession:
        return self._questions if self.config.is_shared else self._start("passage", self._read_weights())

    def _start(self, tower: TowerName, weights: StoredWeights) -> InferenceSession:
        with library_errors(f"The encoder {weights.folder} cannot run on onnxruntime"):
            return start_session(tower_model(self.config, weights, self.precision, tower))

    def _encode(self, rows: Sequence[list[int]], session: InferenceSession) -> NDArray[np.float32]:
        vectors = np.empty((len(rows), self.config.vector_size), np.float32)
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        batches = [order[at : at + _TOGETHER] for at in range(0, len(order), _TOGETHER)]

        def run(numbers: list[int]) -> None:
            inputs = graph_inputs([rows[number] for number in numbers], self.config.pad_token_id, self._first)
            (vectors[numbers],) = session.run(None, inputs)

        threads = min(self._threads, len(batches))
        if threads <= 1:
            for numbers in batches:
                run(numbers)
        else:
            # Threads of this call: those that an encoder keeps would be missing, and waited for, after a fork.
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(run, batches))
        check_finite(vectors)
        return vectors


def _check_towers(config: PassageEncoderConfig, weights: StoredWeights) -> None:
    """Raise EncoderError when there are weights of another tower than the configuration has."""
    towers = ("passage.",) if config.is_shared else ("passage.", "question.")
    foreign = sorted(name for name in weights.tensors if not name.startswith(towers))
    if foreign:
        raise EncoderError(
            f"The weights of {weights.folder} do not fit its configuration: {foreign[:5]} ({len(foreign)}) belong to "
            f"no tower of is_shared={config.is_shared}."
        )


def _choose(precision: Literal["auto", "int8", "float32"], weights: StoredWeights) -> Precision:
    if precision == "int8" and weights.precision != "int8":
        raise EncoderError(f"The weights of {weights.folder} are stored in {weights.precision}; int8 takes 8-bit ones.")
    if precision == "auto":
        return "int8" if weights.precision == "int8" and integers_are_exact() else "float32"
    return precision
