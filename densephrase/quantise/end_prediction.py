"""Linear prediction of an end's row from the start before it.

A phrase's last words are encoded in the company of its first ones: a linear map of the last start at or before an end
says most of it, and bytes for what is left say more than as many for the row. The start must be the one
that search decodes, not the one that was encoded: the map would pass the start's error on to the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError
from densephrase.quantise.fitted_arrays import FittedArrays
from densephrase.quantise.product import ProductQuantiser

_RIDGE = 10.0  # is added to the squares of each start column, summed over the rows


@dataclass(frozen=True, slots=True, eq=False)
class EndPrediction(FittedArrays):
    """Predicts of an end `(start - centre) @ weights`, and 0 where there is no start before it.

    centre float32 [V], weights float32 [V, V].
    """

    WHAT = "An end prediction"

    centre: NDArray[np.float32]
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.weights.shape != (self.centre.size, self.centre.size) or self.centre.ndim != 1:
            raise EncoderError(
                f"The arrays of an end prediction do not fit each other: centre {self.centre.shape} and weights "
                f"{self.weights.shape}; expected (V,) and (V, V). Fit it again."
            )
        self.check_finite()

    @classmethod
    def fit(cls, starts: NDArray[np.float32], ends: NDArray[np.float32]) -> EndPrediction:
        """Fit by least squares to ends [n, V], each with the start [n, V] before it as search decodes it."""
        size = ends.shape[1]
        if not len(ends):
            return cls(np.zeros(size, np.float32), np.zeros((size, size), np.float32))
        centre = starts.mean(0, dtype=np.float64)
        centred = starts - centre
        squares = centred.T @ centred + _RIDGE * np.eye(size)
        weights = np.linalg.solve(squares, centred.T @ (ends - ends.mean(0, dtype=np.float64)))
        return cls(centre.astype(np.float32), weights.astype(np.float32))

    def predict(self, starts: NDArray[np.float32], has_start: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return what starts [n, V] say of the ends behind them, float32 [n, V]."""
        ends: NDArray[np.float32] = np.zeros((len(starts), self.centre.size), np.float32)
        ends[has_start] = (starts[has_start] - self.centre) @ self.weights
        return ends

    def mapped(self, starts: ProductQuantiser) -> ProductQuantiser:
        """Return what decodes the codes of starts to what they say of ends."""
        offset = np.asarray((starts.offset - self.centre) @ self.weights, np.float32)
        return replace(starts, offset=offset, synthesis=starts.synthesis @ self.weights)

    def vector_product(self, questions: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what starts less `centre` are multiplied with to multiply what they say of ends, float32 [Q, V].

        `questions` are [Q, V'] for the first V' columns of ends. Each is multiplied alone: its last bits must not
        depend on those that it is asked with.
        """
        mapped: NDArray[np.float32] = np.matmul(questions[:, None], self.weights[:, : questions.shape[1]].T)[:, 0]
        return mapped


@dataclass(frozen=True, eq=False)
class ProductRows:
    """What decodes product-quantised rows.

    `starts` decodes what the centroids of their lists leave of starts, `ends` what `prediction` leaves of ends.
    """

    starts: ProductQuantiser
    ends: ProductQuantiser
    prediction: EndPrediction

    @cached_property
    def predicted(self) -> ProductQuantiser:
        """What decodes the codes of starts to what they, but not the centroids of their lists, say of ends."""
        return self.prediction.mapped(self.starts)


def starts_before(
    starts: NDArray[np.int64], ends: NDArray[np.int64], first_tokens: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return for each end the last start at or before it, int64 [E], and whether its paragraph has one, bool [E].

    `starts` [S] and `ends` [E] are ascending tokens, counted over all paragraphs, `first_tokens` [E] those that the
    ends' paragraphs begin with. Where there is no such start, it is given as 0.
    """
    before = np.searchsorted(starts, ends, side="right") - 1
    has_start = np.append(starts, -1)[before] >= first_tokens  # -1 is also where a row of -1 leads
    return np.where(has_start, before, 0), has_start
