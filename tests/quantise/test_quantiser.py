"""Quantisers: bounds, the columns of the coherency, and what the scales of each dimension are worth."""

from __future__ import annotations

from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.corpus.reader import read_corpus
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser
from tests.conftest import make_encoder
from tests.encoder.direct import without_quantiser

BUNDLED = Path(str(files("densephrase"))) / "models" / "default"
SAMPLE = Path(str(files("densephrase"))) / "sample" / "corpus.jsonl"
Rows = NDArray[np.float32]


def rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.square(values).mean()))


@given(
    rows=hnp.arrays(np.float32, (7, 5), elements=st.floats(-100, 100, width=32)),
    offset=hnp.arrays(np.float32, 5, elements=st.floats(-10, 10, width=32)),
    scale=hnp.arrays(np.float32, 5, elements=st.floats(2**-6, 1, width=32)),
)
def test_a_value_in_range_comes_back_within_half_a_step(rows: Rows, offset: Rows, scale: Rows) -> None:
    quantiser = VectorQuantiser(offset, scale)
    codes = quantiser.encode(rows)
    assert codes.dtype == np.int8
    assert codes.min() >= -127
    nearest = np.clip(rows, offset - 127 * scale, offset + 127 * scale)
    assert (np.abs(quantiser.decode(codes) - nearest) <= scale * 0.5001 + 1e-4).all()


@given(codes=hnp.arrays(np.int8, (4, 3), elements=st.integers(-127, 127)))
def test_codes_survive_decoding(codes: NDArray[np.int8]) -> None:
    quantiser = VectorQuantiser(np.array([0.5, -3, 0], np.float32), np.array([0.25, 1e-3, 7], np.float32))
    np.testing.assert_array_equal(quantiser.encode(quantiser.decode(codes)), codes)


@pytest.mark.parametrize("rank", [0, 2, 5], ids="rank {}".format)
def test_the_offset_is_zero_in_the_columns_of_the_coherency(rank: int) -> None:
    rows = np.random.default_rng(0).normal(3, 1, (200, 5)).astype(np.float32)
    offset = VectorQuantiser.fit(rows, rank).offset
    np.testing.assert_allclose(offset[: 5 - rank], rows.mean(0)[: 5 - rank], rtol=1e-5)
    np.testing.assert_array_equal(offset[5 - rank :], 0)


def test_the_fit_is_near_the_best_range_for_normal_values() -> None:
    rows = np.random.default_rng(1).normal(size=(20000, 2)).astype(np.float32)
    quantiser = VectorQuantiser.fit(rows, 0)

    def error(reach: float) -> float:
        other = VectorQuantiser(quantiser.offset, np.full(2, reach / 127, np.float32))
        return rms(other.decode(other.encode(rows)) - rows)

    best = min(error(reach) for reach in np.arange(2, 8, 0.1))
    assert rms(quantiser.decode(quantiser.encode(rows)) - rows) <= 1.02 * best


def test_a_constant_dimension_is_kept() -> None:
    rows = np.full((10, 3), 2.5, np.float32)
    quantiser = VectorQuantiser.fit(rows, 1)
    np.testing.assert_allclose(quantiser.decode(quantiser.encode(rows)), rows, atol=0.02)


@pytest.mark.parametrize(
    ("offset", "scale", "message"),
    [
        ([0.0], [1.0, 1.0], "equal and flat"),
        ([[0.0]], [[1.0]], "equal and flat"),
        ([0.0], [0.0], "positive"),
        ([0.0], [-1.0], "positive"),
        ([np.nan], [1.0], "finite"),
        ([0.0], [np.inf], "finite"),
    ],
    ids=["sizes", "not flat", "zero", "negative", "nan", "infinite"],
)
def test_senseless_quantisers_are_refused(offset: list[float], scale: list[float], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        VectorQuantiser(np.array(offset, np.float32), np.array(scale, np.float32))


def test_a_fit_needs_rows() -> None:
    with pytest.raises(EncoderError, match="at least one row"):
        VectorQuantiser.fit(np.empty((0, 4), np.float32), 1)


def sample_paragraphs(count: int) -> list[ParagraphInput]:
    documents = read_corpus(SAMPLE)
    return list(
        islice((ParagraphInput(item.text, d.title) for d in documents for item in split_paragraphs(d.text)), count)
    )


def encoder_rows(encoder: PhraseEncoder, paragraphs: list[ParagraphInput]) -> Rows:
    rows: Rows = np.concatenate([item.start_codes for item in without_quantiser(encoder).encode_paragraphs(paragraphs)])
    return rows[:, : encoder.config.vector_size]


def dot_errors(quantiser: VectorQuantiser, rows: Rows, questions: Rows) -> dict[str, float]:
    """Return the RMS error of dot products for three ways to choose scales, two of them fitted to these very rows."""
    exact = rows.astype(np.float64) @ questions.T
    vector_scale = np.abs(rows).max(1, keepdims=True) / 127
    everywhere = np.abs(rows).max() / 127
    stored = {
        "dimension": quantiser.decode(quantiser.encode(rows)),
        "vector": np.rint(rows / vector_scale) * vector_scale,
        "one": np.rint(rows / everywhere) * everywhere,
    }
    return {name: rms(values @ questions.T - exact) for name, values in stored.items()}


def test_scales_of_dimensions_beat_those_of_vectors_where_dimensions_differ() -> None:
    encoder = make_encoder()
    head = encoder._model.start_head
    spread = (
        np.random.default_rng(5).lognormal(sigma=1.0, size=32).astype(np.float32)
    )  # as hidden states of BERT have it
    for weight in (head.projection.weight, head.projection.bias, head.outer.weight):
        weight.data *= weight.new_tensor(spread).view(-1, *[1] * (weight.ndim - 1))
    rows = encoder_rows(encoder, sample_paragraphs(8))
    questions = encoder.encode_questions(["who was king", "when", "where was the war", "what city"]).start / spread
    errors = dot_errors(VectorQuantiser.fit(rows[::2], 0), rows[1::2], questions)
    assert errors["dimension"] < errors["vector"]
    assert errors["dimension"] < errors["one"]


@pytest.mark.skipif(not (BUNDLED / "config.json").is_file(), reason="the bundled encoder is not part of this checkout")
def test_scales_of_dimensions_beat_one_scale_for_the_bundled_encoder() -> None:
    encoder = PhraseEncoder.from_pretrained("default", bf16=False)
    paragraphs = sample_paragraphs(24)
    size = encoder.config.vector_size
    quantiser = VectorQuantiser(encoder.start_quantiser.offset[:size], encoder.start_quantiser.scale[:size])
    rows = encoder_rows(encoder, paragraphs)
    questions = encoder.encode_questions([paragraph.text[:60] for paragraph in paragraphs]).start
    errors = dot_errors(quantiser, rows, questions)
    assert errors["dimension"] < errors["one"]
    # Its dimensions spread alike, so scales of vectors lose less; they would cost four bytes a row and a multiplication
    # for each row at search time.
    assert errors["dimension"] < 1.6 * errors["vector"]
    assert errors["dimension"] < 0.01 * float((rows @ questions.T).std())
