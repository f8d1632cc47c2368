"""Products of contextualised sparse vectors, stored as low-rank factors, with a question's n-grams.

Source: Sparc, section 3.2: a start's (or an end's) vector weighs the uni- and bigrams around it by ReLU(q . k); equal
ones add up. q and k are integer codes, so a weight is exact; sums are of float64 in the order of the paragraph.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Codes, Places, Rows


class SparseRows(NamedTuple):
    """The factors of the sparse vectors of one side of a shard, and the word pieces that they speak of.

    In codes of r dimensions, unigrams come before bigrams. The n-gram that begins at a token weighs `max(0, q . k)` in
    the vector of a row, and nothing where it holds the row's own token.
    """

    queries: Codes  # [R, 2 * r] q of each row
    keys: Codes  # [T, 4 * r] k of each token: for starts, then for ends
    side: int  # 0: the rows are starts, 1: ends
    pieces: Places  # [T] word pieces of all paragraphs
    piece_ptr: Rows  # [P + 1], ascending from 0 to T


class SparseQuestion(NamedTuple):
    """A question's n-grams and what each adds to a score for each unit of a product of codes.

    `slot` [V] names the n-grams that begin with a word piece, -1 for none; pieces from V on have none. Slot s holds a
    unigram of weight `unigram[s]` (0 for none) and the bigrams `pair_ptr[s]:pair_ptr[s + 1]`.
    """

    slot: NDArray[np.int16]  # [V]; empty for a question without n-grams
    unigram: NDArray[np.float64]  # [slots]
    pair_ptr: Rows  # [slots + 1]
    pair_second: Rows  # [pairs] second word piece
    pair: NDArray[np.float64]  # [pairs]


class Matches(NamedTuple):
    """The n-grams of a paragraph that a question holds too: `2 * token + order` and the question's weight, in order."""

    ngrams: Rows  # [N]
    weights: NDArray[np.float64]  # [N]


@kernel
def match_ngrams(pieces: Places, first: int, stop: int, question: SparseQuestion) -> Matches:
    """Return the matches of the paragraph of word pieces `[first, stop)`; order 0 is a unigram, 1 a bigram.

    Its tokens are counted from 0.
    """
    slots, unigram, pair_ptr, pair_second, pair = question
    ngrams, weights = np.empty(2 * (stop - first), np.int64), np.empty(2 * (stop - first), np.float64)
    found = 0
    for place in range(first, stop):
        piece = np.int64(pieces[place])
        if piece < 0 or piece >= slots.size or slots[piece] < 0:
            continue
        slot = np.int64(slots[piece])
        if unigram[slot] != 0.0:
            ngrams[found], weights[found] = 2 * (place - first), unigram[slot]
            found += 1
        if place + 1 < stop:
            second = np.int64(pieces[place + 1])
            for position in range(pair_ptr[slot], pair_ptr[slot + 1]):
                if pair_second[position] == second and pair[position] != 0.0:
                    ngrams[found], weights[found] = 2 * (place - first) + 1, pair[position]
                    found += 1
    return Matches(ngrams[:found], weights[:found])


@kernel
def row_score(
    queries: Codes, row: int, token: int, keys: Codes, first: int, side: int, ngrams: Rows, weights: NDArray[np.float64]
) -> float:
    """Return the product of the row at `token` of the paragraph that begins at token `first` with the matches."""
    rank = queries.shape[1] // 2
    total = 0.0
    for match in range(ngrams.size):
        place, order = ngrams[match] >> 1, ngrams[match] & 1
        if place == token or place + order == token:
            continue
        product = np.int32(0)
        for dimension in range(rank):
            key = np.int32(keys[first + place, (2 * side + order) * rank + dimension])
            product += np.int32(queries[row, order * rank + dimension]) * key
        if product > 0:
            total += np.float64(product) * weights[match]
    return total


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
    queries, keys, side, pieces, piece_ptr = rows
    paragraph, first = np.int64(-1), np.int64(0)
    ngrams, weights = np.empty(0, np.int64), np.empty(0, np.float64)
    for position in range(selected.size):
        if paragraphs[position] != paragraph:
            paragraph = paragraphs[position]
            first = piece_ptr[paragraph]
            ngrams, weights = match_ngrams(pieces, first, piece_ptr[paragraph + 1], question)
        row = selected[position]
        scores[position] = row_score(queries, row, np.int64(row_token[row]), keys, first, side, ngrams, weights)
