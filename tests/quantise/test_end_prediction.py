"""Ends predicted from the starts before them: which start, least squares, codes of starts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from densephrase.errors import EncoderError
from densephrase.quantise.end_prediction import EndPrediction, starts_before
from densephrase.quantise.product import ProductQuantiser

SIZE = 6


def sample(rows: int, seed: int = 0) -> tuple[np.ndarray, EndPrediction]:
    """Return starts and a random prediction."""
    random = np.random.default_rng(seed)
    starts = random.normal(1, 1, (rows, SIZE)).astype(np.float32)
    weights = random.normal(size=(SIZE, SIZE)).astype(np.float32)
    return starts, EndPrediction(random.normal(size=SIZE).astype(np.float32), weights)


def test_predictions_are_linear_in_the_start() -> None:
    starts, made = sample(50)
    has_start = np.arange(50) % 3 > 0
    for start, has, end in zip(starts, has_start, made.predict(starts, has_start), strict=True):
        np.testing.assert_allclose(end, (start - made.centre) @ made.weights * has, rtol=1e-4, atol=1e-5)


def test_fitting_finds_the_map_again() -> None:
    starts, made = sample(20_000)
    ends = made.predict(starts, np.ones(len(starts), bool)) + np.float32(5)
    fitted = EndPrediction.fit(starts, ends)
    np.testing.assert_allclose(fitted.weights, made.weights, atol=5e-3)
    np.testing.assert_allclose(fitted.centre, starts.mean(0), rtol=1e-4)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_few_rows_are_enough(rows: int) -> None:
    starts, made = sample(rows)
    everywhere = np.ones(rows, bool)
    fitted = EndPrediction.fit(starts, made.predict(starts, everywhere))
    assert np.isfinite(fitted.predict(starts, everywhere)).all()


def test_starts_that_do_not_exist_are_not_read() -> None:
    starts, made = sample(3)
    np.testing.assert_array_equal(made.predict(np.full_like(starts, np.nan), np.zeros(3, bool)), 0)


def test_codes_of_starts_decode_to_predictions() -> None:
    random, (_, made) = np.random.default_rng(1), sample(0)
    quantiser = ProductQuantiser.fit(sample(500)[0], sample(99, 2)[0], 3, 2)
    codes = random.integers(0, 256, (40, 3)).astype(np.uint8)
    expected = made.predict(quantiser.decode(codes), np.ones(40, bool))
    np.testing.assert_allclose(made.mapped(quantiser).decode(codes), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made.mapped(quantiser).entries()[np.arange(3), codes].sum(1), expected, atol=1e-4)


@pytest.mark.parametrize("columns", [SIZE - 2, SIZE])
def test_products_with_predictions_are_products_with_starts(columns: int) -> None:
    starts, made = sample(30)
    starts[:, columns:] = 0  # as in centroids of lists, which are vectors only
    questions = np.random.default_rng(1).normal(size=(9, columns)).astype(np.float32)
    mapped = made.vector_product(questions)
    np.testing.assert_allclose(starts @ mapped.T, (starts @ made.weights)[:, :columns] @ questions.T, 1e-4)
    for question, expected in zip(questions, mapped, strict=True):
        np.testing.assert_array_equal(made.vector_product(question[None])[0], expected)


@pytest.mark.parametrize("seed", range(20))
def test_the_last_start_before_an_end_is_found(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 12, 8)
    first = np.cumsum(sizes) - sizes
    paragraph = np.repeat(np.arange(8), sizes)
    starts, ends = (np.flatnonzero(random.random(sizes.sum()) < 0.4) for _ in range(2))
    rows, has_start = starts_before(starts, ends, first[paragraph[ends]])
    for end, row, has in zip(ends.tolist(), rows.tolist(), has_start.tolist(), strict=True):
        mine = [number for number, start in enumerate(starts) if start <= end and paragraph[start] == paragraph[end]]
        assert (row, has) == ((mine[-1], True) if mine else (0, False))


def test_a_prediction_survives_being_stored() -> None:
    starts, made = sample(20)
    everywhere = np.ones(20, bool)
    stored = EndPrediction.from_arrays(made.arrays())
    np.testing.assert_array_equal(stored.predict(starts, everywhere), made.predict(starts, everywhere))


def test_damaged_arrays_are_refused() -> None:
    made = sample(1)[1].arrays()
    with pytest.raises(EncoderError, match="lacks"):
        EndPrediction.from_arrays({"weights": made["weights"]})
    with pytest.raises(EncoderError, match="do not fit"):
        EndPrediction.from_arrays({**made, "centre": made["centre"][:-1]})
    with pytest.raises(EncoderError, match="finite float32"):
        EndPrediction.from_arrays({**made, "centre": made["centre"] * np.float32(np.nan)})
