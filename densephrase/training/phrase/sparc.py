"""Scores of contextualised sparse vectors in training, without vectors over the vocabulary (Sparc, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor

from densephrase.encoder.question_ngrams import PAIR
from densephrase.training.phrase.batches import TrainingBatch


def sparc_scores(text: Tensor, question: Tensor, batch: TrainingBatch) -> tuple[Tensor, Tensor]:
    """Return the sparse scores of starts and of ends, both float32 (Q, P, T).

    The product of two bags of n-grams is `A M a`: A (P, 4, T, T) are the text's weights, a (Q, 4, U) the questions',
    and M[t, u] says whether the n-grams at t and u are the same. `M a` is gathered rather than multiplied out, from
    the weights of the n-grams that occur in the batch's questions.
    """
    text_grams, question_grams = grams(batch.text_ids), grams(batch.question_ids)
    scores = []
    for head in range(text.shape[1]):
        order = head % 2  # unigram, bigram, unigram, bigram
        matched = _matched(text_grams[order], question_grams[order], question[:, head].float())
        scores.append(torch.einsum("pit,qpt->qpi", text[:, head].float(), matched))
    return scores[0] + scores[1], scores[2] + scores[3]


def grams(ids: Tensor) -> tuple[Tensor, Tensor]:
    """Return the names of the unigrams and bigrams that begin at each token, int64 (rows, tokens); the last has none.

    The places that no n-gram may begin at have weight 0, so their names don't matter.
    """
    return ids, ids * PAIR + torch.nn.functional.pad(ids[:, 1:], (0, 1))


def _matched(text: Tensor, question: Tensor, weights: Tensor) -> Tensor:
    """Return `M a`: for each question the weight of the n-gram at each place of the text, (Q, P, T)."""
    known, place = torch.unique(question, return_inverse=True)
    table = weights.new_zeros(len(question), len(known) + 1).scatter_add(1, place, weights)
    found = torch.searchsorted(known, text).clamp_max(len(known) - 1)
    column = torch.where(known[found] == text, found, len(known))  # the last column is 0: not in any question
    return table[:, column]
