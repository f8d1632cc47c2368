"""Sizes of inverted lists: how many of so many rows, in how many groups, and how many of them are probed.

The figures behind it are those of `benchmarks/scale/scale.py`.
"""

from __future__ import annotations

import math

ROWS_PER_LIST = 256  # shorter lists leave less to scan, but each one begins with a wait for its first cache lines
MOST_LISTS = 1 << 18  # training them takes 64 rows a list: 3 GiB of memory for 192 codes a row
SCANNED_AT_A_MILLION = 34_000  # rows of the lists that a question looks into, of a million
SCANNED_POWER = 0.485


def choose_list_count(rows: int) -> int:
    """Return the power of two nearest to `rows / ROWS_PER_LIST`, at most MOST_LISTS."""
    return min(MOST_LISTS, 1 << max(0, round(math.log2(max(1, rows) / ROWS_PER_LIST))))


def choose_groups(lists: int) -> int:
    """Return the power of two next to the square root of `lists`, not below it: as many groups as lists in a group."""
    return min(lists, 1 << math.ceil(math.log2(lists) / 2))


def choose_probes(rows: int, lists: int) -> int:
    """Return how many of `lists` lists a question looks into for at least 0.95 of the exact best hundred.

    Measured over start vectors of 128 dimensions, 1 M and 9.6 M real ones and 100 M grown from them, in the lists of
    `choose_list_count`: the rows to be scanned grow with the power SCANNED_POWER of all rows. The best thousand take
    more.
    """
    scanned = SCANNED_AT_A_MILLION * math.pow(max(1, rows) / 1e6, SCANNED_POWER)
    return max(1, min(lists, round(lists * min(1.0, scanned / max(1, rows)))))


def choose_probed_groups(groups: int) -> int:
    """Return in how many of the best groups a question looks for the best lists: three times the square root.

    Of 4,096 lists to 262,144 a larger share of the groups found less than 0.002 more of the best hundred.
    """
    return min(groups, math.ceil(3 * math.sqrt(groups)))
