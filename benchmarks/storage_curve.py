"""What storage costs in answers: closed EM against quantisation, phrase filter and vector size, with bytes per token.

    python -m benchmarks.storage_curve TRAIN_QUESTIONS [--encoder default] [--limit 1500]

Asks held-out training questions of their own paragraphs (no dev). The quantisation rows compare float32 with int8
codes that have a scale for each dimension (what the index stores) or for each row. The filter rows shift both
thresholds; the vector rows keep the principal directions of the start and end vectors, a projection folded into text
and question alike, as an encoder of that size could learn at least. Bytes are those of the stored rows alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.data import Question
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionVectors
from densephrase.encoder.model import PhraseModel
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.evaluation.closed import evaluate_closed
from densephrase.evaluation.ranked import sample_questions
from densephrase.questions import read_questions
from densephrase.training.config import TrainingConfig
from densephrase.training.holdout import split_by_title

SHIFTS = (float("-inf"), -2.0, -1.0, 0.0, 1.0)
SIZES = (384, 256, 192, 128, 64)


def main() -> None:
    """Print one table for the filter and one for the vector size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--limit", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    _, held_out = split_by_title(read_questions(options.questions), TrainingConfig().held_out_articles)
    questions = sample_questions(held_out, options.limit, 0)
    encoder = PhraseEncoder.from_pretrained(options.encoder)
    print("| quantisation | starts kept | ends kept | bytes/token | EM | F1 |\n|---|---|---|---|---|---|")
    for name, rounding in {"float32": unrounded, "int8 per dimension": None, "int8 per row": rounded_by_row}.items():
        print(
            f"| {name} | {_row(encoder if rounding is None else _rounded(encoder, rounding), questions)} |", flush=True
        )
    print("\n| thresholds shifted by | starts kept | ends kept | bytes/token | EM | F1 |\n|---|---|---|---|---|---|")
    for shift in SHIFTS:
        print(f"| {shift:+} | {_row(shifted(encoder, shift), questions)} |", flush=True)
    print("\n| vector size | starts kept | ends kept | bytes/token | EM | F1 |\n|---|---|---|---|---|---|")
    paragraphs = _paragraphs(questions)
    for size in (size for size in SIZES if size <= encoder.config.vector_size):
        print(f"| {size} | {_row(projected(encoder, paragraphs[:300], size), questions)} |", flush=True)


def unrounded(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows as they are."""
    return rows


def rounded_by_row(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values that int8 codes with one scale for each row stand for."""
    scale = np.maximum(np.abs(rows).max(1, keepdims=True), 1e-12) / 127
    values: NDArray[np.float32] = np.rint(rows / scale) * scale
    return values


class _Rounding:
    """Stands in for a quantiser: its codes are the float32 values that they stand for."""

    def __init__(self, like: VectorQuantiser, rounding: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self.offset, self.scale, self._rounding = like.offset, like.scale, rounding

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._rounding(rows)

    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes


def _rounded(encoder: PhraseEncoder, rounding: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> PhraseEncoder:
    start, end = (_Rounding(quantiser, rounding) for quantiser in (encoder.start_quantiser, encoder.end_quantiser))
    return _with_config(encoder, encoder._model, encoder.config, start, end)  # type: ignore[arg-type]


def shifted(encoder: PhraseEncoder, shift: float) -> PhraseEncoder:
    """Return the encoder with both filter thresholds moved by `shift` (logits)."""
    config = replace(
        encoder.config,
        start_threshold=encoder.config.start_threshold + shift,
        end_threshold=encoder.config.end_threshold + shift,
    )
    return _with_config(encoder, encoder._model, config, encoder.start_quantiser, encoder.end_quantiser)


class ProjectedEncoder:
    """An encoder whose vectors are projected to fewer dimensions; scores of full size are kept as well as can be."""

    def __init__(
        self, encoder: PhraseEncoder, bases: Sequence[NDArray[np.float32]], sample: Sequence[ParagraphInput]
    ) -> None:
        """Project start and end rows by `bases` (each [vector_size, size], orthonormal columns)."""
        self._encoder, self._bases = encoder, bases
        self.config = replace(encoder.config, vector_size=bases[0].shape[1])
        sides = ("start", "end")
        rows = [np.concatenate([_side(item, side) for item in encoder.encode_paragraphs(sample)]) for side in sides]
        self.start_quantiser, self.end_quantiser = (
            VectorQuantiser.fit(self._project(number, rows[number]), encoder.config.coherency_rank) for number in (0, 1)
        )

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Encode at full size, project and quantise again."""
        return [
            replace(
                item,
                start_codes=self.start_quantiser.encode(self._project(0, item.start_codes)),
                end_codes=self.end_quantiser.encode(self._project(1, item.end_codes)),
            )
            for item in self._encoder.encode_paragraphs(paragraphs)
        ]

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Encode at full size and project."""
        full = self._encoder.encode_questions(questions)
        return QuestionVectors(full.start @ self._bases[0], full.end @ self._bases[1])

    def _project(self, number: int, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        quantiser = (self._encoder.start_quantiser, self._encoder.end_quantiser)[number]
        size = self._encoder.config.vector_size
        values = quantiser.decode(codes)
        joined: NDArray[np.float32] = np.concatenate([values[:, :size] @ self._bases[number], values[:, size:]], 1)
        return joined


def projected(encoder: PhraseEncoder, sample: Sequence[ParagraphInput], size: int) -> ProjectedEncoder:
    """Return the encoder reduced to the `size` principal directions (uncentred) of a sample's vectors."""
    encoded = encoder.encode_paragraphs(sample)
    bases = []
    for side, quantiser in (("start", encoder.start_quantiser), ("end", encoder.end_quantiser)):
        values = quantiser.decode(np.concatenate([_side(item, side) for item in encoded]))
        rows = values[:, : encoder.config.vector_size]
        strength, directions = np.linalg.eigh(rows.T @ rows)
        bases.append(np.ascontiguousarray(directions[:, np.argsort(-strength)[:size]]))
    return ProjectedEncoder(encoder, bases, sample)


def _side(item: EncodedParagraph, side: str) -> NDArray[np.int8]:
    return item.start_codes if side == "start" else item.end_codes


def _with_config(
    encoder: PhraseEncoder, model: PhraseModel, config: object, start: VectorQuantiser, end: VectorQuantiser
) -> PhraseEncoder:
    changed = PhraseEncoder(model, encoder.tokeniser, start, end)
    changed.config = config  # type: ignore[assignment]
    return changed


def _paragraphs(questions: Sequence[Question]) -> list[ParagraphInput]:
    return [ParagraphInput(text, title) for title, text in dict.fromkeys((q.title, q.context or "") for q in questions)]


def _row(encoder: PhraseEncoder | ProjectedEncoder, questions: Sequence[Question]) -> str:
    results = list(evaluate_closed(encoder, questions))  # type: ignore[arg-type]
    encoded = encoder.encode_paragraphs(_paragraphs(questions)[:300])
    tokens = sum(item.tokens for item in encoded)
    starts, ends = (sum(len(_side(item, side)) for item in encoded) for side in ("start", "end"))
    width = encoded[0].start_codes.itemsize * encoder.config.row_size
    size = (starts + ends) * width / tokens
    exact = 100 * sum(result.exact_match for result in results) / len(results)
    f1 = 100 * sum(result.f1 for result in results) / len(results)
    return f"{starts / tokens:.1%} | {ends / tokens:.1%} | {size:.0f} | {exact:.2f} | {f1:.2f}"


if __name__ == "__main__":
    main()
