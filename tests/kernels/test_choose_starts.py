"""Start rows chosen out of product-quantised inverted lists, of which some are empty, against numpy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from densephrase.kernels import candidates, gather, product_quantisation, selection
from densephrase.kernels.candidates import Chosen, ListTable, Probed
from tests.kernels.interpreted import interpret

POINTERS = {
    "all hold rows": [0, 2, 3, 6],
    "the last is empty": [0, 2, 6, 6],
    "the last two are empty": [0, 6, 6, 6],
    "the first is empty": [0, 0, 2, 6],
    "only the last holds rows": [0, 0, 0, 6],
}


@pytest.mark.parametrize("pointers", POINTERS.values(), ids=POINTERS.keys())
def test_rows_get_the_product_of_their_own_list(pointers: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    interpret(monkeypatch, candidates, gather, product_quantisation, selection)  # which finds an index beyond an end
    random = np.random.default_rng(3)
    ptr, codes = np.array(pointers), random.integers(-128, 128, (6, 2)).astype(np.int8)
    list_codes, weights = random.integers(-127, 128, (3, 4)).astype(np.int8), random.integers(-9, 9, (2, 4))
    table = random.integers(-500, 500, (2, 256)).astype(np.int32)
    batch = SimpleNamespace(
        start=weights[None].astype(np.int16), start_table=table[None], start_base=np.array([0.5]), low_bits=3
    )
    ranges = np.stack([ptr[:-1], ptr[1:]], axis=1)
    lists = ListTable(codes, np.arange(6, dtype=np.int32), ptr, list_codes, list_codes, ptr)
    chosen = Chosen(np.zeros((1, 3), np.int64), np.zeros(1, np.int64))
    candidates.choose_starts(0, batch, None, lists, Probed(np.array([0, 3]), ranges), 0, chosen)

    bases = np.rint((list_codes @ weights[0] * 8 + list_codes @ weights[1]) * 0.5)
    scores = table[[0, 1], codes.view(np.uint8)].sum(1) + np.repeat(bases, np.diff(ptr))
    assert chosen.found.tolist() == [3]
    assert chosen.rows[0].tolist() == sorted(np.argsort(-scores)[:3].tolist())
