"""Contextualised sparse vectors: how much each n-gram of a text matters to each of its tokens (Sparc, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HEADS = ("start unigram", "start bigram", "end unigram", "end bigram")


class SparcHeads(nn.Module):
    """`A = ReLU(Q K^T / sqrt(d))` over the tokens of a text, separately for each of the four HEADS.

    Row i of A is the sparse vector of token i: a bag of n-grams, each weighted at the place t where it begins. A
    question's sparse vector is the row of its first token, by the same weights.
    """

    def __init__(self, hidden_size: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.query = nn.Linear(hidden_size, len(HEADS) * size)
        self.key = nn.Linear(hidden_size, len(HEADS) * size)

    def text(self, hidden: Tensor, token_mask: Tensor) -> Tensor:
        """Return A of windows, (windows, 4, tokens, tokens); hidden (windows, tokens, H), token_mask (windows, tokens).

        Only n-grams of paragraph tokens count (`token_mask`), and none that holds token i itself.
        """
        places = gram_mask(token_mask)[:, :, None, :] & _others(hidden.shape[1], hidden.device)
        return self.weights(hidden) * places

    def weights(self, hidden: Tensor) -> Tensor:
        """Return A of windows before anything is left out."""
        return self._attend(self.split(self.query(hidden)), hidden)

    def first_token(self, hidden: Tensor, token_mask: Tensor) -> Tensor:
        """Return the first row of A, (questions, 4, tokens); hidden (questions, tokens, H)."""
        weights = self._attend(self.split(self.query(hidden[:, :1])), hidden)[:, :, 0]
        return weights * gram_mask(token_mask)

    def split(self, projected: Tensor) -> Tensor:
        """(rows, tokens, 4 d) to (rows, 4, tokens, d)."""
        return projected.view(*projected.shape[:2], len(HEADS), self.size).transpose(1, 2)

    def _attend(self, query: Tensor, hidden: Tensor) -> Tensor:
        key = self.split(self.key(hidden))
        return torch.relu(query @ key.transpose(-1, -2) * self.size**-0.5)


def gram_mask(token_mask: Tensor) -> Tensor:
    """Say where an n-gram of each head may begin: bool (rows, tokens) to (rows, 4, tokens).

    A unigram begins at any token of the mask, a bigram where the next token is in it too.
    """
    pairs = token_mask.clone()
    pairs[:, :-1] &= token_mask[:, 1:]
    pairs[:, -1] = False
    return torch.stack([token_mask, pairs, token_mask, pairs], 1)


def _others(tokens: int, device: torch.device) -> Tensor:
    """Say which n-grams hold no part of token i: bool (4, tokens, tokens), True where t != i (and t + 1 != i)."""
    itself = torch.eye(tokens, dtype=torch.bool, device=device)
    before = itself.roll(-1, 1)
    before[0, -1] = False  # rolled around the edge
    unigram, bigram = ~itself, ~(itself | before)
    return torch.stack([unigram, bigram, unigram, bigram])
