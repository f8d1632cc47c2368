"""Summary of an index: counts, settings and where its bytes go."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from densephrase.index.format.index_parts import FileRecord
from densephrase.index.format.shard_format import SPARSE_COLUMNS
from densephrase.index.index_reader import IndexReader
from densephrase.index.shards.shard import Shard
from densephrase.storage.regular_file import file_problem


def describe_index(reader: IndexReader) -> dict[str, Any]:
    """Return counts (documents, paragraphs, tokens, starts, ends) and sizes in bytes.

    `bytes` is the sum of `bytes_by_component`: start and end rows, their sparse vectors (with the word pieces of all
    tokens), texts (ids, titles and metadata too), paragraphs, inverted lists, terms, codebooks, the encoder, and what
    the container format adds. `bytes_per_token` leaves the encoder out, whose size does not depend on the corpus; it is
    null for an index without tokens.
    """
    manifest = reader.manifest
    components = {**_shard_bytes(reader), **_other_bytes(reader)}
    components["ends"] += sum(segment.ends.bytes for segment in manifest.segments if segment.ends is not None)
    corpus_bytes = sum(components.values()) - components["encoder"]
    return {
        "path": str(reader.path),
        **asdict(manifest.counts),
        "shards": len(reader.shards),
        "bytes": sum(components.values()),
        "bytes_by_component": components,
        "bytes_per_token": corpus_bytes / manifest.counts.tokens if manifest.counts.tokens else None,
        "encoder": manifest.encoder.fingerprint,
        "quantisation": manifest.quantisation.type,
        "row_sizes": list(manifest.quantisation.row_sizes),
        "vector_size": manifest.quantisation.vector_size,
        "coherency_rank": manifest.quantisation.coherency_rank,
        "sparse_rank": manifest.quantisation.sparse_rank,
        "analyser": reader.terms.analyser.name,
        "ann": [segment.ann.kind for segment in manifest.segments],
        "list_dimensions": [segment.ann.dimensions for segment in manifest.segments],
        "options": dict(manifest.options),
        "versions": dict(manifest.versions),
    }


def _shard_bytes(reader: IndexReader) -> dict[str, int]:
    """Return the bytes of the shards' columns by what they describe, and of the rest of the files."""
    components = dict.fromkeys(("starts", "ends", "sparse", "texts", "paragraphs"), 0)
    for shard in reader.shards:
        for field in fields(Shard):
            column = getattr(shard, field.name)
            if isinstance(column, np.ndarray):
                components[_component(field.name)] += column.nbytes
    files = sum(shard.file.bytes for segment in reader.manifest.segments for shard in segment.shards)
    return {**components, "container": files - sum(components.values())}


def _component(column: str) -> str:
    if column in SPARSE_COLUMNS:
        return "sparse"
    if column in ("token_forms", "odd_blob", "paragraph_odd_ptr"):
        return "texts"
    if column.startswith("start_"):
        return "starts"
    if column.startswith("end_"):
        return "ends"
    return "texts" if column.endswith(("_blob", "_offsets")) else "paragraphs"


def _other_bytes(reader: IndexReader) -> dict[str, int]:
    lists = [segment.ann.file for segment in reader.manifest.segments]
    encoder = [reader.encoder_path / name for name in reader.manifest.encoder.files]
    return {
        "lists": sum(file.bytes for file in lists if isinstance(file, FileRecord)),
        "terms": sum(segment.terms.file.bytes for segment in reader.manifest.segments),
        "codebooks": sum(file.bytes for file in reader.manifest.files),
        "encoder": sum(path.stat().st_size for path in encoder if file_problem(path) is None),
    }
