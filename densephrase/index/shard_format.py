"""The columns of a shard: their types and how long each must be."""

from __future__ import annotations

from typing import Literal

from densephrase.index.manifest import Counts, Quantisation

STRINGS = ("document_id", "title", "text", "metadata")
Side = Literal["start", "end"]
SIDES: tuple[Literal["start"], Literal["end"]] = ("start", "end")

# Tokens, characters and word pieces are counted from the beginning of their paragraph, or are small themselves: a shard
# stores them in two bytes where all of a column fit.
PLACE = ("uint16", "int32")
LARGEST_NARROW = 2**16 - 1

# Column -> possible dtypes and shape; D documents, P paragraphs, T tokens, S starts, E ends, R codes in a row.
Columns = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]

COLUMNS: Columns = {
    **{f"{name}_blob": (("uint8",), ("any",)) for name in STRINGS},
    **{f"{name}_offsets": (("int64",), ("D+1",)) for name in STRINGS},
    "document_paragraph_ptr": (("int64",), ("D+1",)),
    "paragraph_document": (("int32",), ("P",)),
    "paragraph_start": (("int32",), ("P",)),
    "paragraph_end": (("int32",), ("P",)),
    "paragraph_byte": (("int64",), ("P",)),
    "paragraph_tokens": (("int32",), ("P",)),
    "paragraph_start_ptr": (("int64",), ("P+1",)),
    "paragraph_end_ptr": (("int64",), ("P+1",)),
    "start_token": (PLACE, ("S",)),
    "start_char": (PLACE, ("S",)),
    "start_codes": (("int8",), ("S", "R")),
    "end_token": (PLACE, ("E",)),
    "end_char": (PLACE, ("E",)),
    "end_codes": (("int8",), ("E", "R")),
}

# What an index of contextualised sparse vectors holds besides; F is the rank of their factors.
SPARSE_COLUMNS: Columns = {
    "token_ids": (PLACE, ("T",)),
    "token_keys": (("int8",), ("T", "4F")),
    "start_sparse": (("int8",), ("S", "2F")),
    "end_sparse": (("int8",), ("E", "2F")),
}


def column_lengths(counts: Counts, quantisation: Quantisation) -> dict[str, int | None]:
    """Return what the letters of the shapes stand for; None: any length."""
    return {
        "any": None,
        "D+1": counts.documents + 1,
        "P": counts.paragraphs,
        "P+1": counts.paragraphs + 1,
        "T": counts.tokens,
        "S": counts.starts,
        "E": counts.ends,
        "R": quantisation.row_size,
        "2F": 2 * quantisation.sparse_rank,
        "4F": 4 * quantisation.sparse_rank,
    }
