"""Products of stored contextualised sparse vectors with a question's n-grams.

Source: Sparc, section 3.2: a start's (or an end's) vector weighs the uni- and bigrams around it; equal ones add up.
Sums are of float64 in the order of a row's entries, so neither other rows nor their order change them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Places, Rows


class SparseRows(NamedTuple):
    """The sparse vectors of one side (start or end) of a shard, and the word pieces that they speak of.

    Row r of paragraph p has `counts[r]` entries, which follow those of the rows before it in its paragraph; the first
    row's begin at `ptr[p]`. An entry is `2 * (place - token of the row) + order`: the n-gram that begins at the
    paragraph's token `place`, a unigram (order 0) or a bigram (order 1), with the integer weight beside it.
    """

    counts: NDArray[np.uint8]  # [R]
    ptr: Rows  # [P + 1], ascending from 0 to N
    entries: NDArray[np.int16]  # [N]
    weights: NDArray[np.uint8]  # [N]
    pieces: Places  # [T] word pieces of all paragraphs
    piece_ptr: Rows  # [P + 1], ascending from 0 to T


class SparseQuestion(NamedTuple):
    """A question's n-grams and what each adds to a score for each unit of a stored weight.

    `slot` [V] names the n-grams that begin with a word piece, -1 for none; pieces from V on have none. Slot s holds a
    unigram of weight `unigram[s]` (0 for none) and the bigrams `pair_ptr[s]:pair_ptr[s + 1]`.
    """

    slot: NDArray[np.int16]  # [V]; empty for a question without n-grams
    unigram: NDArray[np.float64]  # [slots]
    pair_ptr: Rows  # [slots + 1]
    pair_second: Rows  # [pairs] second word piece
    pair: NDArray[np.float64]  # [pairs]


@kernel
def weigh_ngrams(
    pieces: Places, first: int, stop: int, question: SparseQuestion, ngrams: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the question's weights of all n-grams of the paragraph of word pieces `[first, stop)`.

    The unigram's at the paragraph's token p is number `2 * p`, the bigram's `2 * p + 1`. They are written to `ngrams`,
    where that is large enough.
    """
    slots, unigram, pair_ptr, pair_second, pair = question
    if ngrams.size < 2 * (stop - first):
        ngrams = np.empty(2 * (stop - first), np.float64)
    for place in range(first, stop):
        name = 2 * (place - first)
        ngrams[name], ngrams[name + 1] = 0.0, 0.0
        piece = np.int64(pieces[place])
        if piece < 0 or piece >= slots.size or slots[piece] < 0:
            continue
        slot = np.int64(slots[piece])
        ngrams[name] = unigram[slot]
        if place + 1 < stop:
            second = np.int64(pieces[place + 1])
            for position in range(pair_ptr[slot], pair_ptr[slot + 1]):
                if pair_second[position] == second:
                    ngrams[name + 1] = pair[position]
    return ngrams


@kernel
def row_score(
    entries: NDArray[np.int16],
    weights: NDArray[np.uint8],
    begin: int,
    end: int,
    token: int,
    ngrams: NDArray[np.float64],
    tokens: int,
) -> float:
    """Return the product of the row at `token` of a paragraph of `tokens` tokens that has the entries `[begin, end)`.

    `ngrams` is what `weigh_ngrams` returned. N-grams outside the paragraph, which only a damaged file has, add nothing.
    """
    total = 0.0
    for position in range(begin, end):
        name = 2 * token + np.int64(entries[position])
        if 0 <= name < 2 * tokens:
            total += np.float64(weights[position]) * ngrams[name]
    return total


@kernel
def skip_rows(counts: NDArray[np.uint8], row: int, last: int, entry: np.int64) -> np.int64:
    """Return where the entries of row `last` begin, when those of `row` begin at `entry`."""
    for skipped in range(row, last):
        entry += np.int64(counts[skipped])
    return entry


@kernel
def sparse_scores(
    selected: Rows,
    paragraphs: Rows,
    row_ptr: Rows,
    row_token: Places,
    rows: SparseRows,
    question: SparseQuestion,
    scores: NDArray[np.float64],
) -> None:
    """Write the product of each selected row with the question to `scores` float64[C].

    `selected` int64[C] are rows in ascending order and `paragraphs` int64[C] those that hold them; paragraph p has the
    rows `row_ptr[p]:row_ptr[p + 1]`, int64[P + 1], which stand at its tokens `row_token` [R].
    """
    # Taken out of its tuple in a loop, an array is counted up and down each time: that took most of a search's time.
    counts, ptr, entries, weights, pieces, piece_ptr = rows
    paragraph = np.int64(-1)
    row = entry = tokens = np.int64(0)
    ngrams = np.empty(0, np.float64)
    for position in range(selected.size):
        if paragraphs[position] != paragraph:
            paragraph = paragraphs[position]
            row, entry = row_ptr[paragraph], ptr[paragraph]
            tokens = piece_ptr[paragraph + 1] - piece_ptr[paragraph]
            ngrams = weigh_ngrams(pieces, piece_ptr[paragraph], piece_ptr[paragraph + 1], question, ngrams)
        entry = skip_rows(counts, row, selected[position], entry)
        row = selected[position]
        end = min(entry + np.int64(counts[row]), ptr[paragraph + 1])
        scores[position] = row_score(entries, weights, entry, end, np.int64(row_token[row]), ngrams, tokens)
