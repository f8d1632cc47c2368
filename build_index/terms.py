"""Make the term index of a segment from the texts that its shards store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from densephrase.build_index.run.progress import Advance
from densephrase.build_index.stored_form import StoredForm
from densephrase.index.format.index_parts import FileRecord, ShardRecord, TermsRecord
from densephrase.index.shards.shard import Shard
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_writer import TermForm, write_term_index

TERMS_FILE = "terms.h5"


def write_terms(
    segment: Path,
    shards: Sequence[ShardRecord],
    stored: StoredForm,
    language: str,
    advance: Advance,
) -> TermsRecord:
    """Write terms.h5 into the folder `segment`; `advance` counts paragraphs."""
    analyser = Analyser(language)
    path = segment / TERMS_FILE
    form = None if stored.codebooks is None else TermForm(stored.encoder.config.document_weight != 0)
    checksums = write_term_index(path, _paragraphs(segment, shards, stored, advance), analyser, form)
    return TermsRecord(analyser.name, FileRecord(path.name, path.stat().st_size, checksums))


def _paragraphs(
    segment: Path, shards: Sequence[ShardRecord], stored: StoredForm, advance: Advance
) -> Iterator[tuple[int, str, str]]:
    """Yield (document row of the segment, title, text) of every paragraph, in order."""
    base = 0
    for record in shards:
        shard = Shard.open(segment / record.file.file, record.counts, stored.quantisation, stored.codebooks)
        for row in range(record.counts.documents):
            text = shard.text(row)
            first, last = shard.document_paragraph_ptr[row : row + 2]
            title = shard.titles[row]
            for start, end in zip(shard.paragraph_start[first:last], shard.paragraph_end[first:last], strict=True):
                yield base + row, title, text[start:end]
            advance(int(last - first))
        base += record.counts.documents
