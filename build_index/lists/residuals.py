"""Residual product quantisation (Jégou et al. 2011): codes of a start row minus its list's centroid.

Section 4 there. A centroid says of a row what many others share with it, and bytes for what is left say more than as
many for the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.lists.code_rows import CodeRows, choose_places, sample_rows
from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise.product import CENTROIDS, ProductQuantiser
from densephrase.quantise.scalar import VectorQuantiser

START_BITS, END_BITS = 1.5, 1.25  # of a row for each dimension of its vector: 36 and 30 bytes for 192
MOST_ROWS = 65_536  # to fit to, 256 for each centroid


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Encodes rows less the centroids of their lists."""

    tree: ListTree
    quantiser: VectorQuantiser
    product: ProductQuantiser

    @classmethod
    def fit(
        cls,
        rows: CodeRows,
        tree: ListTree,
        assigned: NDArray[np.int32],
        quantiser: VectorQuantiser,
        asked: NDArray[np.float32],
        seed: int,
    ) -> Residuals:
        """Fit to a sample of rows, `assigned` int32 [N] to lists, for products with `asked` float32 [n, row_size]."""
        size, columns = min(rows.count, MOST_ROWS), asked.shape[1]
        lists = assigned[choose_places(rows.count, size, seed)]
        left = _residuals(tree, quantiser, sample_rows(rows, size, columns, seed), lists)
        return cls(tree, quantiser, fit_rows(left, asked, row_bytes(START_BITS, tree.list_codes.shape[1]), seed))

    def encode(self, codes: NDArray[np.int8], lists: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Return the bytes uint8 [n, G] of rows int8 [n, row_size] of some lists [n]."""
        return self.product.encode(_residuals(self.tree, self.quantiser, codes, lists))


def _residuals(
    tree: ListTree, quantiser: VectorQuantiser, codes: NDArray[np.int8], lists: NDArray[np.int32]
) -> NDArray[np.float32]:
    left = quantiser.decode(codes)
    centroids = tree.list_codes[lists]
    # Without the offset, which then is a part of what is left, as products with centroids leave it out too.
    left[:, : centroids.shape[1]] -= centroids * quantiser.scale[: centroids.shape[1]]
    return left


def row_bytes(bits: float, vector_size: int) -> int:
    """Return the bytes of a row with so many bits for each dimension of its vector; there is at least one."""
    return max(1, int(bits * vector_size / 8))


def fit_rows(rows: NDArray[np.float32], asked: NDArray[np.float32], groups: int, seed: int) -> ProductQuantiser:
    """Fit `groups` bytes to rows [n, row_size] and products with `asked` [m, row_size]; few rows come repeatedly.

    Each byte is for as many directions as all can have: 5 of 208 for each of 36, 6 for each of 30.
    """
    if not len(rows):
        rows = np.zeros((1, asked.shape[1]), np.float32)
    if len(rows) < CENTROIDS:
        rows = np.resize(rows, (CENTROIDS, rows.shape[1]))
    return ProductQuantiser.fit(rows, asked, groups, rows.shape[1] // groups, seed=seed)
