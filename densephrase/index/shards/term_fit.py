"""Check that a term index is over the paragraphs of some shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.shards.text_shard import TextShard
from densephrase.terms.term_index import TermIndex


def check_terms(
    path: Path,
    terms: TermIndex,
    shards: Sequence[TextShard],
    document_bases: NDArray[np.int64],
    paragraph_bases: NDArray[np.int64],
) -> None:
    """Refuse a term index of other paragraphs than the shards': kernels look up in one what they read in the other.

    document_bases, paragraph_bases: first row of each shard, and the total as last entry, int64 [shards + 1].

    Raises:
        IndexFormatError: naming the file of the term index, `path`.
    """
    found = len(terms.paragraphs.length), len(terms.documents.length)
    expected = int(paragraph_bases[-1]), int(document_bases[-1])
    if found != expected:
        raise IndexFormatError(
            f"{path}: the term index has {found[0]} paragraphs of {found[1]} documents, the shards have {expected[0]} "
            f"of {expected[1]}; rebuild the index"
        )
    for number, shard in enumerate(shards):
        first, last = paragraph_bases[number : number + 2]
        if not np.array_equal(terms.paragraph_document[first:last], shard.paragraph_document + document_bases[number]):
            raise IndexFormatError(
                f"{path}: the term index gives the paragraphs of {shard.path.name} to other documents than the shard "
                "does; rebuild the index"
            )
