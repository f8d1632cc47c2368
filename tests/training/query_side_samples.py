"""A tiny index of made-up paragraphs, and settings to tune questions on it in no time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from densephrase.data import Question
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.phrase_index import PhraseIndex
from densephrase.training.query_side.config import QuerySideConfig
from tests.conftest import make_encoder

_ASKED = ["who", "what", "when", "where", "which", "born", "by", "to"]
_WORDS = ["paris", "river", "queen", "year", "london", "city", "king", "war"]
_PARAGRAPHS = ["the queen of paris was in a river, in the year", "a king and the city of london, in war"]


def make_copies() -> list[Question]:
    """Return each of eight questions five times; each asks in its own word for one word of two paragraphs.

    The blanks behind its paragraph decide which copies are kept apart, so most unseen questions are known ones.
    """
    questions = []
    for number, (asked, word) in enumerate(zip(_ASKED, _WORDS, strict=True)):
        text = _PARAGRAPHS[number // 4]
        for blanks in range(5):
            context = text + " " * blanks
            starts = (text.index(word),)
            questions.append(
                Question(f"{asked}-{blanks}", f"{asked} {asked} {asked}", (word,), starts, context=context)
            )
    return questions


def build_index(folder: Path, questions: Sequence[Question], **encoder_settings: Any) -> Path:
    """Build an index of the questions' paragraphs with an encoder whose question vectors point the wrong way."""
    titles = {(question.context or "").strip(): question.title for question in questions}
    rows = [{"id": str(number), "title": title, "text": text} for number, (text, title) in enumerate(titles.items())]
    folder.mkdir()
    corpus = folder / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    encoder = make_encoder(**encoder_settings)
    _turn_questions(encoder.model)
    encoder.save_pretrained(folder / "encoder")
    PhraseIndex.build(corpus, folder / "index", folder / "encoder").close()
    return folder / "index"


def _turn_questions(model: PhraseModel) -> None:
    """Let vectors be hidden states, which tell tokens apart, but those of questions with the wrong sign."""
    for layer in model.backbone.modules():
        if isinstance(layer, torch.nn.LayerNorm):
            layer.reset_parameters()
    pairs = ((model.start_head, 1.0), (model.end_head, 1.0))
    for head, sign in (*pairs, (model.question_start.head, -1.0), (model.question_end.head, -1.0)):
        head.projection.weight.data = sign * torch.eye(len(head.projection.weight))
        head.projection.bias.data.zero_()
        head.outer.weight.data.zero_()
    for question_head in (model.question_start, model.question_end):
        question_head.attention.weight.data.zero_()


def make_settings(**changes: Any) -> QuerySideConfig:
    """Return settings under which four batches make an epoch."""
    return QuerySideConfig(**{"batch_questions": 8, "learning_rate": 0.01, "pull": 0.0, "weights": "all", **changes})
