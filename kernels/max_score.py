"""BM25 without reading every posting: the best paragraphs by MaxScore, and the scores of chosen ones.

Source: MaxScore (Turtle and Flood, 1995; document at a time as in Mallia et al., 2019). A term adds less than its
weight, since tf / (tf + norm) < 1; terms that even together cannot lift a paragraph above the worst of the best so far
are looked up only in paragraphs that other terms propose. Sums are of float32 in the order of the terms, so they equal
those of all postings, added up one by one, to the last bit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel, small_kernel
from densephrase.kernels.selection import push, sort_heap
from densephrase.kernels.types import Rows

_LOOKED_AT = 2048  # postings of one term, for a first threshold
_ROUNDING = 2.0**-23  # what rounding may take from a float32 sum for each of its terms, generously, as a share of it


class PostingTable(NamedTuple):
    """Which of N texts hold which of V terms: the postings of term t are `ptr[t]:ptr[t + 1]`, ascending by text.

    Packed postings hold their frequency in the lowest `shift` bits of `ids`, and `tf` is empty.
    """

    ptr: Rows  # [V + 1]
    ids: NDArray[np.int32]  # [postings] texts
    tf: NDArray[np.uint16]  # [postings] frequencies
    norm: NDArray[np.float32]  # [N] what BM25 makes of a text's length
    shift: int  # 0, or the bits of a packed frequency


class TermQuery(NamedTuple):
    """The terms of a question, ascending and once each, and what each weighs."""

    ids: Rows  # [terms]
    weights: NDArray[np.float32]  # [terms]


class DocumentPart(NamedTuple):
    """What documents add to the scores of their paragraphs; empty where they add nothing."""

    scores: NDArray[np.float32]  # [documents], already weighted
    of_paragraph: NDArray[np.int32]  # [N]


@small_kernel
def _impact(
    weight: np.float32, ids: NDArray[np.int32], tf: NDArray[np.uint16], shift: int, posting: int, norm: np.float32
) -> np.float32:
    frequency = np.float32(ids[posting] & ((1 << shift) - 1)) if shift else np.float32(tf[posting])
    return weight * frequency / (frequency + norm)


@small_kernel
def _seek(ids: NDArray[np.int32], shift: int, first: int, stop: int, text: int) -> int:
    """Return the first posting from `first` on whose text is not before `text`, by galloping."""
    text <<= shift
    step, low = 1, first
    while low + step < stop and ids[low + step] < text:
        low += step
        step *= 2
    high = min(low + step, stop)
    while low < high:
        middle = (low + high) // 2
        if ids[middle] < text:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def scores_at(postings: PostingTable, terms: TermQuery, texts: Rows, scores: NDArray[np.float32]) -> None:
    """Write BM25 of some texts, int64[G] ascending, to `scores` float32[G]."""
    scores[:] = 0
    ptr, ids, tf, norm, shift = postings
    term_ids, weights = terms
    for term in range(term_ids.size):
        posting, stop = ptr[term_ids[term]], ptr[term_ids[term] + 1]
        for position in range(texts.size):
            text = texts[position]
            posting = _seek(ids, shift, posting, stop, text)
            if posting == stop:
                break
            if ids[posting] >> shift == text:
                scores[position] += _impact(weights[term], ids, tf, shift, posting, norm[text])


@kernel
def top_texts(  # noqa: C901 # a call in this loop takes longer than what it would do
    postings: PostingTable,
    terms: TermQuery,
    weight: np.float32,
    documents: DocumentPart,
    excluded: Rows,
    rows: Rows,
    totals: NDArray[np.float32],
) -> tuple[int, int]:
    """Find the texts with the largest `weight * BM25 + score of their document` among those that hold a term.

    `excluded` int64[X, 2] are ascending ranges of texts to leave out. Fills `rows` int64[k] and `totals` float32[k],
    best first, equal ones by row; returns how many there are, at most k, and -1 or a posting whose text does not exist,
    with which nothing that was found can be trusted.
    """
    _, ids, tf, norm, shift = postings
    document_scores, document_of = documents
    weights, bounds, place_of, cursor, stop, text = _open_cursors(postings, terms, weight)
    largest = 0.0
    for position in range(document_scores.size):
        largest = max(largest, np.float64(document_scores[position]))
    reach, slack = bounds + largest, 1 - (weights.size + 8) * _ROUNDING
    count, texts = weights.size if rows.size else 0, norm.size
    impact, size, threshold = np.zeros(count, np.float32), 0, 0.0
    if not excluded.size:
        threshold = _least_best(postings, weights, cursor, stop, rows.size) * weight * slack
    essential = _first_essential(reach, 0, threshold)
    while essential < count:
        current = text[essential]
        for term in range(essential + 1, count):
            current = min(current, text[term])
        if current < 0 or current == texts:
            break
        of_document = document_scores[document_of[current]] if document_scores.size else np.float32(0)
        partial, current_norm = np.float64(of_document), norm[current]
        for term in range(essential, count):
            impact[term] = 0
            if text[term] == current:
                impact[term] = _impact(weights[term], ids, tf, shift, cursor[term], current_norm)
                partial += weight * impact[term]
                cursor[term] += 1
                text[term] = _text(ids, shift, cursor[term], stop[term], texts)
        term = essential - 1
        while term >= 0 and partial + bounds[term] >= threshold:
            impact[term] = 0
            if 0 <= text[term] < current:
                cursor[term] = _seek(ids, shift, cursor[term], stop[term], current)
                text[term] = _text(ids, shift, cursor[term], stop[term], texts)
            if text[term] == current:
                impact[term] = _impact(weights[term], ids, tf, shift, cursor[term], current_norm)
                partial += weight * impact[term]
            term -= 1
        if term >= 0 or partial < threshold or _is_inside(excluded, current):
            continue
        score = np.float32(0)
        for place in place_of:
            score += impact[place]
        size = push(totals, rows, size, weight * score + of_document, current)
        if size == rows.size:
            threshold = max(threshold, np.float64(totals[0]) * slack)
            essential = _first_essential(reach, essential, threshold)
    sort_heap(totals, rows, size)
    return size, _damaged(cursor, text)


class _Cursors(NamedTuple):
    """Where each of the terms stands in its postings; terms with the least weight come first."""

    weights: NDArray[np.float32]
    bounds: NDArray[np.float64]  # of what a term and those before it add to a total
    place_of: Rows  # of each term of the question
    posting: Rows
    stop: Rows
    text: Rows  # of the posting, as `_text` gives it


@kernel
def _open_cursors(postings: PostingTable, terms: TermQuery, weight: np.float32) -> _Cursors:
    # Written out: numba's sorting and choosing took a tenth of all the time that the kernels take to compile.
    size, total = terms.ids.size, 0.0
    order, place_of, first = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    stop, text = np.empty(size, np.int64), np.empty(size, np.int64)
    weights, bounds = np.empty(size, np.float32), np.empty(size, np.float64)
    for term in range(size):
        place = term
        while place > 0 and terms.weights[order[place - 1]] > terms.weights[term]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = term
    for place in range(size):
        term = order[place]
        place_of[term], weights[place] = place, terms.weights[term]
        total += np.float64(weights[place])
        bounds[place] = total * weight
        first[place], stop[place] = postings.ptr[terms.ids[term]], postings.ptr[terms.ids[term] + 1]
        text[place] = _text(postings.ids, postings.shift, first[place], stop[place], postings.norm.size)
    return _Cursors(weights, bounds, place_of, first, stop, text)


@kernel
def _first_essential(reach: NDArray[np.float64], term: int, threshold: float) -> int:
    """Return the first term from `term` on that lifts a text to a threshold together with those before it."""
    while term < reach.size and reach[term] < threshold:
        term += 1
    return term


@kernel
def _damaged(cursor: Rows, text: Rows) -> int:
    """Return the posting of a text that does not exist, -1 for none."""
    for term in range(text.size):
        if text[term] < 0:
            return cursor[term]
    return -1


@kernel
def _least_best(postings: PostingTable, weights: NDArray[np.float32], first: Rows, stop: Rows, k: int) -> float:
    """Return a score that at least k texts reach by one term alone, 0 where there is none or k is 0.

    That is the k-th best of the first postings of the rarest term that has so many: with it, common terms are not
    essential from the beginning. `weights` ascend, `first` and `stop` say where each term's postings are.
    """
    _, ids, tf, norm, shift = postings
    for term in range(weights.size - 1, -1, -1):
        size = min(stop[term] - first[term], max(k, _LOOKED_AT))
        if size < k or not k:
            continue
        best, texts, found = np.empty(k, np.float32), np.empty(k, np.int64), 0
        for posting in range(first[term], first[term] + size):
            text = np.int64(ids[posting]) >> shift
            if text < 0 or text >= norm.size:
                return 0.0
            impact = _impact(weights[term], ids, tf, shift, posting, norm[text])
            if found < k or impact > best[0]:
                found = push(best, texts, found, impact, text)
        return np.float64(best[0])
    return 0.0


@small_kernel
def _text(ids: NDArray[np.int32], shift: int, posting: int, stop: int, texts: int) -> int:
    """Return the text of a posting, `texts` behind the last one, -1 for one that does not exist."""
    if posting >= stop:
        return texts
    text = np.int64(ids[posting]) >> shift
    return text if text < texts else np.int64(-1)


@kernel
def _is_inside(ranges: Rows, row: int) -> bool:
    """Tell whether a row lies in one of some ascending ranges, int64[X, 2]."""
    low, high = 0, ranges.shape[0]
    while low < high:
        middle = (low + high) // 2
        if ranges[middle, 1] <= row:
            low = middle + 1
        else:
            high = middle
    return low < ranges.shape[0] and ranges[low, 0] <= row
