"""Sparse vectors as low-rank factors, which is how an index stores them, against pruned rows: bytes, answers, speed.

    python -m benchmarks.sparse_forms TRAIN_QUESTIONS [--encoder default] [--limit 1000]

A weight is ReLU(q . k): q of a kept start or end, k of any token of its paragraph. Rows (CSR) keep the largest weights
of each start and end, 3 bytes each (place, order, code), and lose the rest. Factors keep fewer dimensions of q and k, 8
bits each, with four k a token; weights are computed where an n-gram of the question stands. Both are asked held-out
training questions, closed and over the paragraphs of the held-out articles with terms. Bytes are those of the sparse
vectors alone, for each token of the corpus; times are those of the sparse scores of all kept starts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.held_out_search import HeldOutSearch, split_questions
from benchmarks.storage_curve import hidden_states, refitted
from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.kernels.compile import kernel
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import (
    SparseQuestion,
    SparseRows,
    known_pieces,
    match_ngrams,
    no_factor_books,
    room_for_matches,
    sparse_scores,
)
from densephrase.kernels.types import Rows
from densephrase.search.prepare.sparse_question import fold_ngrams
from densephrase.search.prepare.sparse_vectors import sparse_weights

NGRAMS = (8, 16, 24, 32)
RANKS = (16, 8, 6, 4, 2)
_TIMED = 200  # questions and paragraphs


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trained, questions = split_questions(options.questions, options.limit)
    encoder = PhraseEncoder.from_pretrained(options.encoder)
    states = hidden_states(encoder, trained)
    full = refitted(encoder, states, encoder.config.sparc_size)
    print("| sparse vectors | bytes/token | closed EM | open EM | ns a start |\n|---|---|---|---|---|")
    for ngrams in (None, *NGRAMS):
        search = HeldOutSearch(full, questions, ngrams)
        if ngrams is None:
            _print("none", 0.0, search, 0.0, sparse=False)
            _print("all weights, full rank", float("nan"), search, 0.0)
        else:
            size = (3 * search.entries + search.starts + search.ends) / search.tokens
            _print(f"rows of {ngrams} n-grams", size, search, Clock(full, questions[:_TIMED]).rows(ngrams))
    for rank in RANKS:
        form = refitted(encoder, states, rank)
        search = HeldOutSearch(form, questions)
        size = rank * (2 * search.starts + 2 * search.ends + 4 * search.tokens) / search.tokens
        _print(f"factors of rank {rank}", size, search, Clock(form, questions[:_TIMED]).factors())


def _print(name: str, size: float, search: HeldOutSearch, nanoseconds: float, *, sparse: bool = True) -> None:
    closed, found = search.closed(sparse), search.open(sparse)
    print(
        f"| {name} | {size:.1f} | {closed.exact_match:.2f} | {found.exact_match:.2f} | {nanoseconds:.0f} |", flush=True
    )


class Clock:
    """Times the sparse scores of all kept starts of some paragraphs, in nanoseconds a start, both ways."""

    def __init__(self, encoder: PhraseEncoder, questions: Sequence[Question]) -> None:
        paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))
        self._texts = encoder.encode_paragraphs(paragraphs)
        ngrams, self._scale = encoder.encode_questions([q.text for q in questions]).sparse, encoder.sparse_scale
        if ngrams is None or self._scale is None:
            raise SystemExit("The encoder has no sparse vectors.")
        self._questions = [fold_ngrams(item, self._scale)[0] for item in ngrams]
        self._token = np.concatenate([item.start_token for item in self._texts])
        rows = [len(item.start_token) for item in self._texts]
        self._row_ptr = np.cumsum([0, *rows])
        self._paragraph = np.repeat(np.arange(len(rows)), rows)
        self._scores = np.empty(len(self._token))
        self._pieces = np.concatenate([item.token_ids for item in self._texts])
        self._piece_ptr = np.cumsum([0, *(item.tokens for item in self._texts)])

    def factors(self) -> float:
        """Return the time of factors."""
        queries = np.concatenate([item.start_sparse for item in self._texts if item.start_sparse is not None])
        keys = np.concatenate([item.token_keys for item in self._texts if item.token_keys is not None])
        rows = SparseRows(queries, keys, 0, Places.of(self._pieces), self._piece_ptr, no_factor_books())
        selected, token = np.arange(len(self._token)), Places.of(self._token)
        return self._time(
            lambda question: sparse_scores(selected, self._paragraph, token, rows, question, self._scores)
        )

    def rows(self, ngrams: int) -> float:
        """Return the time of rows of the largest weights."""
        entries, codes, counts = [], [], []
        for item in self._texts:
            if item.start_sparse is None or item.token_keys is None or self._scale is None:
                raise SystemExit("The encoder has no sparse vectors.")
            weights = sparse_weights(item.start_sparse, item.start_token, item.token_keys, self._scale, 0)
            for row in weights.transpose(1, 2, 0).reshape(len(item.start_token), -1):
                best = np.sort(np.argsort(-row)[:ngrams])
                best = best[row[best] > 0]
                entries.append(best)
                codes.append(np.minimum(255, np.rint(50 * row[best])))
                counts.append(len(best))
        pointers = np.cumsum([0, *counts])
        stored = np.concatenate(entries).astype(np.int16), np.concatenate(codes).astype(np.uint8)
        places = self._row_ptr, Places.of(self._pieces), self._piece_ptr
        return self._time(lambda question: row_scores(pointers, *stored, *places, question, self._scores))

    def _time(self, score: Callable[[SparseQuestion], None]) -> float:
        score(self._questions[0])  # compiles
        begun = time.perf_counter()
        for question in self._questions:
            score(question)
        return 1e9 * (time.perf_counter() - begun) / (len(self._token) * len(self._questions))


@kernel
def row_scores(
    pointers: Rows,
    entries: NDArray[np.int16],
    codes: NDArray[np.uint8],
    row_ptr: Rows,
    pieces: Places,
    piece_ptr: Rows,
    question: SparseQuestion,
    scores: NDArray[np.float64],
) -> None:
    """Write the products of pruned rows with a question to `scores` [R], in units of `question.step`.

    Paragraph p has the rows `row_ptr[p]:row_ptr[p + 1]`; row r the entries `pointers[r]:pointers[r + 1]`, `2 * place +
    order` each, with a code beside it.
    """
    narrow, wide = pieces
    for paragraph in range(row_ptr.size - 1):
        first, stop = piece_ptr[paragraph], piece_ptr[paragraph + 1]
        matches = room_for_matches(stop - first)
        known = known_pieces(narrow, wide, first, stop, question.slot, matches.known)
        found = match_ngrams(narrow, wide, stop, known, question, matches)
        table = np.zeros(2 * (stop - first), np.int64)
        for match in range(found):
            table[2 * (matches.token[match] - first) + matches.order[match]] = matches.weight[match]
        for row in range(row_ptr[paragraph], row_ptr[paragraph + 1]):
            total = 0
            for position in range(pointers[row], pointers[row + 1]):
                total += codes[position] * table[entries[position]]
            scores[row] = total


if __name__ == "__main__":
    main()
