"""Product quantisers: nearest centroids, products with questions, and what the basis is worth."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.errors import EncoderError, MissingExtraError
from densephrase.quantise.product import ProductQuantiser

Rows = NDArray[np.float32]


def made(groups: int = 3, dimensions: int = 2, size: int = 8, seed: int = 0) -> ProductQuantiser:
    """Return a quantiser of random orthogonal maps and centroids."""
    random = np.random.default_rng(seed)
    basis = np.linalg.qr(random.normal(size=(size, size)))[0][:, : groups * dimensions].astype(np.float32)
    centroids = random.normal(size=(groups, 256, dimensions)).astype(np.float32)
    return ProductQuantiser(random.normal(size=size).astype(np.float32), basis, basis.T.copy(), centroids)


def sample(rows: int, size: int, seed: int = 0) -> Rows:
    """Return rows whose dimensions depend on each other and spread unlike."""
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(rows, size)) @ np.random.default_rng(99).normal(size=(size, size))
    return (mixed * np.geomspace(4, 0.2, size) + 3).astype(np.float32)


def test_codes_name_the_nearest_centroids() -> None:
    quantiser, rows = made(), sample(5000, 8)
    parts = ((rows - quantiser.offset) @ quantiser.analysis).reshape(-1, 3, 1, 2)
    distances = np.square(parts - quantiser.centroids[None]).sum(3)
    codes = quantiser.encode(rows)
    assert codes.dtype == np.uint8
    chosen = np.take_along_axis(distances, codes[..., None].astype(np.int64), 2)[..., 0]
    np.testing.assert_allclose(chosen, distances.min(2), rtol=1e-4, atol=1e-4)


def test_codes_survive_decoding() -> None:
    quantiser = made()
    codes = np.random.default_rng(1).integers(0, 256, (50, 3)).astype(np.uint8)
    np.testing.assert_array_equal(quantiser.encode(quantiser.decode(codes)), codes)


def test_no_rows_have_no_codes() -> None:
    quantiser = made()
    assert quantiser.encode(np.empty((0, 8), np.float32)).shape == (0, 3)
    assert quantiser.decode(np.empty((0, 3), np.uint8)).shape == (0, 8)


def test_entries_add_up_to_decoded_rows() -> None:
    quantiser = made()
    codes = np.random.default_rng(1).integers(0, 256, (50, 3)).astype(np.uint8)
    values = quantiser.entries()[np.arange(3), codes].sum(1)
    np.testing.assert_allclose(values, quantiser.decode(codes), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(quantiser.entries(5), quantiser.entries()[:, :, 5:])


def test_a_quantiser_survives_being_stored() -> None:
    quantiser = made()
    again = ProductQuantiser.from_arrays(quantiser.arrays())
    for name, array in quantiser.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


def test_a_missing_array_is_named() -> None:
    arrays = made().arrays()
    del arrays["centroids"]
    with pytest.raises(EncoderError, match="lacks \\['centroids'\\]"):
        ProductQuantiser.from_arrays(arrays)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("offset", np.zeros(7, np.float32), "do not fit each other"),
        ("offset", np.zeros((8, 1), np.float32), "do not fit each other"),
        ("analysis", np.zeros((8, 5), np.float32), "do not fit each other"),
        ("synthesis", np.zeros((8, 6), np.float32), "do not fit each other"),
        ("centroids", np.zeros((3, 255, 2), np.float32), "do not fit each other"),
        ("centroids", np.zeros((3, 512), np.float32), "do not fit each other"),
        ("offset", np.zeros(8), "finite float32"),
        ("offset", np.full(8, np.nan, np.float32), "finite float32"),
        ("centroids", np.full((3, 256, 2), np.inf, np.float32), "finite float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, array: NDArray[np.floating], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        ProductQuantiser.from_arrays({**made().arrays(), name: array})


class TestFit:
    """What needs FAISS."""

    @pytest.fixture(autouse=True)
    def faiss(self) -> None:
        pytest.importorskip("faiss")

    def test_the_same_sample_gives_the_same_quantiser(self) -> None:
        rows, questions = sample(600, 8), sample(40, 8, seed=1)
        first, again = (ProductQuantiser.fit(rows, questions, 2, 3, seed=5).arrays() for _ in range(2))
        for name, array in first.items():
            np.testing.assert_array_equal(again[name], array)

    def test_rows_as_many_as_centroids_come_back(self) -> None:
        rows = sample(256, 6)
        quantiser = ProductQuantiser.fit(rows, sample(40, 6, seed=1), 1, 6)
        np.testing.assert_allclose(quantiser.decode(quantiser.encode(rows)), rows, rtol=1e-3, atol=1e-2)

    def test_products_lose_less_than_in_the_basis_of_the_vectors(self) -> None:
        random = np.random.default_rng(4)
        rows, other = sample(4000, 12), sample(1000, 12, seed=7)
        questions = (random.normal(size=(300, 12)) * np.geomspace(0.1, 5, 12)).astype(np.float32)
        fitted = ProductQuantiser.fit(rows, questions, 4, 3)
        plain = ProductQuantiser.fit(rows, np.eye(12, dtype=np.float32), 4, 3)
        asked = (random.normal(size=(50, 12)) * np.geomspace(0.1, 5, 12)).astype(np.float32)

        def error(quantiser: ProductQuantiser) -> float:
            return float(np.square((quantiser.decode(quantiser.encode(other)) - other) @ asked.T).mean())

        assert error(fitted) < 0.7 * error(plain)
        assert error(fitted) < 0.1 * float((other @ asked.T).var())

    @pytest.mark.parametrize("questions", [np.zeros((5, 8), np.float32), np.eye(8, dtype=np.float32)[:1]])
    def test_questions_that_say_little_do_no_harm(self, questions: Rows) -> None:
        rows = sample(400, 8)
        quantiser = ProductQuantiser.fit(rows, questions, 4, 2)
        error = np.square(quantiser.decode(quantiser.encode(rows)) - rows).mean()
        assert error < 0.2 * rows.var(0).mean()

    def test_a_constant_dimension_is_kept(self) -> None:
        rows = np.concatenate([sample(300, 3), np.full((300, 1), 2.5, np.float32)], 1)
        quantiser = ProductQuantiser.fit(rows, sample(20, 4, seed=1), 2, 2)
        np.testing.assert_allclose(quantiser.decode(quantiser.encode(rows))[:, 3], 2.5, atol=1e-3)


@pytest.mark.parametrize(
    ("rows", "questions", "groups", "dimensions", "message"),
    [
        (255, 3, 2, 2, "at least 256 rows"),
        (300, 0, 2, 2, "at least 256 rows"),
        (300, 3, 5, 2, "can't be made"),
        (300, 3, 0, 2, "can't be made"),
    ],
)
def test_senseless_fits_are_refused(rows: int, questions: int, groups: int, dimensions: int, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        ProductQuantiser.fit(sample(rows, 8), sample(questions, 8), groups, dimensions)


def test_a_missing_faiss_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match="densephrase\\[cpu\\]"):
        ProductQuantiser.fit(sample(300, 8), sample(3, 8), 2, 2)
