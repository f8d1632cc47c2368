"""A question's sparse vector as a table that kernels look n-grams up in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams
from densephrase.kernels.question import tabulate_ngrams
from densephrase.kernels.sparse import SparseQuestion
from densephrase.search.prepare.question_batch import join_ngrams


def fold_ngrams(ngrams: QuestionNgrams, scale: NDArray[np.float32]) -> tuple[SparseQuestion, SparseQuestion]:
    """Return the tables for starts and for ends, with the scales of the stored weights folded in.

    scale: float32 [4], of the heads start unigram, start bigram, end unigram, end bigram.
    """
    _, unigrams, unigram_weights, _, bigrams, bigram_weights, step = join_ngrams([ngrams], scale, 1)
    starts, ends = tabulate_ngrams(unigrams, unigram_weights, bigrams, bigram_weights, float(step[0]))
    return SparseQuestion(*starts), SparseQuestion(*ends)
