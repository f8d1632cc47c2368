"""Encodes questions with onnxruntime: several times faster than torch on a processor, and loaded without it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.encoder.files.location import find_encoder_folder, fingerprint_of
from densephrase.encoder.files.stored_weights import Precision, StoredWeights
from densephrase.encoder.first_use import PROBE, check_finite, library_errors
from densephrase.encoder.question.onnx_backbone import first_position, graph_inputs, position_places, unsupported
from densephrase.encoder.question.onnx_questions import QuestionGraph
from densephrase.encoder.question.onnx_writer import integers_are_exact, start_session
from densephrase.encoder.question_ngrams import ngram_places, question_ngrams
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser, check_sparse_scale

_TOGETHER = 8  # questions of similar length in a run: more of them leave the processor's nearest caches


class OnnxQuestionEncoder:
    """The question side of an encoder, ready to run on a processor.

    Vectors are those of `PhraseEncoder`, exactly but for rounding in float32. In int8 the weights are the stored ones
    and the activations are rounded to 8 bits, row by row, so that a question's vectors hardly depend on its batch.
    """

    def __init__(
        self,
        config: EncoderConfig,
        tokeniser: PhraseTokeniser,
        weights: StoredWeights,
        precision: Precision,
        threads: int = 1,
    ) -> None:
        self.config, self.tokeniser, self.precision = config, tokeniser, precision
        self.start_quantiser, self.end_quantiser = (
            VectorQuantiser.read(weights.tensors, side, config.row_size, weights.folder) for side in ("start", "end")
        )
        self.sparse_scale: NDArray[np.float32] | None = None
        if config.sparc_size:
            self.sparse_scale = weights.vector("sparse_factors.scale", 4)
            check_sparse_scale(self.sparse_scale, weights.folder)
        self._folder = weights.folder
        with library_errors(f"The encoder {weights.folder} cannot run on onnxruntime"):
            self._session: InferenceSession = start_session(QuestionGraph(config, weights, precision).model())
        self._first = first_position(config.backbone)
        self._threads = threads

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path = "default",
        precision: Literal["auto", "int8", "float32"] = "auto",
        threads: int = 1,
    ) -> OnnxQuestionEncoder:
        """Load the question side of an encoder from a folder, from the Hugging Face hub, or the bundled one.

        precision: "int8" computes with the weights as they are stored in 8 bits; "auto" does so where they are and
            where the processor adds up products of 8-bit integers exactly, and takes "float32" elsewhere.
        threads: how many batches of questions are encoded at the same time.

        Raises EncoderError when anything is missing, damaged or does not fit, when there is no such graph for the
        backbone's architecture, and for "int8" where the stored weights are not.
        """
        folder = find_encoder_folder(name_or_path)
        config = EncoderConfig.load(folder)
        reason = unsupported(config.backbone)
        if reason is not None:
            raise EncoderError(f"The encoder {folder} cannot run on onnxruntime ({reason}); use the runtime 'torch'.")
        config.check_positions(position_places(config.backbone))
        weights = StoredWeights.read(folder)
        if precision == "int8" and weights.precision != "int8":
            raise EncoderError(f"The weights of {folder} are stored in {weights.precision}; int8 takes 8-bit ones.")
        if precision == "auto":
            precision = "int8" if weights.precision == "int8" and integers_are_exact() else "float32"
        tokeniser = PhraseTokeniser.load(folder, config)
        tokeniser.check_vocabulary(int(config.backbone["vocab_size"]))
        encoder = cls(config, tokeniser, weights, precision, threads)
        with library_errors(f"The encoder {folder} cannot encode a question"):
            encoder.encode_questions(PROBE.split())  # each short enough to be read whole
        return encoder

    @property
    def runtime(self) -> str:
        """What computes the vectors."""
        return f"onnx {self.precision}"

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files."""
        return fingerprint_of(self._folder)

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Return start and end vectors, float32 [n, vector_size], and the questions' n-grams.

        An empty question is legal and gets vectors too.
        """
        if not questions:
            return QuestionVectors.none(self.config.vector_size, sparse=self.sparse_scale is not None)
        rows = self.tokeniser.questions(questions)
        if len(rows) == 1:  # nothing to be put in order
            return self._encode(rows)
        order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
        batches = [[rows[number] for number in order[at : at + _TOGETHER]] for at in range(0, len(order), _TOGETHER)]
        found = QuestionVectors.joined(self._encode_all(batches))
        place = np.argsort(order)
        sparse = None if found.sparse is None else tuple(found.sparse[at] for at in place)
        return QuestionVectors(found.start[place], found.end[place], sparse)

    def _encode_all(self, batches: Sequence[list[list[int]]]) -> list[QuestionVectors]:
        """Encode each batch, several at the same time; a single one would only take longer on another thread."""
        threads = min(self._threads, len(batches))
        if threads <= 1:
            return list(map(self._encode, batches))
        # Threads of this call: those that an encoder keeps would be missing, and waited for, after a fork.
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._encode, batches))

    def _encode(self, rows: Sequence[list[int]]) -> QuestionVectors:
        inputs = graph_inputs(rows, self.config.pad_token_id, self._first)
        start, end, *weights = self._session.run(None, inputs)
        check_finite(start, end)
        if not weights:
            return QuestionVectors(start, end)
        return QuestionVectors(start, end, tuple(map(self._ngrams, rows, weights[0])))

    def _ngrams(self, ids: list[int], weights: NDArray[np.float32]) -> QuestionNgrams:
        return question_ngrams(ids, weights[:, : len(ids)] * ngram_places(ids, self.config))
