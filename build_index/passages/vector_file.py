"""The vectors of a segment in one file: the codes of all shards end to end, and the quantiser that decodes them."""

from __future__ import annotations

from pathlib import Path

from densephrase.build_index.lists.code_rows import SegmentRows
from densephrase.build_index.run.progress import Advance
from densephrase.index.format.index_parts import FileRecord
from densephrase.index.passages.passage_manifest import VectorsRecord
from densephrase.index.passages.passage_vectors import CODES, vector_quantiser_columns
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.column_writer import ColumnWriter


def write_vectors(
    path: Path, rows: SegmentRows, quantiser: VectorQuantiser, sample: int, advance: Advance
) -> VectorsRecord:
    """Write vectors.h5 to `path`; `sample` passages gave the quantiser, `advance` counts rows."""
    parts, size = vector_quantiser_columns(quantiser), len(quantiser.scale)
    layout = {name: (part.shape, "float32") for name, part in parts.items()} | {CODES: ((rows.count, size), "int8")}
    with ColumnWriter(path, layout, {"kind": "vectors"}) as writer:
        for name, part in parts.items():
            writer.write(name, 0, part)
        for first, codes in rows.chunks():
            writer.write(CODES, first, codes)
            advance(len(codes))
        checksums = writer.finish()
    return VectorsRecord(size, sample, FileRecord.of(path, checksums))
