"""A kernel that another one calls can still be called from Python, and so can what both share with other code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import prange
from numba.core import types
from numba.core.compiler_lock import global_compiler_lock

from densephrase.kernels.compile import kernel, parallel_kernel, small_kernel
from densephrase.kernels.lowlevel.form import IS_PLAIN


@kernel
def ranked(values, rank):
    if rank >= values.size:
        raise ValueError("no such rank")
    return np.sort(values)[rank]


@small_kernel
def ends(values, first=0):
    return ranked(values, first), ranked(values, 0), ranked(values, values.size - 1)


@kernel
def spread(values):
    _, low, high = ends(values)
    return high - low


@kernel
def in_order(values):
    return np.sort(values)


@parallel_kernel
def spreads(rows, results):
    for row in prange(rows.shape[0]):
        results[row] = spread(rows[row])


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 1000, (7, 40))


def test_all_forms_of_a_kernel_agree(rows: np.ndarray) -> None:
    results = np.empty(len(rows), np.int64)
    spreads(rows, results)
    assert results.tolist() == [spread(row) for row in rows] == np.ptp(rows, axis=1).tolist()
    assert ends(rows[0]) == (rows[0].min(), rows[0].min(), rows[0].max())
    assert ranked(rows[0], 3) == np.sort(rows[0])[3]


@pytest.mark.skipif(IS_PLAIN, reason="numba itself makes a form for each literal")
def test_one_form_does_for_literals_and_other_numbers() -> None:
    values = types.Array(types.int16, 1, "C")
    with global_compiler_lock:
        for rank in types.literal(0), types.literal(1), types.int64:
            ranked.get_call_template((values, rank), {})
    forms = ranked.get_overload.__self__.signatures
    assert [form for form in forms if form[0] == values] == [(values, types.int64)]


def test_what_a_part_took_from_numba_is_there_for_other_kernels(rows: np.ndarray) -> None:
    spread(rows[0])
    assert in_order(rows[0]).tolist() == np.sort(rows[0]).tolist()


def test_a_part_reports_mistakes(rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no such rank"):
        spread(rows[0, :0])


def test_threads_may_compile_at_once(rows: np.ndarray) -> None:
    kinds = [rows[0].astype(kind) for kind in (np.float64, np.int32, np.uint32)]
    with ThreadPoolExecutor(len(kinds)) as pool:
        assert list(pool.map(spread, kinds)) == [np.ptp(kind) for kind in kinds]
