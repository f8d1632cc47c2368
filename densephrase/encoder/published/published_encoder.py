"""What every published layout is read to, and which layout a name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedModel

LAYOUTS = (
    "Accepted are 'minilm'; a folder that densephrase saved; a sentence-transformers folder (modules.json) of a "
    "Transformer, a Pooling of the first token or the mean, and perhaps Normalize; a folder with DPR's ctx_encoder and "
    "question_encoder in Hugging Face's layout, or the two named as 'PASSAGES,QUESTIONS'; a folder with one DPR "
    "checkpoint (*.cp) and its vocab.txt; and Hugging Face hub ids of these"
)


@dataclass(frozen=True, slots=True)
class PublishedEncoder:
    """The towers of a published encoder and the settings that its files state."""

    settings: dict[str, Any]  # keywords of PassageEncoderConfig
    passage: PreTrainedModel
    question: PreTrainedModel | None  # None where one tower reads both
    tokenizer: Tokenizer
    source: str | Path  # where it comes from, for errors
