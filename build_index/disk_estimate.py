"""Estimate the size of an index from a sample of its documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from densephrase.build_index.shards.shard_builder import build_shard
from densephrase.data import Document
from densephrase.index.format.index_parts import Quantisation
from densephrase.index.lists.inverted_lists import id_type
from densephrase.storage.atomic_file import temporary_path
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import write_term_index

if TYPE_CHECKING:
    from densephrase.build_index.compact.compact_encoder import CompactEncoder
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

MEASURED_PARAGRAPHS = 200
_SAMPLE_SHARE = 0.02  # of the corpus's characters, so that a small corpus is not encoded twice
_LEAST_SAMPLE = 4_000  # characters


@dataclass(frozen=True, slots=True)
class SizeRates:
    """What a sample says about the index: bytes, start and end vectors for each character of text."""

    shard_bytes: float
    term_bytes: float
    starts: float
    ends: float

    def bytes_left(self, left: int, characters: int, flat_limit: int, list_dimensions: int, end_bytes: int = 0) -> int:
        """Return what is still to be written for a corpus of `characters`, `left` of which are in no shard yet.

        Terms are counted whole, and so are the lists of a large corpus: a number and the first codes of each start.
        Ends take `end_bytes` each beside the shards.
        """
        starts = self.starts * characters
        lists = starts * (list_dimensions + np.dtype(id_type(int(starts))).itemsize) if starts > flat_limit else 0.0
        ends = self.ends * characters * end_bytes
        return int(left * self.shard_bytes + characters * self.term_bytes + lists + ends)


def measure_rates(
    documents: Iterable[Document],
    characters: int,
    encoder: PhraseEncoder | CompactEncoder,
    language: str,
    folder: Path,
    quantisation: Quantisation | None = None,
) -> SizeRates:
    """Encode the first documents of a corpus of `characters` and measure them; `folder` is for a passing file."""
    sample = _sample(documents, encoder, max(_LEAST_SAMPLE, int(characters * _SAMPLE_SHARE)))
    sampled = max(1, sum(len(document.text) for document in sample))
    content = build_shard(sample, encoder, quantisation=quantisation)
    term_bytes = _term_bytes(sample, encoder, language, folder / "sample.h5")
    counts = content.counts
    return SizeRates(content.bytes / sampled, term_bytes / sampled, counts.starts / sampled, counts.ends / sampled)


def _sample(documents: Iterable[Document], encoder: PhraseEncoder | CompactEncoder, characters: int) -> list[Document]:
    """Return the first documents, the last one cut, up to about `characters` or MEASURED_PARAGRAPHS paragraphs."""
    sample: list[Document] = []
    paragraphs_left, characters_left = MEASURED_PARAGRAPHS, characters
    most = 2 * characters  # of a text, beyond which there is nothing to sample
    for document in documents:
        paragraphs = encoder.split_paragraphs([document.text[:most]])[0][:paragraphs_left]
        end = paragraphs[-1].end if paragraphs else len(document.text)
        end = next((paragraph.end for paragraph in paragraphs if paragraph.end >= characters_left), end)
        sample.append(replace(document, text=document.text[:end]))
        paragraphs_left -= len(paragraphs)
        characters_left -= end
        if paragraphs_left <= 0 or characters_left <= 0:
            break
    return sample


def _term_bytes(sample: Sequence[Document], encoder: PhraseEncoder | CompactEncoder, language: str, path: Path) -> int:
    members = encoder.split_paragraphs([document.text for document in sample])
    temporary = temporary_path(path)  # so that a killed build's copy counts as a leftover
    paragraphs = (
        (row, document.title, paragraph.text)
        for row, (document, found) in enumerate(zip(sample, members, strict=True))
        for paragraph in found
    )
    try:
        write_term_index(temporary, paragraphs, Analyser(language))
        return temporary.stat().st_size
    finally:
        temporary.unlink(missing_ok=True)
