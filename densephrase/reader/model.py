"""The reader's network: question and paragraph read together, a start and an end logit for each token."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import PreTrainedModel

from densephrase.encoder.backbone import drop_pooler
from densephrase.reader.spans import span_band, span_scores


class ReaderModel(nn.Module):
    """A Hugging Face backbone with a linear layer of two outputs (Devlin et al. 2019, section 4.2)."""

    def __init__(self, backbone: PreTrainedModel) -> None:
        super().__init__()
        self.backbone = drop_pooler(backbone)
        self.span_head = nn.Linear(int(backbone.config.hidden_size), 2)
        self._segments = int(getattr(backbone.config, "type_vocab_size", 0) or 0) > 1

    def forward(self, input_ids: Tensor, mask: Tensor, token_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return start and end logits, float32 (rows, tokens), -inf where `token_mask` has no paragraph token.

        `input_ids` int64, `mask` and `token_mask` bool, all (rows, tokens): `[CLS] question [SEP] paragraph [SEP]`.
        """
        options = {"token_type_ids": self._segment_ids(token_mask)} if self._segments else {}
        hidden = self.backbone(input_ids=input_ids, attention_mask=mask.long(), **options).last_hidden_state
        logits = self.span_head(hidden).float().masked_fill(~token_mask[..., None], float("-inf"))
        return logits[..., 0], logits[..., 1]

    @staticmethod
    def _segment_ids(token_mask: Tensor) -> Tensor:
        """Return 0 for the question and 1 from the first paragraph token on."""
        return (token_mask.long().cumsum(1) > 0).long()


def decode_spans(start: Tensor, end: Tensor, max_answer_tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return start column, end column (inclusive) and score of each row's best span; logits (rows, tokens)."""
    tokens = start.shape[1]
    band = span_band(tokens, max_answer_tokens, start.device)
    best, place = span_scores(start, end, band).flatten(1).max(1)
    return place // tokens, place % tokens, best
