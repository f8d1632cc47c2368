"""Scores of candidate starts, each with its best end.

Sources: DenSPI, section 3: a phrase's score is the sum of its start's, its end's and their coherency; Sparc, section
3.2, adds a sparse vector to each side.
"""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.coherency import AT_ONCE, END_LANES, multiply_columns, read_ends, read_start
from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.kept import row_tokens
from densephrase.kernels.lowlevel.rows import prefetch_bytes
from densephrase.kernels.mapped import place
from densephrase.kernels.placed_lists import lists_of
from densephrase.kernels.preceding import (
    Preceding,
    add_predictions,
    no_preceding,
    preceding_starts,
    predicted_coherency,
)
from densephrase.kernels.product_quantisation import gather_products
from densephrase.kernels.span_rows import EndRows, Ends, Groups, SpanQuestion, SpanScores, StartRows
from densephrase.kernels.sparse import ROOM, known_pieces, match_ngrams, room_for_matches, score_rows
from densephrase.kernels.types import Rows


@kernel
def score_starts(
    starts: Rows,
    paragraphs: Rows,
    start_rows: StartRows,
    end_rows: EndRows,
    question: SpanQuestion,
    max_answer_tokens: int,
    scores: SpanScores,
) -> None:
    """Score some starts of a shard, each with its best end.

    That is the end in its paragraph that maximises `dot * step + coherency * coherency_step + sparse` with
    `start token <= end token < start token + max_answer_tokens`; the smallest one wins a tie.

    `starts` int64[C] are rows in ascending order, `paragraphs` int64[C] those that hold them; `scores` is the output.
    """
    # One step for all groups after the other, not all steps for each group: calls with so many arrays are not free.
    places = _places(starts, start_rows)
    _multiply_starts(places, start_rows, question, scores.start_dot)
    groups = _group(starts, paragraphs, start_rows)
    _prefetch(groups, starts, start_rows, end_rows)
    ends = _reachable_ends(groups, end_rows, max_answer_tokens)
    gather_products(end_rows.codes, ends.row, question.end, question.low_bits, question.end_table, ends.dot)
    preceding = no_preceding()
    if question.predicted_table.shape[0]:
        preceding = preceding_starts(groups, ends, start_rows)
        add_predictions(preceding, start_rows, question, ends.dot)
    scores.start_sparse[:] = 0
    if start_rows.sparse.keys.shape[1] and question.start_sparse.slot.size:
        _score_sparse(starts, groups, ends, start_rows, end_rows, question, scores.start_sparse)
    _choose_ends(places, groups, ends, preceding, start_rows, end_rows, question, max_answer_tokens, scores)


@kernel
def multiply_starts(starts: Rows, start_rows: StartRows, question: SpanQuestion, products: Rows) -> None:
    """Write the products of some starts of a shard, int64[C], with a question to `products` int64[C]."""
    _multiply_starts(_places(starts, start_rows), start_rows, question, products)


@kernel
def _places(starts: Rows, start_rows: StartRows) -> Rows:
    """Return the rows of codes of some starts."""
    return start_rows.place[starts].astype(np.int64) if start_rows.place.size else starts


@kernel
def _multiply_starts(places: Rows, start_rows: StartRows, question: SpanQuestion, products: Rows) -> None:
    """Write the products of rows of codes, with their lists' centroids where they have any, with a question."""
    gather_products(start_rows.codes, places, question.start, question.low_bits, question.start_table, products)
    if start_rows.place.size:
        lists, bases = lists_of(places, start_rows.lists), np.empty(places.size, np.int64)
        gather_dots(start_rows.lists.codes, lists, question.start, question.low_bits, bases)
        for position in range(places.size):
            products[position] += np.int64(np.rint(bases[position] * question.start_base))


@kernel
def _group(starts: Rows, paragraphs: Rows, start_rows: StartRows) -> Groups:
    (narrow, wide), kept, row_ptr, piece_ptr = (
        start_rows.token,
        start_rows.kept,
        start_rows.ptr,
        start_rows.sparse.piece_ptr,
    )
    paragraph, tokens = np.empty(starts.size, np.int64), np.empty(starts.size, np.int64)
    ptr, count = np.empty(starts.size + 1, np.int64), 0
    first, mine = np.int64(0), np.empty(0, np.int64)  # the rows of a paragraph
    for position in range(starts.size):
        if not count or paragraph[count - 1] != paragraphs[position]:
            current = paragraphs[position]
            paragraph[count], ptr[count] = current, position
            count += 1
            if kept.size:
                first, last = row_ptr[current], row_ptr[current + 1]
                mine = np.empty(last - first, np.int64)
                row_tokens(narrow, wide, kept, first, last, piece_ptr[current], piece_ptr[current + 1], mine)
        row = starts[position]
        tokens[position] = mine[row - first] if kept.size else place(narrow, wide, row)
    ptr[count] = starts.size
    return Groups(paragraph[:count], ptr[: count + 1], tokens)


@kernel
def _prefetch(groups: Groups, starts: Rows, start_rows: StartRows, end_rows: EndRows) -> None:
    """Ask for what the next steps read of each paragraph: waiting for it took a third of their time."""
    paragraphs, start_ptr, _ = groups
    end_ptr, (narrow, wide), kept, end_queries = end_rows.ptr, end_rows.token, end_rows.kept, end_rows.sparse.queries
    start_queries, keys, _, (narrow_piece, wide_piece), piece_ptr, _ = start_rows.sparse
    place_size = 2 if narrow.size else 4
    places = narrow.ctypes.data if narrow.size else wide.ctypes.data
    piece_size = 2 if narrow_piece.size else 4
    pieces = narrow_piece.ctypes.data if narrow_piece.size else wide_piece.ctypes.data
    start_columns, end_columns, key_columns = start_queries.shape[1], end_queries.shape[1], keys.shape[1]
    for group in range(paragraphs.size):
        paragraph = paragraphs[group]
        first, last = end_ptr[paragraph], end_ptr[paragraph + 1]
        begin, stop = piece_ptr[paragraph], piece_ptr[paragraph + 1]
        if kept.size:
            prefetch_bytes(kept.ctypes.data + (begin >> 3), (stop - begin + 15) >> 3)
        else:
            prefetch_bytes(places + place_size * first, place_size * (last - first))
        if key_columns:
            prefetch_bytes(end_queries.ctypes.data + end_columns * first, end_columns * (last - first))
            first, last = starts[start_ptr[group]], starts[start_ptr[group + 1] - 1] + 1
            prefetch_bytes(start_queries.ctypes.data + start_columns * first, start_columns * (last - first))
            prefetch_bytes(pieces + piece_size * begin, piece_size * (stop - begin))
            prefetch_bytes(keys.ctypes.data + key_columns * begin, key_columns * (stop - begin))


@kernel
def _reachable_ends(groups: Groups, end_rows: EndRows, max_answer_tokens: int) -> Ends:
    paragraphs, start_ptr, tokens = groups
    row_ptr, (narrow, wide), kept, piece_ptr = end_rows.ptr, end_rows.token, end_rows.kept, end_rows.sparse.piece_ptr
    size = most = 0
    for paragraph in paragraphs:
        size += row_ptr[paragraph + 1] - row_ptr[paragraph]
        most = max(most, row_ptr[paragraph + 1] - row_ptr[paragraph])
    ptr, rows, places = np.zeros(paragraphs.size + 1, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    count, mine = 0, np.empty(most, np.int64)
    for group in range(paragraphs.size):
        first, stop = tokens[start_ptr[group]], tokens[start_ptr[group + 1] - 1] + max_answer_tokens
        paragraph = paragraphs[group]
        begin, end = row_ptr[paragraph], row_ptr[paragraph + 1]
        if kept.size:
            row_tokens(narrow, wide, kept, begin, end, piece_ptr[paragraph], piece_ptr[paragraph + 1], mine)
        for row in range(begin, end):
            token = mine[row - begin] if kept.size else place(narrow, wide, row)
            if first <= token < stop:
                rows[count], places[count] = row, token
                count += 1
        ptr[group + 1] = count
    return Ends(ptr, rows[:count], places[:count], np.empty(count, np.int64), np.zeros(count))


@kernel
def _score_sparse(
    starts: Rows,
    groups: Groups,
    ends: Ends,
    start_rows: StartRows,
    end_rows: EndRows,
    question: SpanQuestion,
    start_sparse: NDArray[np.float64],
) -> None:
    """Write the sparse scores of all starts and of the ends that they reach."""
    paragraphs, start_ptr, start_token = groups
    end_ptr, end_row, end_token, _, end_sparse = ends
    start_queries, keys, _, (narrow, wide), piece_ptr, books = start_rows.sparse
    end_queries, start_question, end_question = end_rows.sparse.queries, question.start_sparse, question.end_sparse
    matches = room_for_matches(ROOM)
    for group in range(paragraphs.size):
        begin, stop = piece_ptr[paragraphs[group]], piece_ptr[paragraphs[group] + 1]
        if stop - begin > matches.known.size:
            matches = room_for_matches(stop - begin)
        known = known_pieces(narrow, wide, begin, stop, start_question.slot, matches.known)
        if not known:
            continue
        mine = slice(start_ptr[group], start_ptr[group + 1])
        found = match_ngrams(narrow, wide, stop, known, start_question, matches)
        if found:
            score_rows(
                start_queries,
                keys,
                0,
                starts[mine],
                start_token[mine],
                begin,
                matches,
                found,
                books,
                start_sparse[mine],
            )
        mine = slice(end_ptr[group], end_ptr[group + 1])
        found = match_ngrams(narrow, wide, stop, known, end_question, matches)
        if found:
            score_rows(
                end_queries, keys, 1, end_row[mine], end_token[mine], begin, matches, found, books, end_sparse[mine]
            )
    start_sparse *= start_question.step
    end_sparse *= end_question.step


@kernel
def _choose_ends(
    places: Rows,
    groups: Groups,
    ends: Ends,
    preceding: Preceding,
    start_rows: StartRows,
    end_rows: EndRows,
    question: SpanQuestion,
    max_answer_tokens: int,
    scores: SpanScores,
) -> None:
    _, start_ptr, tokens = groups
    end_ptr, end_row, end_token, end_dot, end_sparse = ends
    score_end, _, score_dot, score_coherency, _, score_sparse = scores
    start_codes, end_codes, start_entries, end_entries = (
        start_rows.codes,
        end_rows.codes,
        start_rows.coherency,
        end_rows.coherency,
    )
    vector_size, step, coherency_step = question.end.shape[1], question.end_step, question.coherency_step
    scale, rank = question.coherency_scale, question.coherency_scale.size
    # Whole numbers below 2**53, which float64 multiplies and adds up exactly.
    padded = -(-rank // AT_ONCE) * AT_ONCE
    start_side, pairs, columns = np.zeros(padded), np.empty(0), np.empty((padded, 0))
    values, predicted = np.empty(rank, np.int16), predicted_coherency(preceding, start_rows, end_rows)
    for group in range(start_ptr.size - 1):
        lower, last = end_ptr[group], end_ptr[group + 1]
        first = lower
        if last - first + END_LANES > pairs.size:
            size = 2 * (last - first) + END_LANES
            pairs, columns = np.empty(size), np.zeros((padded, size))
        read_ends(end_codes, end_row, first, last, vector_size, end_entries, preceding, predicted, values, columns)
        for position in range(start_ptr[group], start_ptr[group + 1]):
            token = tokens[position]
            while lower < last and end_token[lower] < token:
                lower += 1
            stop = lower
            while stop < last and end_token[stop] < token + max_answer_tokens:
                stop += 1
            score_end[position], score_dot[position], score_coherency[position], score_sparse[position] = -1, 0, 0, 0.0
            read_start(start_codes, places[position], vector_size, start_entries, values, scale, start_side)
            multiply_columns(start_side, columns, lower - first, stop - first, pairs)
            best = -np.inf
            for end in range(lower, stop):
                score = end_dot[end] * step + pairs[end - first] * coherency_step + end_sparse[end]
                if score > best:
                    best, score_end[position], score_dot[position] = score, end_row[end], end_dot[end]
                    score_coherency[position], score_sparse[position] = np.int64(pairs[end - first]), end_sparse[end]
