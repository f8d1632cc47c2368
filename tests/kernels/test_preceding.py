"""Which start is before each end, and what it adds, against explicit loops over all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.kernels import gather, preceding, product_quantisation
from densephrase.kernels.mapped import Places
from densephrase.kernels.placed_lists import PlacedLists, lists_of_blocks
from densephrase.kernels.span_rows import EndRows, Ends, Groups, SpanQuestion, StartRows
from tests.kernels.interpreted import interpret
from tests.kernels.sparse_samples import NO_NGRAMS, Sample
from tests.kernels.sparse_samples import sample as sparse_sample

LOW_BITS, UNITS = 10, np.array([0.37, 2.1, -12.6])
GROUPS, LISTS, RANK, SIZE = 3, 5, 16, 6


class Case:
    """Starts and ends of a few paragraphs; those of every second paragraph are asked for."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        sides = [sparse_sample(seed, paragraphs=6, tokens=9, side=side) for side in (0, 1)]
        self.starts, self.ends = sides
        count = len(self.starts.token)
        self.place = self.random.permutation(count).astype(np.int32)
        self.list_ptr = np.sort(np.append(self.random.integers(0, count + 1, LISTS - 1), [0, count]))
        self.codes = self.random.integers(-128, 128, (count, GROUPS)).astype(np.int8)
        self.list_codes = self.random.integers(-127, 128, (LISTS, SIZE)).astype(np.int8)
        self.weights = self.random.integers(-(2**9), 2**9, (2, SIZE)).astype(np.int16)
        self.table = self.random.integers(-(2**20), 2**20, (GROUPS, 256)).astype(np.int32)
        self.entries = self.random.integers(-99, 99, (GROUPS, 256, RANK)).astype(np.int16)
        self.lists = self.random.integers(-99, 99, (LISTS, RANK)).astype(np.int16)
        paragraphs = np.arange(0, 6, 2)
        rows = [np.arange(*self.ends.row_ptr[paragraph : paragraph + 2]) for paragraph in paragraphs]
        self.row = np.concatenate(rows)
        self.groups = Groups(paragraphs, np.zeros(4, np.int64), np.empty(0, np.int64))
        self.reached = Ends(
            np.cumsum([0, *map(len, rows)]),
            self.row,
            self.ends.token[self.row].astype(np.int64),
            self.random.integers(-(2**20), 2**20, len(self.row)),
            np.zeros(len(self.row)),
        )

    def rows(self) -> tuple[StartRows, EndRows]:
        """Return the rows as kernels take them."""
        no_bits, no_codes, no_entries = (
            np.empty(0, np.uint8),
            np.empty((0, 1), np.int8),
            np.empty((0, 256, RANK), np.int16),
        )

        def shared(side: Sample) -> Any:
            return side.row_ptr, Places.of(side.token), no_bits

        starts = StartRows(
            *(*shared(self.starts), self.place, self.codes, no_entries, self.starts.rows),
            PlacedLists(self.list_ptr, lists_of_blocks(self.list_ptr), self.list_codes),
        )
        ends = EndRows(*(*shared(self.ends), no_codes, no_entries, self.entries, self.lists, self.ends.rows))
        return starts, ends

    def before(self) -> list[int]:
        """Return the start before each end, -1 where there is none."""
        found = []
        for end in self.row:
            mine = range(*self.starts.row_ptr[self.ends.paragraph[end] : self.ends.paragraph[end] + 2])
            found.append(max((row for row in mine if self.starts.token[row] <= self.ends.token[end]), default=-1))
        return found

    def owner(self, start: int) -> int:
        """Return the list of a start."""
        return max(number for number in range(LISTS) if self.list_ptr[number] <= self.place[start])

    def question(self) -> SpanQuestion:
        """Return a question with random tables."""
        none, table = np.zeros((2, SIZE), np.int16), np.empty((0, 256), np.int32)
        predicted = self.weights, self.table, UNITS
        scale = np.ones(RANK, np.int64)
        return SpanQuestion(
            *(none, none, table, table, 0.0, *predicted, LOW_BITS, 1.0, scale, 1.0, NO_NGRAMS, NO_NGRAMS)
        )


@pytest.fixture(params=["compiled", "python"], autouse=True)
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        interpret(monkeypatch, gather, product_quantisation, preceding)


@pytest.mark.parametrize("seed", range(4))
def test_starts_before_ends(seed: int) -> None:
    case = Case(seed)
    rows = case.rows()
    found = preceding.preceding_starts(case.groups, case.reached, rows[0])
    before = case.before()
    places = [-1 if number < 0 else int(found.place[number]) for number in found.of_end]
    assert places == [-1 if start < 0 else int(case.place[start]) for start in before]
    assert found.owner.tolist() == [case.owner(case.place.tolist().index(place)) for place in found.place.tolist()]
    assert len(found.place) == len(set(before) - {-1})
    _check_products(case, found, before)
    columns = preceding.predicted_coherency(found, *rows)
    for end, start in enumerate(before):
        if start >= 0:
            expected = case.lists[case.owner(start)] + sum(
                case.entries[group, byte] for group, byte in _bytes(case, start)
            )
            assert columns[found.of_end[end]].tolist() == expected.tolist()


def _check_products(case: Case, found: preceding.Preceding, before: list[int]) -> None:
    products: NDArray[np.int64] = case.reached.dot.copy()
    preceding.add_predictions(found, case.rows()[0], case.question(), products)
    whole = case.weights[0].astype(np.int64) * 2**LOW_BITS + case.weights[1]
    for end, start in enumerate(before):
        added = 0
        if start >= 0:
            entries = sum(int(case.table[group, byte]) for group, byte in _bytes(case, start))
            dot = int(case.list_codes[case.owner(start)].astype(np.int64) @ whole)
            added = round(entries * UNITS[0]) + round(dot * UNITS[1]) + round(UNITS[2])
        assert products[end] == case.reached.dot[end] + added


def _bytes(case: Case, start: int) -> list[tuple[int, int]]:
    return list(enumerate((case.codes[case.place[start]].astype(int) % 256).tolist()))


def test_no_ends_have_no_starts() -> None:
    case = Case(0)
    nothing = np.empty(0, np.int64)
    groups = Groups(nothing, np.zeros(1, np.int64), nothing)
    ends = Ends(np.zeros(1, np.int64), nothing, nothing, nothing, np.empty(0))
    found = preceding.preceding_starts(groups, ends, case.rows()[0])
    assert [column.size for column in found] == [0, 0, 0]
    assert preceding.predicted_coherency(found, *case.rows()).shape == (0, RANK)
