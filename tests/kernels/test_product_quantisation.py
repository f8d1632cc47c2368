"""Look-ups of product-quantised rows against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from densephrase.kernels.product_quantisation import gather_products, nearest_centroids, scan_look_ups, tabulate


def sample(rows: int, groups: int, largest: int = 10_000, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return random codes uint8[rows, groups] and a table."""
    random = np.random.default_rng(seed)
    codes = random.integers(0, 256, (rows, groups)).astype(np.uint8)
    return codes, random.integers(-largest, largest + 1, (groups, 256)).astype(np.int32)


def sums(codes: NDArray[np.uint8], table: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the sum of the entries that each row names, int64[rows]."""
    groups = len(table)
    return table.astype(np.int64)[np.arange(groups), codes[:, :groups]].sum(1)


def best(
    codes: NDArray[np.uint8],
    table: NDArray[np.int32],
    k: int,
    ids: NDArray[np.int64],
    ranges: tuple[tuple[int, int], ...] | None = None,
) -> list[tuple[int, int]]:
    """Return (sum, id) of a scan, best first."""
    scores, found = np.empty(k, np.int32), np.empty(k, np.int64)
    where = np.array([(0, len(codes))] if ranges is None else ranges, np.int64).reshape(-1, 2)
    size = scan_look_ups(codes.view(np.int8), ids, where, np.arange(len(where)), table, scores, found)
    order = np.lexsort((found[:size], -scores[:size]))
    return list(zip(scores[order].tolist(), found[order].tolist(), strict=True))


def expected(
    codes: NDArray[np.uint8],
    table: NDArray[np.int32],
    ids: NDArray[np.int64],
    k: int,
    bases: NDArray[np.int64] | None = None,
) -> list[tuple[int, int]]:
    """Return the same by a full sort."""
    scores = sums(codes, table) if bases is None else sums(codes, table) + bases
    order = np.lexsort((ids, -scores))[:k]
    return list(zip(scores[order].tolist(), ids[order].tolist(), strict=True))


@pytest.mark.parametrize("k", [0, 1, 5, 1000])
@pytest.mark.parametrize(("rows", "groups"), [(0, 3), (1, 3), (50, 1), (101, 16), (3000, 4)])
def test_scan_finds_the_best_rows(rows: int, groups: int, k: int) -> None:
    codes, table = sample(rows, groups)
    ids = np.random.default_rng(1).permutation(rows)
    assert best(codes, table, k, ids) == expected(codes, table, ids, k)


def test_equal_rows_come_in_the_order_of_their_ids() -> None:
    codes, table = np.zeros((30, 2), np.uint8), np.full((2, 256), -3, np.int32)
    assert best(codes, table, 4, np.arange(30) + 7) == [(-6, 7), (-6, 8), (-6, 9), (-6, 10)]


def test_only_the_ranges_are_scanned() -> None:
    codes, table = sample(40, 3, largest=1)
    ids = np.random.default_rng(1).permutation(1000)[:40]
    ranges = ((30, 40), (5, 6), (9, 9), (10, 17))
    rows = np.concatenate([np.arange(*pair) for pair in ranges])
    assert best(codes, table, 6, ids, ranges) == expected(
        codes[rows], table, ids[rows], 6, np.repeat(np.arange(4), [10, 1, 0, 7])
    )


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 80), st.integers(1, 20), st.integers(0, 90), st.integers(0, 2**32))
def test_random_shapes(rows: int, groups: int, k: int, seed: int) -> None:
    codes, table = sample(rows, groups, largest=1 + seed % 5, seed=seed)
    ids = np.arange(rows) + 7
    assert best(codes, table, k, ids) == expected(codes, table, ids, k)


@pytest.mark.parametrize("rows", [[], [0], [9, 3, 3, 0], [*range(100), 5]])
def test_selected_rows(rows: list[int]) -> None:
    codes, table = sample(100, 5)
    selected, found = np.array(rows, np.int64), np.empty(len(rows), np.int64)
    gather_products(codes.view(np.int8), selected, np.empty((2, 0), np.int16), 0, table, found)
    np.testing.assert_array_equal(found, sums(codes[selected], table))


def test_without_groups_rows_are_multiplied() -> None:
    random = np.random.default_rng(0)
    codes, weights = random.integers(-127, 128, (9, 6), np.int8), random.integers(-500, 500, (2, 5), np.int16)
    found = np.empty(3, np.int64)
    gather_products(codes, np.array([8, 0, 3]), weights, 4, np.empty((0, 256), np.int32), found)
    expected_products = codes[[8, 0, 3], :5].astype(np.int64) @ (weights[0].astype(np.int64) * 16 + weights[1])
    np.testing.assert_array_equal(found, expected_products)


@settings(deadline=None)  # the first example compiles
@given(
    hnp.arrays(np.float32, (6, 4), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(np.float32, (2, 256, 3), elements=st.floats(-100, 100, width=32)),
    hnp.arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)),
)
def test_tables_keep_products(
    synthesis: NDArray[np.float32], centroids: NDArray[np.float32], vectors: NDArray[np.float32]
) -> None:
    offset = np.arange(5, dtype=np.float32)  # one column more than vectors have
    synthesis = np.concatenate([synthesis, np.ones((6, 1), np.float32)], axis=1)
    tables, step, bias = np.empty((3, 2, 256), np.int32), np.empty(3), np.empty(3)
    by_dimension = synthesis.T.copy(), centroids.transpose(0, 2, 1).copy()
    assert tabulate(vectors, offset, *by_dimension, np.zeros(len(tables)), tables, step, bias)
    codes = np.random.default_rng(0).integers(0, 256, (20, 2)).astype(np.uint8)
    inner = np.concatenate([centroids[group, codes[:, group]] for group in (0, 1)], axis=1).astype(np.float64)
    rows = (inner @ synthesis.astype(np.float64) + offset)[:, :4]
    for question, vector in enumerate(vectors.astype(np.float64)):
        exact = rows @ vector
        found = sums(codes, tables[question]) * step[question] + bias[question]
        reach = np.abs(centroids).max() * np.abs(synthesis[:, :4].astype(np.float64) @ np.diag(vector)).sum()
        np.testing.assert_allclose(found, exact, rtol=1e-9, atol=3 * step[question] + 2**-20 * reach)
        assert np.abs(sums(codes, tables[question])).max(initial=0) < 2**31


@pytest.mark.parametrize("groups", [1, 2, 64])
@pytest.mark.parametrize("product", [17.0, 139.0008, 1e-5, 3e20], ids=str)
def test_products_that_differ_in_their_last_bit_stay_within_32_bits(product: float, groups: int) -> None:
    """The middle of two neighbours is one of them: the other is a whole range away from it, not half of one."""
    low = np.float32(product)
    high = np.nextafter(low, np.float32(np.inf))
    centroids = np.full((groups, 1, 256), low)
    centroids[:, 0, 1::2] = high
    tables, step, bias = np.empty((1, groups, 256), np.int32), np.empty(1), np.empty(1)
    ones = np.ones((1, 1), np.float32), np.zeros(1, np.float32), np.ones((1, groups), np.float32)
    assert tabulate(*ones, centroids, np.zeros(1), tables, step, bias)
    for code, value in ((0, low), (1, high)):
        total = tables[0, :, code].astype(np.int64).sum()
        assert abs(total) < 2**31
        assert abs(total * step[0] + bias[0] - groups * float(value)) <= groups * float(high - low)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_have_no_tables(value: float) -> None:
    made = np.ones((2, 1, 256), np.float32)
    tables, steps = np.empty((1, 2, 256), np.int32), np.empty((2, 1))
    vector = np.array([[1, value]], np.float32)
    with np.errstate(invalid="ignore"):  # of which numpy warns where nothing is compiled
        is_finite = tabulate(
            vector,
            np.zeros(2, np.float32),
            np.ones((2, 2), np.float32),
            made,
            np.zeros(1),
            tables,
            *steps,
        )
    assert not is_finite


def test_the_largest_sums_fit_32_bits() -> None:
    centroids = np.zeros((64, 1, 256), np.float32)
    centroids[:, 0, 0], centroids[:, 0, 1] = 1e30, -1e30
    tables, step, bias = np.empty((1, 64, 256), np.int32), np.empty(1), np.empty(1)
    synthesis = np.ones((1, 64), np.float32)
    assert tabulate(
        np.ones((1, 1), np.float32),
        np.zeros(1, np.float32),
        synthesis,
        centroids,
        np.zeros(len(tables)),
        tables,
        step,
        bias,
    )
    codes = np.repeat(np.array([[0], [1]], np.uint8), 64, 1)
    largest = sums(codes, tables[0])
    assert -(2**31) < largest[1] < 0 < largest[0] < 2**31
    np.testing.assert_allclose(largest * step, [64e30, -64e30], rtol=1e-6)


@pytest.mark.parametrize(("rows", "groups", "width"), [(0, 2, 3), (1, 1, 1), (50, 3, 6)])
def test_nearest_centroids(rows: int, groups: int, width: int) -> None:
    random = np.random.default_rng(rows)
    values = random.normal(size=(rows, groups * width)).astype(np.float32)
    centroids = random.normal(size=(groups, 256, width)).astype(np.float32)
    codes = np.empty((rows, groups), np.uint8)
    nearest_centroids(values, centroids.transpose(0, 2, 1).copy(), np.square(centroids).sum(2) / 2, codes)
    distances = np.square(values.reshape(rows, groups, 1, width) - centroids).sum(3)
    np.testing.assert_array_equal(codes, distances.argmin(2))


def test_the_first_of_equal_centroids_is_the_nearest() -> None:
    codes = np.empty((3, 1), np.uint8)
    nearest_centroids(
        np.ones((3, 2), np.float32), np.ones((1, 2, 256), np.float32), np.ones((1, 256), np.float32), codes
    )
    assert not codes.any()
