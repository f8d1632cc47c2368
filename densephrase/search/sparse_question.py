"""A question's sparse vector as a table that kernels look n-grams up in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams
from densephrase.encoder.question_ngrams import PAIR
from densephrase.kernels.sparse import SparseQuestion

NO_NGRAMS = SparseQuestion(
    slot=np.empty(0, np.int16),
    unigram=np.empty(0, np.float64),
    pair_ptr=np.zeros(1, np.int64),
    pair_second=np.empty(0, np.int64),
    pair=np.empty(0, np.float64),
)


def fold_ngrams(ngrams: QuestionNgrams, scale: NDArray[np.float32]) -> tuple[SparseQuestion, SparseQuestion]:
    """Return the tables for starts and for ends, with the scales of the stored weights folded in.

    scale: float32 [4], of the heads start unigram, start bigram, end unigram, end bigram.
    """
    first, second = np.divmod(ngrams.bigrams, PAIR)
    pieces = np.union1d(ngrams.unigrams, first).astype(np.int64)
    if not pieces.size:
        return NO_NGRAMS, NO_NGRAMS
    slot = np.full(int(pieces[-1]) + 1, -1, np.int16)
    slot[pieces] = np.arange(pieces.size)
    pair_ptr = np.searchsorted(first, np.append(pieces, pieces[-1] + 1)).astype(np.int64)
    tables = []
    for side in range(2):
        unigram = np.zeros(pieces.size, np.float64)
        unigram[slot[ngrams.unigrams]] = ngrams.unigram_weights[side].astype(np.float64) * scale[2 * side]
        pair = ngrams.bigram_weights[side].astype(np.float64) * scale[2 * side + 1]
        tables.append(SparseQuestion(slot, unigram, pair_ptr, second, pair))
    return tables[0], tables[1]
