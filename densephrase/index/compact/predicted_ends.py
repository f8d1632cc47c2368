"""Predictive coding of end rows, read side: product codes of what the starts before them leave of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.compact.codebooks import quantiser_columns, read_fitted, read_quantiser
from densephrase.index.format.index_parts import Quantisation
from densephrase.quantise.end_prediction import EndPrediction
from densephrase.quantise.product import ProductQuantiser
from densephrase.storage.columns import MappedColumns, map_columns

_QUANTISER, _PREDICTION = "end_rows", "prediction_"


@dataclass(frozen=True, slots=True, eq=False)
class PredictedEnds:
    """The ends of all shards in order: `quantiser` decodes what `prediction` leaves of them; codes int8 [E, G].

    A prediction is made from the last start at or before the end in its paragraph, as its list and its bytes say it.
    """

    codes: NDArray[np.int8]
    quantiser: ProductQuantiser
    prediction: EndPrediction

    @classmethod
    def open(cls, path: Path, ends: int, quantisation: Quantisation, is_random: bool = False) -> PredictedEnds:
        """Map the file at `path`, which must hold so many `ends`.

        is_random: as in `densephrase.index.shards.shard.Shard.open`.

        Raises:
            IndexFormatError: if it is missing, damaged, or not of the sizes that the manifest gives.
        """
        columns = map_columns(path)
        if is_random:
            columns.expect_random()
        return cls(
            columns.require("end_codes", quantisation.code_type, (ends, quantisation.end_groups)).view(np.int8),
            read_quantiser(columns, _QUANTISER, quantisation.end_groups, quantisation.columns),
            _read_prediction(columns, quantisation.columns),
        )


def prediction_columns(quantiser: ProductQuantiser, prediction: EndPrediction) -> dict[str, NDArray[np.float32]]:
    """Return the columns that stand beside the codes in a file that `PredictedEnds.open` reads."""
    parts = {f"{_PREDICTION}{name}": array for name, array in prediction.arrays().items()}
    return quantiser_columns(quantiser, _QUANTISER) | parts


def _read_prediction(columns: MappedColumns, size: int) -> EndPrediction:
    try:
        return EndPrediction.from_arrays(
            read_fitted(columns, _PREDICTION, {"centre": (size,), "weights": (size, size)})
        )
    except EncoderError as error:
        raise IndexFormatError(f"{columns.path}: {error}") from error
