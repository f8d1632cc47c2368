"""Batches of paragraphs with their questions: neighbours from one article, lengths alike."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow
from densephrase.training.data.neighbours import Neighbours
from densephrase.training.data.term_scores import WindowBM25
from densephrase.training.phrase.config import TrainingConfig

_POOL = 16  # batches that are sorted by length together
_JITTER = 0.3  # noise on lengths, so that an article's paragraphs meet other neighbours in each epoch


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Tensors of one step; P windows of T tokens, Q questions of U tokens."""

    text_ids: Tensor  # int64 (P, T)
    text_mask: Tensor  # bool (P, T)
    token_mask: Tensor  # bool (P, T): paragraph tokens only
    filter_target: Tensor  # float32 (P, T, 2)
    question_ids: Tensor  # int64 (Q, U), shortest question first
    question_mask: Tensor  # bool (Q, U)
    gold_window: Tensor  # int64 (Q,)
    gold_start: Tensor  # int64 (Q,)
    gold_end: Tensor  # int64 (Q,)
    weight: Tensor  # float32 (Q,): how often a question counts
    teacher: Tensor  # float32 (Q, 2, T): the reader's logits, -inf off the paragraph; (Q, 2, 0) without a reader
    has_teacher: Tensor  # bool (Q,)
    terms: Tensor  # float32 (Q, P): BM25 of questions and windows, as search adds it to the score
    copied_starts: Tensor  # int64 (C, 3): question, window, column of its gold start in another window of its paragraph
    copied_ends: Tensor  # int64 (D, 3): the same of its gold end


@dataclass(frozen=True, slots=True)
class ParagraphBatches:
    """The batches of a run: `neighbours` as in `plan_epoch`; `terms`, BM25 of the windows, where a score has some."""

    windows: Sequence[TrainingWindow]
    config: TrainingConfig
    pad_token_id: int
    neighbours: Neighbours | None = None
    terms: WindowBM25 | None = None

    def epoch(self, epoch: int, first: int = 0) -> Iterator[TrainingBatch]:
        """Yield the batches of an epoch from number `first` on.

        Each depends on the seed, the epoch and its number alone, which makes resuming exact.
        """
        rng = np.random.default_rng((self.config.seed, epoch))
        plan = plan_epoch(self.windows, self.config, rng, self.neighbours)
        for number, members in enumerate(plan[first:], first):
            rng = np.random.default_rng((self.config.seed, epoch, number))
            scores = None if self.terms is None else partial(self.terms.of, members)
            chosen = [self.windows[member] for member in members]
            yield make_paragraph_batch(chosen, self.config, self.pad_token_id, rng, scores)


def batches_per_epoch(windows: Sequence[TrainingWindow], config: TrainingConfig) -> int:
    """Return the number of batches of an epoch, the same for each."""
    return len(plan_epoch(windows, config, np.random.default_rng(0)))


def plan_epoch(
    windows: Sequence[TrainingWindow],
    config: TrainingConfig,
    rng: np.random.Generator,
    neighbours: Neighbours | None = None,
) -> list[list[int]]:
    """Return the window numbers of each batch, every window once.

    Windows that stand side by side are rivals where `neighbours` has some, of one article elsewhere.
    """
    beside_rivals = set() if neighbours is None else set(neighbours.windows.tolist())
    groups = _article_groups(windows, beside_rivals, config.article_paragraphs, rng)
    if neighbours is not None:
        groups += _rival_groups(neighbours, len(windows), config.article_paragraphs, rng)
    order = rng.permutation(len(groups))
    length = np.array([max(len(windows[member].input_ids) for member in group) for group in groups])
    pool = max(1, _POOL * config.batch_paragraphs // config.article_paragraphs)
    ordered = [
        number for at in range(0, len(order), pool) for number in sorted(order[at : at + pool], key=lambda n: length[n])
    ]
    flat = [member for number in ordered for member in groups[number]]
    batches = [flat[at : at + config.batch_paragraphs] for at in range(0, len(flat), config.batch_paragraphs)]
    return [batches[number] for number in rng.permutation(len(batches))]


def _article_groups(
    windows: Sequence[TrainingWindow], left_out: Container[int], size: int, rng: np.random.Generator
) -> list[list[int]]:
    articles: dict[str, list[int]] = {}
    for number, window in enumerate(windows):
        if number not in left_out:
            articles.setdefault(window.article, []).append(number)
    groups: list[list[int]] = []
    for members in articles.values():
        noisy = np.array([len(windows[member].input_ids) for member in members]) * (
            1 + _JITTER * rng.random(len(members))
        )
        ordered = [members[at] for at in np.argsort(noisy, kind="stable")]
        groups.extend(ordered[at : at + size] for at in range(0, len(ordered), size))
    return groups


def _rival_groups(neighbours: Neighbours, windows: int, size: int, rng: np.random.Generator) -> list[list[int]]:
    """Put each window that is still free, in random order, beside its best rivals that are still free too."""
    free = np.ones(windows, bool)
    groups: list[list[int]] = []
    for row in rng.permutation(len(neighbours.windows)).tolist():
        number = int(neighbours.windows[row])
        if free[number]:
            free[number] = False
            rivals = neighbours.rivals[row][free[neighbours.rivals[row]]][: size - 1]
            free[rivals] = False
            groups.append([number, *rivals.tolist()])
    return groups


def make_paragraph_batch(
    windows: Sequence[TrainingWindow],
    config: TrainingConfig,
    pad_token_id: int,
    rng: np.random.Generator,
    terms: Callable[[Sequence[TrainingQuestion]], NDArray[np.float32]] | None = None,
) -> TrainingBatch:
    """Pad windows and a random choice of their questions into tensors.

    `terms` returns the BM25 scores of Q questions in these P windows, float32 [Q, P]; without it they are 0.
    """
    shifts = [_title_tokens(window) if rng.random() < config.title_dropout else 0 for window in windows]
    rows = [
        [window.input_ids[0], *window.input_ids[1 + shift :]] for window, shift in zip(windows, shifts, strict=True)
    ]
    text_ids, text_mask = pad_batch(rows, pad_token_id)
    token_mask = np.zeros(text_ids.shape, bool)
    target = np.zeros((*text_ids.shape, 2), np.float32)
    asked: list[tuple[TrainingQuestion, tuple[int, int, int], int]] = []
    for number, (window, shift) in enumerate(zip(windows, shifts, strict=True)):
        token_mask[number, window.first - shift : window.last - shift] = True
        for start, end in [*((question.start, question.end) for question in window.questions), *window.others]:
            target[number, start - shift, 0] = target[number, end - shift, 1] = 1
        chosen = rng.permutation(len(window.questions))[: config.questions_per_paragraph]
        for question in (window.questions[at] for at in chosen):
            gold = (number, question.start - shift, question.end - shift)
            asked.append((question, gold, window.first - shift))
    asked.sort(key=lambda item: len(item[0].input_ids))  # so that a part of the batch needs little padding
    question_ids, question_mask = pad_batch([question.input_ids for question, _, _ in asked], pad_token_id)
    places: NDArray[np.int64] = np.array([gold for _, gold, _ in asked], np.int64)
    gold_window, gold_start, gold_end = torch.from_numpy(np.ascontiguousarray(places.T))
    logits, has_teacher = _teacher([(question, first) for question, _, first in asked], text_ids.shape[1])
    no_terms = torch.zeros(len(asked), len(windows))
    return TrainingBatch(
        text_ids=text_ids,
        text_mask=text_mask,
        token_mask=torch.from_numpy(token_mask),
        filter_target=torch.from_numpy(target),
        question_ids=question_ids,
        question_mask=question_mask,
        gold_window=gold_window,
        gold_start=gold_start,
        gold_end=gold_end,
        weight=torch.tensor([float(question.weight) for question, _, _ in asked]),
        teacher=logits,
        has_teacher=has_teacher,
        terms=no_terms if terms is None else torch.from_numpy(terms([question for question, _, _ in asked])),
        copied_starts=_copies(windows, shifts, [(window, start) for _, (window, start, _), _ in asked]),
        copied_ends=_copies(windows, shifts, [(window, end) for _, (window, _, end), _ in asked]),
    )


def _copies(windows: Sequence[TrainingWindow], shifts: Sequence[int], places: Sequence[tuple[int, int]]) -> Tensor:
    """Return where the token at each question's (window, column) stands in other windows too, int64 (C, 3)."""
    found = []
    for question, (own, column) in enumerate(places):
        token = column + shifts[own] - windows[own].shift
        for number, window in enumerate(windows):
            if number != own and window.paragraph == windows[own].paragraph >= 0:
                place = token + window.shift
                if window.first <= place < window.last:
                    found.append((question, number, place - shifts[number]))
    return torch.tensor(found, dtype=torch.int64).view(-1, 3)


def _teacher(asked: Sequence[tuple[TrainingQuestion, int]], tokens: int) -> tuple[Tensor, Tensor]:
    """Return the reader's logits and who has some; `asked` are questions with the first column of their paragraph."""
    has_teacher = np.array([question.teacher is not None for question, _ in asked])
    logits = np.full((len(asked), 2, tokens if has_teacher.any() else 0), -np.inf, np.float32)
    for row, (question, first) in enumerate(asked):
        if question.teacher is not None:
            logits[row, :, first : first + question.teacher.shape[1]] = question.teacher
    return torch.from_numpy(logits), torch.from_numpy(has_teacher)


def _title_tokens(window: TrainingWindow) -> int:
    return window.first - 1  # the title and its separator; 0 where there is no title
