"""The phrase model: one tower, start and end vectors for text tokens and for questions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from densephrase.encoder.backbone import drop_pooler, new_backbone, position_count
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.phrase.sparc import SparcHeads


class TextVectors(NamedTuple):
    """Everything the text side says of each token of each window."""

    start: Tensor  # (windows, tokens, row_size): start vector, then k
    end: Tensor  # (windows, tokens, row_size): end vector, then c
    filter_logits: Tensor  # (windows, tokens, 2): is it a start, is it an end
    sparc: Tensor | None  # (windows, 4, tokens, tokens): sparse vectors by head, token and place; None without heads


class QuestionOutput(NamedTuple):
    """Everything the question side says of each question."""

    start: Tensor  # (questions, vector_size)
    end: Tensor  # (questions, vector_size)
    sparc: Tensor | None  # (questions, 4, tokens): sparse vectors by head and place; None without heads


class ResidualHead(nn.Module):
    """A projection plus a small perceptron that starts at zero: `y = W x + V gelu(U x)`.

    The projection starts as the identity, so that training begins from the backbone's own space.
    """

    def __init__(self, input_size: int, output_size: int, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, output_size)
        nn.init.eye_(self.projection.weight)
        nn.init.zeros_(self.projection.bias)
        self.inner = nn.Linear(input_size, hidden_size) if hidden_size else None
        if hidden_size:
            self.outer = nn.Linear(hidden_size, output_size, bias=False)
            nn.init.zeros_(self.outer.weight)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (..., input_size) to (..., output_size)."""
        projected: Tensor = self.projection(hidden)
        if self.inner is None:
            return projected
        return projected + self.outer(nn.functional.gelu(self.inner(hidden)))


class QuestionHead(nn.Module):
    """Pools a question's tokens by learned attention, adds the first token, and projects."""

    def __init__(self, hidden_size: int, output_size: int, head_hidden_size: int) -> None:
        super().__init__()
        self.attention = nn.Linear(hidden_size, 1, bias=False)
        nn.init.zeros_(self.attention.weight)  # starts as the plain mean
        self.head = ResidualHead(hidden_size, output_size, head_hidden_size)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Map hidden (questions, tokens, hidden_size) and mask (questions, tokens) to (questions, output_size)."""
        logits = self.attention(hidden).squeeze(-1).float().masked_fill(~mask, float("-inf"))
        pooled = torch.einsum("qt,qth->qh", logits.softmax(-1).to(hidden.dtype), hidden)
        vector: Tensor = self.head(hidden[:, 0] + pooled)
        return vector


class PhraseModel(nn.Module):
    """A Hugging Face backbone with start, end, coherency and filter heads.

    Phrase vectors as in DenSPI (Seo et al. 2019, section 4.1) with separate heads instead of slices of the hidden
    state; coherency as a dot product of rank r, its question side fixed at one (Sparc). Question vectors are divided
    by sqrt(vector_size), so that scores are plain dot products at search time.
    """

    def __init__(self, config: EncoderConfig, backbone: PreTrainedModel | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = drop_pooler(backbone if backbone is not None else new_backbone(config.backbone))
        places = position_count(self.backbone)
        if places is not None:
            config.check_positions(places)
        hidden_size = int(self.backbone.config.hidden_size)
        sizes = (hidden_size, config.vector_size, config.head_hidden_size)
        self.start_head, self.end_head = ResidualHead(*sizes), ResidualHead(*sizes)
        self.question_start, self.question_end = QuestionHead(*sizes), QuestionHead(*sizes)
        self.start_coherency = (
            nn.Linear(hidden_size, config.coherency_rank, bias=False) if config.coherency_rank else None
        )
        self.end_coherency = (
            nn.Linear(hidden_size, config.coherency_rank, bias=False) if config.coherency_rank else None
        )
        self.sparc = SparcHeads(hidden_size, config.sparc_size) if config.sparc_size else None
        self.phrase_filter = new_filter(hidden_size, config.filter_size)

    @property
    def device(self) -> torch.device:
        """The device of its weights."""
        return next(self.parameters()).device

    def hidden(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """Run the backbone: ids and mask (rows, tokens) to the last hidden state (rows, tokens, hidden_size)."""
        state: Tensor = self.backbone(input_ids=input_ids, attention_mask=mask.long()).last_hidden_state
        return state

    def encode_text(self, input_ids: Tensor, mask: Tensor, token_mask: Tensor) -> TextVectors:
        """Encode windows: ids int64, mask and token_mask (paragraph tokens) bool, all (windows, tokens)."""
        hidden = self.hidden(input_ids, mask)
        sparc = None if self.sparc is None else self.sparc.text(hidden, token_mask)
        return TextVectors(self.start_rows(hidden), self.end_rows(hidden), self.phrase_filter(hidden), sparc)

    def start_rows(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., hidden_size) to start rows (..., row_size); k is divided by sqrt(coherency_rank)."""
        rows = self.start_head(hidden)
        if self.start_coherency is None:
            return rows
        return torch.cat([rows, self.start_coherency(hidden) * self.config.coherency_rank**-0.5], -1)

    def end_rows(self, hidden: Tensor) -> Tensor:
        """Map hidden states (..., hidden_size) to end rows (..., row_size)."""
        rows = self.end_head(hidden)
        return rows if self.end_coherency is None else torch.cat([rows, self.end_coherency(hidden)], -1)

    def encode_questions(self, input_ids: Tensor, mask: Tensor) -> QuestionOutput:
        """Encode questions `[CLS] question [SEP]`: ids int64 and mask bool, both (questions, tokens)."""
        hidden = self.hidden(input_ids, mask)
        scale = self.config.vector_size**-0.5
        sparc = None
        if self.sparc is not None:
            sparc = self.sparc.first_token(hidden, question_token_mask(input_ids, mask, self.config))
        return QuestionOutput(self.question_start(hidden, mask) * scale, self.question_end(hidden, mask) * scale, sparc)


def question_token_mask(input_ids: Tensor, mask: Tensor, config: EncoderConfig) -> Tensor:
    """Say which tokens of questions may stand in an n-gram, bool (questions, tokens): not special ones, no "?"."""
    token_mask = mask & (input_ids != config.question_mark_id)
    for special in (config.cls_token_id, config.sep_token_id, config.pad_token_id):
        token_mask &= input_ids != special
    return token_mask


def new_filter(hidden_size: int, filter_size: int) -> nn.Sequential:
    """Return a phrase filter: a perceptron with two logits, for starts and for ends."""
    return nn.Sequential(nn.Linear(hidden_size, filter_size), nn.GELU(), nn.Linear(filter_size, 2))
