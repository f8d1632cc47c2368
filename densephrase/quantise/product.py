"""Product quantisation (Jégou et al. 2011) of vectors: one byte for each of a few groups of dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError
from densephrase.faiss_device import FaissDevice
from densephrase.kernels.product_quantisation import nearest_centroids
from densephrase.quantise.fitted_arrays import FittedArrays

CENTROIDS = 256  # of each group: a code is one byte
_ITERATIONS = 20
_ROWS_AT_ONCE = 4_096  # multiplied with the analysis
_RIDGE = 0.05  # share of the mean that is added to the questions' moments: directions no question asks for still count
_LEAST = 1e-12


@dataclass(frozen=True, eq=False)
class ProductQuantiser(FittedArrays):
    """`value = concatenate(centroids[g, code[g]]) @ synthesis + offset`, for a code uint8 [G].

    Jégou et al. 2011, section 2, in a basis that is made for inner products: distances in it are root mean squared
    errors of the products with a sample of questions, its dimensions are uncorrelated, and groups of d of them spread
    alike, as in section 3.2 of Ge et al. 2013.

    offset float32 [V], analysis float32 [V, G * d], synthesis float32 [G * d, V], centroids float32 [G, 256, d].
    """

    WHAT = "A product quantiser"

    offset: NDArray[np.float32]
    analysis: NDArray[np.float32]
    synthesis: NDArray[np.float32]
    centroids: NDArray[np.float32]

    def __post_init__(self) -> None:
        shapes = {name: array.shape for name, array in self.arrays().items()}
        size, inner = self.offset.size, self.centroids.shape[0] * self.centroids.shape[-1]
        expected = (1, (size, inner), (inner, size), 3)
        found = (self.offset.ndim, shapes["analysis"], shapes["synthesis"], self.centroids.ndim)
        if found != expected or self.centroids.shape[1] != CENTROIDS or not size or not inner:
            raise EncoderError(
                f"The arrays of a product quantiser do not fit each other: {shapes}; expected offset (V,), analysis "
                f"(V, G * d), synthesis (G * d, V) and centroids (G, {CENTROIDS}, d). Fit it again."
            )
        self.check_finite()

    @classmethod
    def fit(
        cls,
        rows: NDArray[np.float32],
        questions: NDArray[np.float32],
        groups: int,
        dimensions: int,
        *,
        seed: int = 0,
    ) -> ProductQuantiser:
        """Fit `groups` bytes of `dimensions` dimensions each to rows [n, V], for products with questions [m, V].

        Raises:
            EncoderError: if there are too few rows or dimensions.
            MissingExtraError: if FAISS is not installed.
        """
        inner = groups * dimensions
        if len(rows) < CENTROIDS or not len(questions):
            raise EncoderError(
                f"A product quantiser needs at least {CENTROIDS} rows and a question to be fitted to; the sample gave "
                f"{len(rows)} and {len(questions)}."
            )
        if not 0 < inner <= rows.shape[1]:
            raise EncoderError(
                f"{groups} groups of {dimensions} dimensions can't be made of vectors of {rows.shape[1]} dimensions."
            )
        offset = rows.mean(0, dtype=np.float64)
        root, inverse = _roots(questions.astype(np.float64))
        weighted = (rows - offset) @ root
        rotation = _balanced_rotation(weighted, groups, dimensions)
        centroids = _train((weighted @ rotation).astype(np.float32), groups, dimensions, seed)
        maps = (root @ rotation).astype(np.float32), (rotation.T @ inverse).astype(np.float32)
        return cls(offset.astype(np.float32), *maps, centroids)

    @property
    def groups(self) -> int:
        """Bytes of a code."""
        return len(self.centroids)

    @cached_property
    def by_dimension(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The columns of `synthesis`, [V, G * d], and `centroids` by dimension, [G, d, 256], as kernels read them."""
        return np.ascontiguousarray(self.synthesis.T), np.ascontiguousarray(self.centroids.transpose(0, 2, 1))

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the nearest centroids, uint8 [n, G], for rows float32 [n, V]; of equal ones the first."""
        codes: NDArray[np.uint8] = np.empty((len(rows), self.groups), np.uint8)
        half_norms = np.square(self.centroids).sum(2) / 2
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            block = slice(first, first + _ROWS_AT_ONCE)
            inner = np.asarray((rows[block] - self.offset) @ self.analysis, np.float32)
            nearest_centroids(inner, self.by_dimension[1], half_norms, codes[block])
        return codes

    def decode(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the values of codes uint8 [n, G] as float32 [n, V]."""
        chosen = self.centroids[np.arange(self.groups), codes].reshape(len(codes), len(self.synthesis))
        values: NDArray[np.float32] = chosen @ self.synthesis + self.offset
        return values

    def entries(self, first: int = 0) -> NDArray[np.float64]:
        """Return what each byte adds to the columns from `first` on: `decode(code) = sum(entries[g, code[g]])`.

        Float64 [G, 256, V - first].
        """
        synthesis, offset = self.synthesis[:, first:].astype(np.float64), self.offset[first:].astype(np.float64)
        maps = synthesis.reshape(*self.centroids.shape[::2], offset.size)
        parts: NDArray[np.float64] = self.centroids.astype(np.float64) @ maps
        return parts + offset / self.groups


def _roots(questions: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the root of the second moment of questions, (V, V), and its inverse."""
    moment = questions.T @ questions / len(questions)
    values, vectors = np.linalg.eigh(moment)
    root = np.sqrt(np.maximum(values, 0) + max(_RIDGE * values.mean(), _LEAST))
    return (vectors * root) @ vectors.T, (vectors / root) @ vectors.T


def _balanced_rotation(rows: NDArray[np.float64], groups: int, dimensions: int) -> NDArray[np.float64]:
    """Return the principal directions of rows, (V, groups * dimensions), in groups of like products of variances.

    Directions are dealt from the widest on, each to the group with the smallest product so far that has room.
    """
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows.T)))
    widest = np.argsort(-values, kind="stable")[: groups * dimensions]
    spread = np.log(np.maximum(values[widest], _LEAST))
    dealt: list[list[int]] = [[] for _ in range(groups)]
    products = np.zeros(groups)
    for place, direction in enumerate(widest.tolist()):
        room = [group for group in range(groups) if len(dealt[group]) < dimensions]
        chosen = min(room, key=lambda group: products[group])
        dealt[chosen].append(direction)
        products[chosen] += spread[place] - spread[-1]  # above the narrowest: a product must grow with its factors
    return vectors[:, [direction for group in dealt for direction in group]]


def _train(rows: NDArray[np.float32], groups: int, dimensions: int, seed: int) -> NDArray[np.float32]:
    faiss = FaissDevice.open("cpu", "Fitting the product quantiser of a compact index").faiss
    centroids = np.empty((groups, CENTROIDS, dimensions), np.float32)
    for group in range(groups):
        kmeans = faiss.Kmeans(
            dimensions,
            CENTROIDS,
            niter=_ITERATIONS,
            seed=seed + group,
            min_points_per_centroid=1,
            max_points_per_centroid=len(rows),
        )
        kmeans.train(np.ascontiguousarray(rows[:, group * dimensions : (group + 1) * dimensions]))
        centroids[group] = kmeans.centroids
    return centroids
