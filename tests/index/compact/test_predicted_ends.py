from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.compact.predicted_ends import PredictedEnds, prediction_columns
from densephrase.index.format.index_parts import FileRecord, Quantisation
from densephrase.quantise.end_prediction import EndPrediction
from densephrase.quantise.product import ProductQuantiser
from densephrase.storage.columns import write_columns

QUANTISATION = Quantisation("product", 4, 2, 0, 3, 2, (), FileRecord("codebooks.h5", 0, {}))
Columns = dict[str, NDArray[Any]]


def columns(size: int = 6) -> Columns:
    """Return the columns of ten ends of two bytes."""
    random = np.random.default_rng(0)
    quantiser = ProductQuantiser.fit(*random.normal(size=(2, 300, size)).astype(np.float32), 2, 3)
    prediction = EndPrediction(np.ones(size, np.float32), np.eye(size, dtype=np.float32))
    codes = random.integers(0, 256, (10, 2)).astype(np.uint8)
    return {"end_codes": codes, **prediction_columns(quantiser, prediction)}


def test_what_was_stored_is_read(tmp_path: Path) -> None:
    stored = columns()
    write_columns(tmp_path / "ends.h5", stored, {})
    ends = PredictedEnds.open(tmp_path / "ends.h5", 10, QUANTISATION)
    np.testing.assert_array_equal(ends.codes.view(np.uint8), stored["end_codes"])
    assert prediction_columns(ends.quantiser, ends.prediction).keys() == stored.keys() - {"end_codes"}
    for name, part in prediction_columns(ends.quantiser, ends.prediction).items():
        np.testing.assert_array_equal(part, stored[name])


DAMAGE: dict[str, tuple[Callable[[Columns], Columns], str]] = {
    "fewer ends": (lambda found: {**found, "end_codes": found["end_codes"][:-1]}, "'end_codes' is uint8"),
    "no prediction": (
        lambda found: {k: v for k, v in found.items() if "prediction" not in k},
        "no column 'prediction_centre'",
    ),
    "no quantiser": (lambda found: {k: v for k, v in found.items() if "rows" not in k}, "end_rows"),
    "no number": (
        lambda found: {**found, "prediction_centre": np.full(6, np.nan, np.float32)},
        "'prediction_centre' holds values outside",
    ),
    "another size": (
        lambda found: {**found, **{k: v for k, v in columns(7).items() if "prediction" in k}},
        r"'prediction_centre' is float32 \(7,\), expected float32 \(6\)",
    ),
}


@pytest.mark.parametrize(("damage", "problem"), DAMAGE.values(), ids=list(DAMAGE))
def test_damage_is_named(damage: Callable[[Columns], Columns], problem: str, tmp_path: Path) -> None:
    write_columns(tmp_path / "ends.h5", damage(columns()), {})
    with pytest.raises(IndexFormatError, match=problem):
        PredictedEnds.open(tmp_path / "ends.h5", 10, QUANTISATION)
