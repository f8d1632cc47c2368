"""Summary of an index of passages: counts, settings and where its bytes go."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import numpy as np

from densephrase.index.passages.passage_reader import PassageReader
from densephrase.index.shards.text_shard import TextShard
from densephrase.storage.regular_file import file_problem


def describe_passages(reader: PassageReader) -> dict[str, Any]:
    """Return counts (documents, passages, tokens) and sizes in bytes.

    `bytes` is the sum of `bytes_by_component`: vectors, texts (ids, titles and metadata too), paragraphs, inverted
    lists, terms, the encoder, and what the container format adds to texts. `bytes_per_passage` leaves the encoder out,
    whose size does not depend on the corpus; it is null for an index without passages. `encoder` and `vector_size` are
    null for one of terms only.
    """
    manifest, counts = reader.manifest, reader.manifest.counts
    components = _bytes_by_component(reader)
    corpus_bytes = sum(components.values()) - components["encoder"]
    vectors = [segment.vectors for segment in manifest.segments]
    return {
        "path": str(reader.path),
        "documents": counts.documents,
        "passages": counts.paragraphs,
        "tokens": counts.tokens,
        "shards": len(reader.shards),
        "bytes": sum(components.values()),
        "bytes_by_component": components,
        "bytes_per_passage": corpus_bytes / counts.paragraphs if counts.paragraphs else None,
        "encoder": None if manifest.encoder is None else manifest.encoder.fingerprint,
        "vector_size": next((record.size for record in vectors if record is not None), None),
        "analyser": reader.terms.analyser.name,
        "ann": [segment.ann.kind for segment in manifest.segments],
        "lists": [segment.ann.lists for segment in manifest.segments],
        "cutting": asdict(manifest.cutting),
        "options": dict(manifest.options),
        "versions": dict(manifest.versions),
    }


def _bytes_by_component(reader: PassageReader) -> dict[str, int]:
    segments, encoder = reader.manifest.segments, reader.manifest.encoder
    components = {"vectors": sum(item.vectors.file.bytes for item in segments if item.vectors is not None)}
    components |= dict.fromkeys(("texts", "paragraphs"), 0)
    for shard in reader.shards:
        for field in fields(TextShard):
            column = getattr(shard, field.name)
            if isinstance(column, np.ndarray):
                is_text = field.name.endswith(("_blob", "_offsets"))
                components["texts" if is_text else "paragraphs"] += column.nbytes
    files = sum(shard.file.bytes for segment in segments for shard in segment.shards)
    copies = [] if encoder is None else [reader.path / encoder.path / name for name in encoder.files]
    return {
        **components,
        "container": files - components["texts"] - components["paragraphs"],
        "lists": sum(item.ann.file.bytes for item in segments if item.ann.file is not None),
        "terms": sum(item.terms.file.bytes for item in segments),
        "encoder": sum(path.stat().st_size for path in copies if file_problem(path) is None),
    }
