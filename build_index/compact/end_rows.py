"""Predictive coding of end rows: each less its prediction from the start before it, product-quantised.

They wait for the inverted lists, because search knows starts only as those decode them: fitted to starts as they were
encoded, the prediction would pass their error on to the ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.compact.preceding_starts import PrecedingStarts
from densephrase.build_index.lists.code_rows import CodeRows, choose_places, sample_rows
from densephrase.build_index.lists.residuals import MOST_ROWS, fit_rows
from densephrase.build_index.run.progress import Advance
from densephrase.index.compact.predicted_ends import prediction_columns
from densephrase.index.format.index_parts import FileRecord
from densephrase.quantise.end_prediction import EndPrediction
from densephrase.quantise.product import ProductQuantiser
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.column_writer import ColumnWriter

ENDS_FILE = "ends.h5"


@dataclass(frozen=True, slots=True, eq=False)
class EndSettings:
    """Ends have `groups` bytes, fitted to products of a sample with `asked` float32 [n, row_size]."""

    groups: int
    asked: NDArray[np.float32]
    seed: int


def write_end_rows(
    rows: CodeRows,
    path: Path,
    starts: PrecedingStarts,
    quantiser: VectorQuantiser,
    settings: EndSettings,
    advance: Advance,
) -> FileRecord:
    """Write the end rows of a segment to `path`; `rows` are theirs in 8 bits, `advance` counts them.

    Raises:
        MissingExtraError: if FAISS is not installed.
    """
    product, prediction = _fit(rows, starts, quantiser, settings)
    parts = prediction_columns(product, prediction)
    layout = {
        "end_codes": ((rows.count, settings.groups), "uint8"),
        **{name: (part.shape, "float32") for name, part in parts.items()},
    }
    with ColumnWriter(path, layout, {"kind": "ends"}) as writer:
        for name, part in parts.items():
            writer.write(name, 0, part)
        for first, codes in rows.chunks():
            predicted = prediction.predict(*starts.decode(slice(first, first + len(codes))))
            writer.write("end_codes", first, product.encode(quantiser.decode(codes) - predicted))
            advance(len(codes))
        checksums = writer.finish()
    return FileRecord(path.name, path.stat().st_size, checksums)


def _fit(
    rows: CodeRows, starts: PrecedingStarts, quantiser: VectorQuantiser, settings: EndSettings
) -> tuple[ProductQuantiser, EndPrediction]:
    size, columns = min(rows.count, MOST_ROWS), settings.asked.shape[1]
    ends = quantiser.decode(sample_rows(rows, size, columns, settings.seed))
    before, has_start = starts.decode(choose_places(rows.count, size, settings.seed))
    prediction = EndPrediction.fit(before[has_start], ends[has_start])
    left = ends - prediction.predict(before, has_start)
    return fit_rows(left, settings.asked, settings.groups, settings.seed), prediction
