"""BM25 posting by posting: the best texts of a question where their scores fit into the cache.

MaxScore (`densephrase.kernels.max_score`) looks at few postings and decides about each. Adding up all of them decides
nothing, and takes less time as long as the scores of all texts lie near. Both give the same sums to the last bit.
"""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.max_score import PostingTable, TermQuery
from densephrase.kernels.scan import SPARE
from densephrase.kernels.selection import keep_best, push, smallest, sort_heap
from densephrase.kernels.types import Rows


@kernel
def add_postings(postings: PostingTable, terms: TermQuery, scores: NDArray[np.float32]) -> int:
    """Add BM25 of the terms to `scores` float32[N] of all texts, in float32 and in the order of the terms.

    Returns -1, or a posting whose text does not exist; those behind it are not added.
    """
    ptr, ids, tf, norm, shift = postings
    mask = (1 << shift) - 1
    for term in range(terms.ids.size):
        weight = terms.weights[term]
        for posting in range(ptr[terms.ids[term]], ptr[terms.ids[term] + 1]):
            text = np.int64(ids[posting]) >> shift
            if text < 0 or text >= norm.size:
                return posting
            frequency = np.float32(ids[posting] & mask) if shift else np.float32(tf[posting])
            scores[text] += weight * frequency / (frequency + norm[text])
    return -1


@kernel
def take_best(
    postings: PostingTable,
    terms: TermQuery,
    scores: NDArray[np.float32],
    rows: Rows,
    totals: NDArray[np.float32],
) -> int:
    """Write the texts with the largest scores, best first, equal ones by row; return how many there are, at most k.

    `scores` float32[N] are those that `add_postings` has added to zeros, and are zeros again afterwards; `rows`
    int64[k] and `totals` float32[k] are the outputs.
    """
    ptr, ids, _, _, shift = postings
    k = rows.size
    if k == 0:
        scores[:] = 0
        return 0
    bits = scores.view(np.int32)  # of positive numbers, which are in the same order
    capacity = k + max(k, SPARE)
    found, names, size, threshold = np.empty(capacity, np.int32), np.empty(capacity, np.int64), 0, np.int32(1)
    total = 0
    for term in terms.ids:
        total += ptr[term + 1] - ptr[term]
    # One after the other, texts are looked at faster than by their postings, if these are not far fewer.
    by_text = 2 * total > scores.size
    for part in range(1 if by_text else terms.ids.size):
        first, last = (0, scores.size) if by_text else (ptr[terms.ids[part]], ptr[terms.ids[part] + 1])
        for place in range(first, last):
            text = place if by_text else np.int64(ids[place]) >> shift
            score = bits[text]
            bits[text] = 0  # so that the next posting of this text adds nothing
            found[size], names[size] = score, text
            size += score >= threshold
            if size == capacity:
                size = keep_best(found, names, size, k, k + k // 8)
                threshold = smallest(found[:size])
    size = keep_best(found, names, size, k, k)
    sums, count = found.view(np.float32), 0
    for place in range(size):
        count = push(totals, rows, count, sums[place], names[place])
    sort_heap(totals, rows, count)
    return count
