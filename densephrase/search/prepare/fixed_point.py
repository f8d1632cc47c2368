"""Question vectors as integers, so that their products with stored rows are exact and fast."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import SearchError
from densephrase.kernels import fixed_point as kernels
from densephrase.kernels.product_quantisation import tabulate
from densephrase.quantise.product import CENTROIDS, ProductQuantiser
from densephrase.quantise.scalar import VectorQuantiser


class FixedPointVectors(NamedTuple):
    """Q question vectors times the scales of a quantiser, each in units of its own `step`.

    A vector is `weights[q, 0] * 2**low_bits + weights[q, 1]`. For codes int8 [.., V] the score
    `vector . (codes * scale + offset)` is `dot * step + bias`, where dot is the integer product with both halves; the
    first half alone ranks rows (its error is about 1e-5 of the score's range). Sums of 32 bits over V products of codes
    with one half can't overflow.
    """

    weights: NDArray[np.int16]  # [Q, 2, V]
    low_bits: int
    step: NDArray[np.float64]  # [Q]
    bias: NDArray[np.float64]  # [Q]

    @property
    def largest(self) -> NDArray[np.float64]:
        """What the product of codes with each vector is at most, [Q]."""
        whole = self.weights[:, 0].astype(np.int64) * (1 << self.low_bits) + self.weights[:, 1]
        total: NDArray[np.float64] = 128 * np.abs(whole).sum(axis=1) * self.step
        return total


def to_fixed_point(vectors: NDArray[np.float32], quantiser: VectorQuantiser) -> FixedPointVectors:
    """Fold the scales and offsets of the first V columns into vectors float32 [Q, V].

    Raises:
        SearchError: if a vector is not finite.
    """
    questions, size = vectors.shape
    low_bits = min(15, ((2**25 - 1) // size).bit_length() - 1)
    folded = FixedPointVectors(np.empty((questions, 2, size), np.int16), low_bits, *np.empty((2, questions)))
    scale, offset = quantiser.scale[:size], quantiser.offset[:size]
    if not kernels.fold_vectors(
        vectors=vectors,
        scale=scale,
        offset=offset,
        low_bits=low_bits,
        weights=folded.weights,
        step=folded.step,
        bias=folded.bias,
    ):
        raise _not_finite()
    return folded


class FixedPointTables(NamedTuple):
    """Tables in which Q questions look product-quantised rows up: `sum(table[q, g, c[g]]) * step + bias`."""

    table: NDArray[np.int32]  # [Q, G, 256]
    step: NDArray[np.float64]  # [Q]
    bias: NDArray[np.float64]  # [Q]

    def part(self, rows: slice) -> FixedPointTables:
        """Return the tables of some of the questions."""
        return FixedPointTables(self.table[rows], self.step[rows], self.bias[rows])


def no_tables(vectors: FixedPointVectors) -> FixedPointTables:
    """Return tables without groups: rows are codes that are multiplied."""
    return FixedPointTables(np.empty((len(vectors.step), 0, CENTROIDS), np.int32), vectors.step, vectors.bias)


def tabulate_vectors(
    vectors: NDArray[np.float32], quantiser: ProductQuantiser, spare: NDArray[np.float64] | None = None
) -> FixedPointTables:
    """Return the tables of vectors float32 [Q, V] for the first V columns of a quantiser.

    No sum of entries leaves 32 bits, nor does one to which up to `spare` float64 [Q] is added.

    Raises:
        SearchError: if a vector is not finite.
    """
    tables = FixedPointTables(
        np.empty((len(vectors), quantiser.groups, CENTROIDS), np.int32), *np.empty((2, len(vectors)))
    )
    vectors, spare = np.ascontiguousarray(vectors), np.zeros(len(vectors)) if spare is None else spare
    synthesis, centroids = quantiser.by_dimension
    if not tabulate(
        vectors=vectors,
        offset=quantiser.offset,
        synthesis=synthesis,
        centroids=centroids,
        spare=spare,
        tables=tables.table,
        step=tables.step,
        bias=tables.bias,
    ):
        raise _not_finite()
    return tables


def _not_finite() -> SearchError:
    return SearchError("The encoder gave a question vector that is not finite; its weights are damaged.")
