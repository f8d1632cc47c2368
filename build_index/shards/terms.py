"""Make the term index of a segment from the texts that its shards store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from densephrase.build_index.run.progress import Advance
from densephrase.index.format.index_parts import FileRecord, TermsRecord
from densephrase.index.shards.text_shard import TextShard
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_writer import TermForm, write_term_index

TERMS_FILE = "terms.h5"


def write_terms(
    segment: Path, shards: Iterable[TextShard], language: str, advance: Advance, form: TermForm | None = None
) -> TermsRecord:
    """Write terms.h5 into the folder `segment`; `advance` counts paragraphs."""
    analyser, path = Analyser(language), segment / TERMS_FILE
    checksums = write_term_index(path, _paragraphs(shards, advance), analyser, form)
    return TermsRecord(analyser.name, FileRecord.of(path, checksums))


def _paragraphs(shards: Iterable[TextShard], advance: Advance) -> Iterator[tuple[int, str, str]]:
    """Yield (document row of the segment, title, text) of every paragraph, in order."""
    base = 0
    for shard in shards:
        for row in range(shard.counts.documents):
            text = shard.text(row)
            first, last = shard.document_paragraph_ptr[row : row + 2]
            title = shard.titles[row]
            for start, end in zip(shard.paragraph_start[first:last], shard.paragraph_end[first:last], strict=True):
                yield base + row, title, text[start:end]
            advance(int(last - first))
        base += shard.counts.documents
