"""Sparse vectors as stored rows (CSR, pruned) against their low-rank factors: bytes, answers and speed.

    python -m benchmarks.factorised_sparse TRAIN_QUESTIONS [--encoder default] [--limit 1000] [--ranks 64 16 8 4]

A weight is ReLU(q . k): q of a kept start or end, k of any token of its paragraph. The factorised form stores q and k,
8 bits a dimension, and computes a weight where an n-gram of the question stands. Nothing is pruned, but every token
needs four k, kept or not. Fewer dimensions are those of the balanced basis of q and k. Bytes are those of the sparse
vectors alone, for each token of the corpus; times those of the sparse scores of all kept starts of a paragraph.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.held_out_search import HeldOutSearch
from benchmarks.storage_curve import StoredForm
from densephrase.data import Question
from densephrase.encoder.config import MOST_ENTRIES
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.sparc import HEADS, SparcHeads
from densephrase.encoder.tokens import pad_batch
from densephrase.evaluation.ranked import sample_questions
from densephrase.kernels.compile import kernel
from densephrase.kernels.sparse import SparseQuestion, SparseRows, sparse_scores, weigh_ngrams
from densephrase.questions import read_questions
from densephrase.search.sparse_question import fold_ngrams
from densephrase.training.balancing import balanced_maps
from densephrase.training.config import TrainingConfig
from densephrase.training.holdout import split_by_title

_SAMPLE = 256  # paragraphs that bases and scales are fitted to
_TIMED = 200  # questions and paragraphs


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions")
    parser.add_argument("--encoder", default="default")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--ranks", type=int, nargs="+", default=[64, 16, 8, 4])
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trained, held_out = split_by_title(read_questions(options.questions), TrainingConfig().held_out_articles)
    kept = {question.id for question in sample_questions(held_out, options.limit, 0)}
    questions = [question for question in held_out if question.id in kept]
    encoder = PhraseEncoder.from_pretrained(options.encoder)
    print("| sparse vectors | bytes/token | closed EM | open EM | ns a start |\n|---|---|---|---|---|")
    shipped = HeldOutSearch(encoder, questions)
    stored = 3 * shipped.entries + shipped.starts + shipped.ends
    clock = Clock(encoder, questions[:_TIMED])
    _print("none", 0.0, shipped, 0.0, sparse=False)
    _print(f"stored, {encoder.config.sparc_entries} n-grams", stored / shipped.tokens, shipped, clock.stored())
    states = hidden_states(encoder, sample_questions(trained, 4 * _SAMPLE, 0))
    for rank in options.ranks:
        search = HeldOutSearch(factorised(encoder, states, rank), questions)  # type: ignore[arg-type]
        size = rank * (2 * search.starts + 2 * search.ends + len(HEADS) * search.tokens)
        _print(f"factorised, rank {rank}", size / search.tokens, search, clock.factorised(rank))


def _print(name: str, size: float, search: HeldOutSearch, nanoseconds: float, *, sparse: bool = True) -> None:
    closed, found = search.closed(sparse), search.open(sparse)
    print(
        f"| {name} | {size:.1f} | {closed.exact_match:.2f} | {found.exact_match:.2f} | {nanoseconds:.0f} |", flush=True
    )


class LowRankHeads(SparcHeads):
    """Sparc heads that compute text from q and k of lower rank and 8 bits; questions stay as they were."""

    @classmethod
    def of(cls, heads: SparcHeads, states: Tensor, rank: int) -> LowRankHeads:
        """Fit the bases of q and k, and the scales of their codes, to hidden states (tokens, hidden_size)."""
        made = cls(heads.query.in_features, heads.size)
        made.load_state_dict(heads.state_dict())
        with torch.inference_mode():
            sides = [made.split(layer(states[None]))[0] for layer in (heads.query, heads.key)]
        bases = [_bases(*(side[head].double().numpy() for side in sides), rank) for head in range(len(HEADS))]
        made._maps, made._steps = [], []
        for side, matrices in zip(sides, zip(*bases, strict=True), strict=True):
            matrix = torch.from_numpy(np.stack(matrices)).float().transpose(1, 2)
            made._maps.append(matrix)
            made._steps.append((side @ matrix).abs().amax(1, keepdim=True) / 127)
        return made

    def weights(self, hidden: Tensor) -> Tensor:
        """Return A of windows before anything is left out."""
        query, key = (
            (self.split(layer(hidden)) @ matrix / step).round().clamp(-127, 127) * step
            for layer, matrix, step in zip((self.query, self.key), self._maps, self._steps, strict=True)
        )
        return torch.relu(query @ key.transpose(-1, -2) * self.size**-0.5)


def _bases(
    query: NDArray[np.float64], key: NDArray[np.float64], rank: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the balanced maps of q and of k; both keep their mean, which the ReLU needs."""
    return balanced_maps(np.concatenate([query, -query]), key, rank)


def factorised(encoder: PhraseEncoder, states: Tensor, rank: int) -> StoredForm:
    """Return an encoder whose sparse vectors are those of the factorised form: low rank, 8 bits, nothing pruned."""
    model = copy.deepcopy(encoder.model)
    model.sparc = LowRankHeads.of(_heads(encoder), states, rank)
    quantisers = encoder.start_quantiser, encoder.end_quantiser
    changed = PhraseEncoder(model, encoder.tokeniser, *quantisers, encoder.sparse_scale)
    return StoredForm(changed, entries=MOST_ENTRIES)


def _heads(encoder: PhraseEncoder) -> SparcHeads:
    if encoder.model.sparc is None:
        raise SystemExit("The encoder has no sparse vectors.")
    return encoder.model.sparc


def hidden_states(encoder: PhraseEncoder, questions: Sequence[Question]) -> Tensor:
    """Return hidden states of the questions' paragraphs, (tokens, hidden_size)."""
    paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))[:_SAMPLE]
    states = []
    for window in encoder.tokeniser.paragraphs(paragraphs).windows:
        ids, mask = pad_batch([window.input_ids], encoder.config.pad_token_id)
        with torch.inference_mode():
            states.append(encoder.model.hidden(ids, mask)[0, window.first : -1])
    return torch.cat(states).clone()


class Clock:
    """Times the sparse scores of all kept starts of some paragraphs, in nanoseconds a start, both ways."""

    def __init__(self, encoder: PhraseEncoder, questions: Sequence[Question]) -> None:
        paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))
        texts = encoder.encode_paragraphs(paragraphs)
        ngrams, scale = encoder.encode_questions([q.text for q in questions]).sparse, encoder.sparse_scale
        if ngrams is None or scale is None:
            raise SystemExit("The encoder has no sparse vectors.")
        self._questions = [fold_ngrams(item, scale)[0] for item in ngrams]
        self._token = np.concatenate([item.start_token for item in texts])
        self._row_ptr = np.cumsum([0, *(len(item.start_token) for item in texts)])
        self._paragraph = np.repeat(np.arange(len(texts)), np.diff(self._row_ptr))
        self._scores = np.empty(len(self._token))
        stored = [item.start_sparse for item in texts if item.start_sparse is not None]
        self._rows = SparseRows(
            np.concatenate([np.diff(rows.pointers) for rows in stored]).astype(np.uint8),
            np.cumsum([0, *(len(rows.entries) for rows in stored)]),
            np.concatenate([rows.entries for rows in stored]),
            np.concatenate([rows.weights for rows in stored]),
            np.concatenate([item.token_ids for item in texts]),
            np.cumsum([0, *(item.tokens for item in texts)]),
        )

    def stored(self) -> float:
        """Return the time of stored rows."""
        selected = np.arange(len(self._token))
        return self._time(
            lambda question: sparse_scores(
                selected, self._paragraph, self._row_ptr, self._token, self._rows, question, self._scores
            )
        )

    def factorised(self, rank: int) -> float:
        """Return the time of factors of that rank; their values are random, which the work does not depend on."""
        random = np.random.default_rng(0)
        query, key = (
            random.integers(-127, 128, (size, 2, rank), np.int8) for size in (len(self._token), len(self._rows.pieces))
        )
        pieces, piece_ptr = self._rows.pieces, self._rows.piece_ptr
        return self._time(
            lambda question: factorised_scores(
                self._token, self._row_ptr, query, key, pieces, piece_ptr, question, self._scores
            )
        )

    def _time(self, score: Callable[[SparseQuestion], None]) -> float:
        score(self._questions[0])  # compiles
        begun = time.perf_counter()
        for question in self._questions:
            score(question)
        return 1e9 * (time.perf_counter() - begun) / (len(self._token) * len(self._questions))


@kernel
def factorised_scores(
    token: NDArray[np.int32],
    row_ptr: NDArray[np.int64],
    query: NDArray[np.int8],
    key: NDArray[np.int8],
    pieces: NDArray[np.int32],
    piece_ptr: NDArray[np.int64],
    question: SparseQuestion,
    scores: NDArray[np.float64],
) -> None:
    """Write the sparse scores of all rows to `scores` [R].

    Paragraph p has the rows `row_ptr[p]:row_ptr[p + 1]`, which stand at its tokens `token` [R] and have the factors
    `query` int8 [R, 2, r]; its word pieces, `pieces` [T], have the factors `key` int8 [T, 2, r].
    """
    ngrams = np.empty(0, np.float64)
    for paragraph in range(row_ptr.size - 1):
        first, stop = piece_ptr[paragraph], piece_ptr[paragraph + 1]
        ngrams = weigh_ngrams(pieces, first, stop, question, ngrams)
        matched = np.flatnonzero(ngrams[: 2 * (stop - first)])
        for row in range(row_ptr[paragraph], row_ptr[paragraph + 1]):
            total = 0.0
            for name in matched:
                place, order = name >> 1, name & 1
                if place != token[row] and place + order != token[row]:
                    product = np.int32(0)
                    for dimension in range(query.shape[2]):
                        factor = np.int32(key[first + place, order, dimension])
                        product += np.int32(query[row, order, dimension]) * factor
                    total += max(np.float64(product), 0.0) * ngrams[name]
            scores[row] = total


if __name__ == "__main__":
    main()
