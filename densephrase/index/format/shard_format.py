"""The columns of a shard: their types and how long each must be."""

from __future__ import annotations

from typing import Literal

from densephrase.index.format.index_parts import Counts, Quantisation, TextCounts

STRINGS = ("document_id", "title", "text", "metadata")
Side = Literal["start", "end"]
SIDES: tuple[Literal["start"], Literal["end"]] = ("start", "end")

# Tokens, characters and word pieces are counted from the beginning of their paragraph, or are small themselves: a shard
# stores them in two bytes where all of a column fit.
PLACE = ("uint16", "int32")
LARGEST_NARROW = 2**16 - 1

# Column -> possible dtypes and shape; D documents, P paragraphs, T tokens, S starts, E ends, R codes in a row.
Columns = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]

# Documents and paragraphs, which every shard has; an index of passages has no others.
TEXT_COLUMNS: Columns = {
    **{f"{name}_blob": (("uint8",), ("any",)) for name in STRINGS},
    **{f"{name}_offsets": (("int64",), ("D+1",)) for name in STRINGS},
    "document_paragraph_ptr": (("int64",), ("D+1",)),
    "paragraph_document": (("int32",), ("P",)),
    "paragraph_start": (("int32",), ("P",)),
    "paragraph_end": (("int32",), ("P",)),
    "paragraph_byte": (("int64",), ("P",)),
    "paragraph_tokens": (("int32",), ("P",)),
}

_PLACE_COLUMNS: Columns = {
    "paragraph_start_ptr": (("int64",), ("P+1",)),
    "paragraph_end_ptr": (("int64",), ("P+1",)),
    "start_token": (PLACE, ("S",)),
    "start_char": (PLACE, ("S",)),
    "end_token": (PLACE, ("E",)),
    "end_char": (PLACE, ("E",)),
}

_ROW_COLUMNS: Columns = {
    "start_codes": (("int8",), ("S", "R")),
    "end_codes": (("int8",), ("E", "R")),
}

# What a compact index holds instead of texts and of numbers for each row: texts are written as word pieces, and a bit
# for each token says whether it has a row.
PLAIN_ONLY = (
    *("text_blob", "text_offsets", "paragraph_byte", "start_token", "start_char", "start_codes"),
    *("end_token", "end_char", "end_codes"),
)
COMPACT_COLUMNS: Columns = {
    "head_blob": (("uint8",), ("any",)),
    "head_offsets": (("int64",), ("D+1",)),
    "token_ids": (PLACE, ("T",)),
    "token_forms": (("uint8",), ("T/2",)),
    "odd_blob": (("uint8",), ("any",)),
    "paragraph_odd_ptr": (("int64",), ("P+1",)),
    "start_kept": (("uint8",), ("T/8",)),
    "end_kept": (("uint8",), ("T/8",)),
}

# What an index of contextualised sparse vectors holds besides; FS, FE and FT are the codes of their factors.
SPARSE_COLUMNS: Columns = {
    "token_ids": (PLACE, ("T",)),
    "token_keys": (("int8", "uint8"), ("T", "FT")),
    "start_sparse": (("int8", "uint8"), ("S", "FS")),
    "end_sparse": (("int8", "uint8"), ("E", "FE")),
}

SHARD_COLUMNS: Columns = {**TEXT_COLUMNS, **_PLACE_COLUMNS, **_ROW_COLUMNS, **SPARSE_COLUMNS, **COMPACT_COLUMNS}


def stored_columns(quantisation: Quantisation) -> Columns:
    """Return the columns of a shard; product-quantised rows stand in files of their segment."""
    stored = {**TEXT_COLUMNS, **_PLACE_COLUMNS, **_ROW_COLUMNS, **(SPARSE_COLUMNS if quantisation.sparse_rank else {})}
    if quantisation.is_product:
        stored = {name: column for name, column in stored.items() if name not in PLAIN_ONLY} | COMPACT_COLUMNS
    return {
        name: ((quantisation.code_type,) if "int8" in dtypes else dtypes, shape)
        for name, (dtypes, shape) in stored.items()
    }


def column_lengths(counts: TextCounts) -> dict[str, int | None]:
    """Return what the letters of the shapes of text columns stand for; None: any length."""
    return {
        "any": None,
        "D+1": counts.documents + 1,
        "P": counts.paragraphs,
        "P+1": counts.paragraphs + 1,
        "T": counts.tokens,
    }


def row_lengths(counts: Counts, quantisation: Quantisation) -> dict[str, int | None]:
    """Return what the other letters stand for."""
    return {
        "T/2": (counts.tokens + 1) // 2,
        "T/8": (counts.tokens + 7) // 8,
        "S": counts.starts,
        "E": counts.ends,
        "R": quantisation.columns,
        **dict(zip(("FS", "FE", "FT"), quantisation.factor_columns, strict=True)),
    }
