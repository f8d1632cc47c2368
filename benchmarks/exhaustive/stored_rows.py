"""Plain decoding of the rows of an index, all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from densephrase.index.compact.codebooks import plain_factors
from densephrase.index.format.shard_format import Side
from densephrase.index.index_reader import IndexReader
from densephrase.index.shards.shard import Shard
from densephrase.quantise.end_prediction import ProductRows, starts_before
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.sparse_vectors import END, START, sparse_weights

Rows = NDArray[np.float32]
_ROWS_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """The rows of one side of a shard: those of paragraph p are `ptr[p]:ptr[p + 1]`, at `token` of the paragraph.

    `codes` int8 [n, V + r], or what product-quantised rows decode to, float32; `scale` and `offset` are those of codes.
    """

    ptr: NDArray[np.int64]  # [P + 1]
    token: NDArray[np.int64]  # [n]
    codes: NDArray[np.int8] | Rows
    scale: Rows
    offset: Rows

    def values(self, first: int, last: int, columns: slice) -> Rows:
        """Return some columns of the rows `[first, last)`, float32."""
        codes = self.codes[first:last, columns].astype(np.float32)
        return codes * self.scale[columns] + self.offset[columns]

    def best_products(self, vectors: Rows, added: Rows) -> Rows:
        """Return the largest `row . vector + added[row]` of each paragraph, float32 [P, Q]; -inf without rows.

        vectors float32 [Q, V], added float32 [n].
        """
        size = vectors.shape[1]
        best = np.full((len(self.ptr) - 1, len(vectors)), -np.inf, np.float32)
        folded = (vectors * self.scale[:size]).T
        bias = vectors @ self.offset[:size]
        for first, last in paragraph_blocks(self.ptr, _ROWS_AT_ONCE):
            begin, stop = self.ptr[first], self.ptr[last]
            products = self.codes[begin:stop, :size].astype(np.float32) @ folded
            products += added[begin:stop, None]
            filled = np.flatnonzero(self.ptr[first:last] < self.ptr[first + 1 : last + 1]) + first
            if filled.size:
                best[filled] = np.maximum.reduceat(products, self.ptr[filled] - begin, axis=0)
        return best + bias


def paragraph_blocks(ptr: NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of paragraphs that have about so many rows together, at least one paragraph each."""
    first, paragraphs = 0, len(ptr) - 1
    while first < paragraphs:
        last = max(first + 1, int(np.searchsorted(ptr, ptr[first] + rows, side="right")) - 1)
        yield first, last
        first = last


def stored_rows(
    reader: IndexReader, number: int, quantisers: tuple[VectorQuantiser, VectorQuantiser]
) -> tuple[StoredRows, StoredRows]:
    """Return the start and the end rows of a shard; `quantisers` are the encoder's of both."""
    shard = reader.shards[number]
    pointers = shard.paragraph_start_ptr.astype(np.int64), shard.paragraph_end_ptr.astype(np.int64)
    tokens = _tokens(shard, "start"), _tokens(shard, "end")
    if reader.products is None:
        codes = shard.start_codes, shard.end_codes
        sides = [
            StoredRows(ptr, token, rows, quantiser.scale, quantiser.offset)
            for ptr, token, rows, quantiser in zip(pointers, tokens, codes, quantisers, strict=True)
        ]
        return sides[0], sides[1]
    starts = _product_starts(reader, reader.products, number, quantisers[0])
    first_tokens, owners = shard.paragraph_token_ptr, [np.repeat(np.arange(len(p) - 1), np.diff(p)) for p in pointers]
    places = [first_tokens[owner] + token for owner, token in zip(owners, tokens, strict=True)]
    before, has_start = starts_before(places[0], places[1], first_tokens[owners[1]])
    ends = _product_ends(reader, reader.products, number)
    for first in range(0, len(ends), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        ends[part] += reader.products.prediction.predict(starts[before[part]], has_start[part])
    plain = np.ones(starts.shape[1], np.float32), np.zeros(starts.shape[1], np.float32)
    return StoredRows(pointers[0], tokens[0], starts, *plain), StoredRows(pointers[1], tokens[1], ends, *plain)


def _tokens(shard: Shard, side: Side) -> NDArray[np.int64]:
    rows = [shard.row_tokens(side, paragraph) for paragraph in range(shard.counts.paragraphs)]
    return np.concatenate([np.empty(0, np.int64), *rows])


def _product_starts(reader: IndexReader, products: ProductRows, number: int, quantiser: VectorQuantiser) -> Rows:
    """Return what the starts of a shard of a compact index decode to, with the centroids of their lists."""
    lists = reader.lists
    if lists is None:
        raise ValueError("An index of product-quantised rows has lists.")
    places = np.asarray(lists.places[slice(*reader.bases.starts[number : number + 2])], np.int64)
    owners = np.searchsorted(lists.list_ptr, places, side="right") - 1
    size = lists.tree.list_codes.shape[1]
    decoded = np.empty((len(places), products.starts.offset.size), np.float32)
    for first in range(0, len(places), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        decoded[part] = products.starts.decode(lists.codes[places[part]].view(np.uint8))
        decoded[part, :size] += lists.tree.list_codes[owners[part]] * quantiser.scale[:size]
    return decoded


def _product_ends(reader: IndexReader, products: ProductRows, number: int) -> Rows:
    """Return what the bytes of the ends of a shard decode to."""
    if reader.ends is None:
        raise ValueError("An index of product-quantised rows has predicted ends.")
    codes = reader.ends.codes[slice(*reader.bases.ends[number : number + 2])]
    decoded = np.empty((len(codes), products.ends.offset.size), np.float32)
    for first in range(0, len(codes), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        decoded[part] = products.ends.decode(codes[part].view(np.uint8))
    return decoded


def best_coherency(starts: StoredRows, ends: StoredRows, size: int, max_answer_tokens: int) -> Rows:
    """Return the largest coherency of each start with an end that it reaches, float32 [S]; -inf where there is none.

    It is that of the columns from `size` on.
    """
    best = np.full(len(starts.token), -np.inf, np.float32)
    for mine, own in zip(pairwise(starts.ptr.tolist()), pairwise(ends.ptr.tolist()), strict=True):
        if mine[0] == mine[1] or own[0] == own[1]:
            continue
        pairs = starts.values(*mine, slice(size, None)) @ ends.values(*own, slice(size, None)).T
        distance = ends.token[slice(*own)] - starts.token[slice(*mine)][:, None]
        best[slice(*mine)] = np.where((distance >= 0) & (distance < max_answer_tokens), pairs, -np.inf).max(axis=1)
    return best


def largest_weights(shard: Shard, rows: tuple[StoredRows, StoredRows], scale: Rows) -> Rows:
    """Return the largest weight of the n-gram that begins at each token in a row of its paragraph, float32 [4, T].

    In the order of heads: unigrams and bigrams of starts, then those of ends; `scale` float32 [4] is theirs.
    """
    largest = np.zeros((4, shard.counts.tokens), np.float32)
    tokens = shard.paragraph_token_ptr.tolist()
    for side, name, own in ((START, "start", rows[0]), (END, "end", rows[1])):
        queries, keys = _factors(shard, side, getattr(shard, f"{name}_sparse"))
        for mine, (first, last) in zip(pairwise(own.ptr.tolist()), pairwise(tokens), strict=True):
            if mine[0] == mine[1] or first == last:
                continue
            weights = sparse_weights(queries[slice(*mine)], own.token[slice(*mine)], keys[first:last], scale, side)
            largest[2 * side : 2 * side + 2, first:last] = weights.max(axis=1)
    return largest


def _factors(shard: Shard, side: int, queries: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the factors of a side's rows, int8 [n, 2 * r], and of all tokens, int8 [T, 4 * r]."""
    if shard.codebooks is None:
        return queries, shard.token_keys
    books, own = shard.codebooks.factor_books, slice(2 * side, 2 * side + 2)
    return (
        plain_factors(queries, books.queries[own], books.query_column[own]),
        plain_factors(shard.token_keys, books.keys, books.key_column),
    )
