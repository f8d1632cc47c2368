"""The bi-encoder: towers that make vectors of questions and of passages, scored by dot product (DPR, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from densephrase.encoder.backbone import drop_pooler, new_backbone, position_count
from densephrase.encoder.passage.config import PassageEncoderConfig


class BiEncoder(nn.Module):
    """A tower for passages and one for questions, which may be the same.

    A vector is the last hidden state of the first token, or the mean over all tokens; without a projection, and of unit
    length where the configuration says so.
    """

    def __init__(
        self,
        config: PassageEncoderConfig,
        passage: PreTrainedModel | None = None,
        question: PreTrainedModel | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.passage = drop_pooler(passage if passage is not None else new_backbone(config.backbone))
        if not config.is_shared:
            self.question = drop_pooler(question if question is not None else new_backbone(config.backbone))
        places = position_count(self.passage)
        if places is not None:
            config.check_positions(places)

    @property
    def question_tower(self) -> PreTrainedModel:
        """The tower that reads questions."""
        return self.passage if self.config.is_shared else self.question

    @property
    def towers(self) -> tuple[PreTrainedModel, ...]:
        """Each tower once."""
        return (self.passage,) if self.config.is_shared else (self.passage, self.question)

    def encode_passages(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """Encode passages: ids int64 and mask bool, both (passages, tokens), to float32 (passages, vector_size)."""
        return self.pool(self.passage, input_ids, mask)

    def encode_questions(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """Encode questions: ids int64 and mask bool, both (questions, tokens), to float32 (questions, vector_size)."""
        return self.pool(self.question_tower, input_ids, mask)

    def pool(self, tower: PreTrainedModel, input_ids: Tensor, mask: Tensor) -> Tensor:
        """Return the vectors that a tower, or a copy of one in another precision, makes of rows of tokens."""
        hidden: Tensor = tower(input_ids=input_ids, attention_mask=mask.long()).last_hidden_state
        if hidden.dtype != torch.float64:
            hidden = hidden.float()
        if self.config.pooling == "cls":
            vectors = hidden[:, 0]
        else:
            weights = mask[:, :, None].to(hidden.dtype)
            vectors = (hidden * weights).sum(1) / weights.sum(1)
        return nn.functional.normalize(vectors, dim=1) if self.config.normalise else vectors
