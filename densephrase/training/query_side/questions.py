"""Questions of query-side fine-tuning, split by article, with frozen hidden states and n-grams."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.data import Question
from densephrase.encoder.encoded import QuestionNgrams
from densephrase.encoder.phrase.model import question_token_mask
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question_ngrams import question_ngrams
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.errors import TrainingError
from densephrase.training.data.examples import refuse_patterns
from densephrase.training.data.holdout import check_held_out, split_by_title
from densephrase.training.query_side.config import QuerySideConfig

_BATCH = 64
_UNSEEN_SHARE = 5  # one question in so many is kept apart where there are no articles to keep apart


@dataclass(frozen=True, slots=True)
class FrozenQuestion:
    """A question with everything that tuning leaves as it is."""

    question: Question
    hidden: NDArray[np.float16]  # [tokens, hidden size] last hidden states of the backbone
    ngrams: QuestionNgrams | None  # None without Sparc heads


def choose_questions(
    questions: Sequence[Question], config: QuerySideConfig, trained: Mapping[str, Any]
) -> tuple[Sequence[Question], Sequence[Question]]:
    """Return the questions to tune on, and those of other articles to measure with; all have reference answers.

    `trained` is what the encoder's configuration says of its training.

    Raises:
        TrainingError: if either would be empty, answers are patterns, or the encoder was trained on some of the
            articles held out here.
    """
    refuse_patterns(questions)
    asked = _asked(questions, config, trained)
    sides = split_by_title(asked, config.unseen_articles) if _articles(asked) else _split_by_paragraph(asked)
    tuned, unseen = ([question for question in side if question.answers] for side in sides)
    if not tuned or not unseen:
        raise TrainingError(
            f"Of {len(questions)} questions, {len(asked)} are about the articles asked for; "
            f"unseen_articles={config.unseen_articles} leaves {len(tuned)} with answers to tune on and {len(unseen)} "
            "to measure with, and both are needed. Give more questions, or keep fewer articles apart."
        )
    return tuned, unseen


def _asked(questions: Sequence[Question], config: QuerySideConfig, trained: Mapping[str, Any]) -> Sequence[Question]:
    titled = _articles(questions)
    if config.articles == "all" or not titled:
        return questions
    check_held_out(trained, config.held_out_articles)
    return split_by_title(titled, config.held_out_articles)[1]


def _articles(questions: Sequence[Question]) -> Sequence[Question]:
    """Return the questions with a title if some titles are those of articles, else none."""
    titled = [question for question in questions if question.title]
    return titled if split_by_title(titled, 1)[1] else []


def _split_by_paragraph(questions: Sequence[Question]) -> tuple[list[Question], list[Question]]:
    """Split questions into (rest, unseen) by a hash of the paragraph, or of the question where there is none."""
    sides: tuple[list[Question], list[Question]] = ([], [])
    for question in questions:
        digest = hashlib.sha256((question.context or question.text).encode()).digest()
        sides[digest[-1] % _UNSEEN_SHARE == 0].append(question)
    return sides


def freeze_questions(encoder: PhraseEncoder, questions: Sequence[Question]) -> list[FrozenQuestion]:
    """Run the backbone and the Sparc heads once over each question; hidden states are float16 to save memory."""
    rows = encoder.tokeniser.questions([question.text for question in questions])
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))  # so that batches need little padding
    frozen: dict[int, FrozenQuestion] = {}
    for at in range(0, len(order), _BATCH):
        batch = order[at : at + _BATCH]
        states, weights = _encode(encoder, [rows[number] for number in batch])
        for place, number in enumerate(batch):
            length = len(rows[number])
            ngrams = None if weights is None else question_ngrams(rows[number], weights[place][:, :length])
            frozen[number] = FrozenQuestion(questions[number], states[place, :length].copy(), ngrams)
    return [frozen[number] for number in range(len(rows))]


def _encode(
    encoder: PhraseEncoder, rows: Sequence[Sequence[int]]
) -> tuple[NDArray[np.float16], NDArray[np.float32] | None]:
    """Return hidden states (questions, tokens, hidden size) and sparse vectors (questions, 4, tokens), if any."""
    model = encoder.model
    ids, mask = pad_batch(rows, encoder.config.pad_token_id, model.device)
    with torch.inference_mode():
        hidden = model.hidden(ids, mask)
        states = hidden.half().cpu().numpy()
        if model.sparc is None:
            return states, None
        sparse = model.sparc.first_token(hidden, question_token_mask(ids, mask, encoder.config))
        return states, sparse.float().cpu().numpy()


def pad_states(questions: Sequence[FrozenQuestion], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return hidden states float32 (questions, tokens, hidden size) and their mask bool (questions, tokens)."""
    hidden = pad_arrays([item.hidden for item in questions], 0)
    mask = pad_arrays([np.ones(len(item.hidden), bool) for item in questions], False)
    return hidden.float().to(device), mask.to(device)


def pad_arrays(rows: Sequence[NDArray[np.generic]], value: float) -> Tensor:
    """Return arrays of one type [n, ...] as one (rows, longest, ...), filled up with `value`."""
    padded = np.full((len(rows), max(map(len, rows)), *rows[0].shape[1:]), value, rows[0].dtype)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = row
    return torch.from_numpy(padded)


def question_batches(
    questions: Sequence[FrozenQuestion], size: int, seed: int, epoch: int, first: int
) -> Iterator[list[FrozenQuestion]]:
    """Yield the batches of an epoch from number `first` on; their order depends on the seed and the epoch only."""
    order = np.random.default_rng((seed, epoch)).permutation(len(questions))
    for at in range(first * size, len(order), size):
        yield [questions[number] for number in order[at : at + size].tolist()]
