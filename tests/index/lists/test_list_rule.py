from __future__ import annotations

import pytest

from densephrase.index.lists.list_rule import (
    MOST_LISTS,
    choose_groups,
    choose_list_count,
    choose_probed_groups,
    choose_probes,
)


@pytest.mark.parametrize(
    ("rows", "lists", "groups"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (1_000, 4, 2),
        (1_000_000, 4_096, 64),
        (10_000_000, 32_768, 256),
        (100_000_000, 262_144, 512),
        (10**10, 262_144, 512),
    ],
)
def test_lists_and_groups(rows: int, lists: int, groups: int) -> None:
    assert choose_list_count(rows) == lists
    assert choose_groups(lists) == groups


@pytest.mark.parametrize("lists", [1, 2, 3, 5, 100, 5_000, MOST_LISTS])
def test_there_are_at_least_as_many_groups_as_lists_in_a_group(lists: int) -> None:
    groups = choose_groups(lists)
    assert groups <= lists <= groups * groups


@pytest.mark.parametrize(
    ("rows", "lists", "probes"),
    [(0, 1, 1), (1, 1, 1), (1_000, 4, 4), (1_000_000, 4_096, 139), (100_000_000, 262_144, 832), (10**6, 1, 1)],
)
def test_probes(rows: int, lists: int, probes: int) -> None:
    assert choose_probes(rows, lists) == probes


def test_what_is_scanned_grows_with_the_rows_but_more_slowly() -> None:
    sizes = [10**power for power in range(3, 12)]
    scanned = [choose_probes(rows, choose_list_count(rows)) * rows / choose_list_count(rows) for rows in sizes]
    assert all(less < more < 10 * less for less, more in zip(scanned, scanned[1:], strict=False))


@pytest.mark.parametrize(("groups", "probed"), [(1, 1), (4, 4), (64, 24), (256, 48), (512, 68)])
def test_probed_groups(groups: int, probed: int) -> None:
    assert choose_probed_groups(groups) == probed
