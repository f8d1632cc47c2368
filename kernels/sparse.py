"""Products of contextualised sparse vectors, stored as low-rank factors, with a question's n-grams.

Source: Sparc, section 3.2: a start's (or an end's) vector weighs the uni- and bigrams around it by ReLU(q . k); equal
ones add up. q and k are integer codes and the question's weights integers of 27 bits, so float64 adds them up exactly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel, small_kernel
from densephrase.kernels.mapped import Places, place
from densephrase.kernels.types import Codes, Rows, Table


class FactorBooks(NamedTuple):
    """What factors of one byte stand for, by head: 0 and 1 are unigrams and bigrams of starts, 2 and 3 of ends.

    Byte b of head h is the vector `books[h, b]`; its column is -1 where an index leaves a head out. Books have no bytes
    where the codes are the factors themselves.
    """

    queries: Codes  # [4, 256, r] or [4, 0, 0]
    keys: Codes  # [4, 256, r] or [4, 0, 0]
    query_column: Rows  # [4] in the queries of its side
    key_column: Rows  # [4]


def no_factor_books() -> FactorBooks:
    """Return the books of codes that are factors themselves."""
    books, columns = np.empty((4, 0, 0), np.int8), np.full(4, -1, np.int64)
    return FactorBooks(books, books, columns, columns)


class SparseRows(NamedTuple):
    """The factors of the sparse vectors of one side of a shard, and the word pieces that they speak of.

    In codes of r dimensions, unigrams come before bigrams. The n-gram that begins at a token weighs `max(0, q . k)` in
    the vector of a row, and nothing where it holds the row's own token. With `books`, a code names a whole factor.
    """

    queries: Codes  # [R, 2 * r] q of each row, or [R, heads]
    keys: Codes  # [T, 4 * r] k of each token: for starts, then for ends; or [T, heads]
    side: int  # 0: the rows are starts, 1: ends
    pieces: Places  # [T] word pieces of all paragraphs
    piece_ptr: Rows  # [P + 1], ascending from 0 to T
    books: FactorBooks


class SparseQuestion(NamedTuple):
    """A question's n-grams and what each adds to a score for each unit of a product of codes, in units of `step`.

    `slot` [V] names the n-grams that begin with a word piece, -1 for none; pieces from V on have none. Slot s holds a
    unigram of weight `unigram[s]` (0 for none) and the bigrams `pair_ptr[s]:pair_ptr[s + 1]`. Weights lie between
    -`LARGEST_WEIGHT` and `LARGEST_WEIGHT`.
    """

    slot: NDArray[np.int16]  # [V]; empty for a question without n-grams
    unigram: Rows  # [slots]
    pair_ptr: Rows  # [slots + 1]
    pair_second: Rows  # [pairs] second word piece
    pair: Rows  # [pairs]
    step: float


class Matches(NamedTuple):
    """Room for the n-grams of a paragraph that a question holds too."""

    known: Rows  # [M] tokens whose word piece begins an n-gram of the question
    token: Rows  # [2 * M] where a match begins; tokens are those of the shard
    order: Rows  # [2 * M] 0: a unigram, 1: a bigram
    weight: Rows  # [2 * M]


LARGEST_WEIGHT = 2**26 - 1
_AT_ONCE = 4  # dimensions that are multiplied in one loop
ROOM = 256  # tokens of a paragraph for which there is room at first


@kernel
def room_for_matches(tokens: int) -> Matches:
    """Return room for the matches of a paragraph of so many tokens."""
    token, order, weight = np.empty((3, 2 * tokens), np.int64)
    return Matches(np.empty(tokens, np.int64), token, order, weight)


@inlined_kernel
def known_pieces(
    narrow: NDArray[np.uint16], wide: NDArray[np.int32], begin: int, stop: int, slots: NDArray[np.int16], known: Rows
) -> int:
    """Write the tokens of `[begin, stop)` whose word piece has a slot; return how many there are.

    `narrow` and `wide` are the `Places` of the word pieces.
    """
    found = 0
    for token in range(begin, stop):
        piece = place(narrow, wide, token)
        if 0 <= piece < slots.size and slots[piece] >= 0:
            known[found] = token
            found += 1
    return found


@small_kernel
def match_ngrams(
    narrow: NDArray[np.uint16],
    wide: NDArray[np.int32],
    stop: int,
    known: int,
    question: SparseQuestion,
    matches: Matches,
) -> int:
    """Write the n-grams that begin at the first `known` tokens of `matches`; return how many there are.

    The paragraph ends before token `stop` of the shard. An n-gram stands once in the question, so there are two at a
    token at most.
    """
    slots, unigram, pair_ptr, pair_second, pair, _ = question
    tokens, match_token, match_order, match_weight = matches
    found = 0
    for position in range(known):
        token = tokens[position]
        slot = np.int64(slots[place(narrow, wide, token)])
        if unigram[slot]:
            match_token[found], match_order[found], match_weight[found] = token, 0, unigram[slot]
            found += 1
        second = place(narrow, wide, token + 1) if token + 1 < stop else np.int64(-1)
        for entry in range(pair_ptr[slot], pair_ptr[slot + 1]):
            if pair_second[entry] == second and pair[entry]:
                match_token[found], match_order[found], match_weight[found] = token, 1, pair[entry]
                found += 1
    return found


@inlined_kernel
def _read_queries(
    queries: Codes, selected: Rows, side: int, books: Codes, book_column: Rows, rank: int, columns: NDArray[np.int32]
) -> None:
    """Write the factors of some rows to `columns` int32[2 * r, C], those of unigrams before those of bigrams.

    `books` and `book_column` are those of queries in `FactorBooks`.
    """
    if not books.shape[1]:
        for position in range(selected.size):
            for column in range(2 * rank):
                columns[column, position] = queries[selected[position], column]
        return
    for order in range(2):
        head = 2 * side + order
        stored = book_column[head]
        for position in range(selected.size):
            byte = np.uint8(queries[selected[position], stored]) if stored >= 0 else np.uint8(0)
            for dimension in range(rank):
                columns[order * rank + dimension, position] = books[head, byte, dimension] if stored >= 0 else 0


@inlined_kernel
def _read_key(keys: Codes, token: int, head: int, books: Codes, book_column: Rows, rank: int, key: Table) -> None:
    """Write the factor of a token and a head to `key` int32[at least r]."""
    if not books.shape[1]:
        for dimension in range(rank):
            key[dimension] = keys[token, head * rank + dimension]
        return
    stored = book_column[head]
    byte = np.uint8(keys[token, stored]) if stored >= 0 else np.uint8(0)
    for dimension in range(rank):
        key[dimension] = books[head, byte, dimension] if stored >= 0 else 0


@small_kernel
def score_rows(
    queries: Codes,
    keys: Codes,
    side: int,
    selected: Rows,
    tokens: Rows,
    begin: int,
    matches: Matches,
    count: int,
    books: FactorBooks,
    scores: NDArray[np.float64],
) -> None:
    """Write the products of some rows of a paragraph with its matches to `scores` float64[C], in units of the step.

    `queries`, `keys`, `side` and `books` are those of `SparseRows`, `selected` int64[C] the rows, `tokens` int64[C]
    those of the paragraph at which they stand; the paragraph begins at token `begin` of the shard.
    """
    _, match_token, match_order, match_weight = matches
    query_books, key_books, query_column, key_column = books
    rank = query_books.shape[2] if query_books.shape[1] else queries.shape[1] // 2
    size = selected.size
    scores[:] = 0
    # Column by column, so that a loop over the rows becomes one of vector instructions.
    columns, others = np.empty((2 * rank, size), np.int32), np.zeros(size, np.int32)
    _read_queries(queries, selected, side, query_books, query_column, rank, columns)
    key = np.zeros(max(rank, _AT_ONCE), np.int32)
    for match in range(count):
        first, order = match_token[match] - begin, match_order[match]
        last, weight = first + order, np.float64(match_weight[match])
        _read_key(keys, begin + first, 2 * side + order, key_books, key_column, rank, key)
        column = order * rank
        if rank > _AT_ONCE:
            others[:] = 0
            for dimension in range(_AT_ONCE, rank):
                for position in range(size):
                    others[position] += key[dimension] * columns[column + dimension, position]
        key0, key1, key2, key3 = key[0], key[1], key[2], key[3]
        column1, column2, column3 = column + (rank > 1), column + 2 * (rank > 2), column + 3 * (rank > 3)
        for position in range(size):
            product = key0 * columns[column, position] + key1 * columns[column1, position]
            product += key2 * columns[column2, position] + key3 * columns[column3, position] + others[position]
            is_own = (tokens[position] == first) | (tokens[position] == last)
            scores[position] += (0.0 if is_own else np.float64(max(product, 0))) * weight


@kernel
def sparse_scores(
    selected: Rows,
    paragraphs: Rows,
    row_token: Places,
    rows: SparseRows,
    question: SparseQuestion,
    scores: NDArray[np.float64],
) -> None:
    """Write the product of each selected row with the question to `scores` float64[C].

    `selected` int64[C] are rows, those of a paragraph side by side, `paragraphs` int64[C] those that hold them, and
    `row_token` [R] the tokens of their paragraph at which rows stand.
    """
    # Taken out of its tuple in a loop, an array is counted up and down each time: that took most of a search's time.
    queries, keys, side, (narrow_piece, wide_piece), piece_ptr, books = rows
    narrow, wide = row_token
    tokens = np.empty(selected.size, np.int64)
    for position in range(selected.size):
        tokens[position] = place(narrow, wide, selected[position])
    matches = room_for_matches(ROOM)
    first = 0
    while first < selected.size:
        last = first + 1
        while last < selected.size and paragraphs[last] == paragraphs[first]:
            last += 1
        begin, stop = piece_ptr[paragraphs[first]], piece_ptr[paragraphs[first] + 1]
        if stop - begin > matches.known.size:
            matches = room_for_matches(stop - begin)
        known = known_pieces(narrow_piece, wide_piece, begin, stop, question.slot, matches.known)
        count = match_ngrams(narrow_piece, wide_piece, stop, known, question, matches)
        mine = slice(first, last)
        score_rows(queries, keys, side, selected[mine], tokens[mine], begin, matches, count, books, scores[mine])
        first = last
    scores *= question.step
