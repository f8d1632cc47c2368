"""Batches: every window once an epoch, gold spans that follow their tokens, and nothing left to chance."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch

from densephrase.data import Question
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow, make_examples
from densephrase.training.phrase.batches import (
    ParagraphBatches,
    TrainingBatch,
    batches_per_epoch,
    make_paragraph_batch,
    plan_epoch,
)
from densephrase.training.phrase.config import TrainingConfig
from tests.conftest import make_config, make_tokenizer
from tests.training.facts import make_facts

PAD = 0


def make_windows(count: int, articles: int = 5, seed: int = 0) -> list[TrainingWindow]:
    """Return windows whose tokens are all different, so that a token tells where it came from."""
    rng = np.random.default_rng(seed)
    windows, fresh = [], 10
    for number in range(count):
        title, tokens = int(rng.integers(0, 4)), int(rng.integers(6, 30))
        first = title + 2 if title else 1
        ids = list(range(fresh, fresh + first + tokens + 1))
        fresh += len(ids)
        asked = []
        for _ in range(int(rng.integers(1, 5))):
            start = int(rng.integers(first, first + tokens))
            end = int(rng.integers(start, min(start + 4, first + tokens)))
            asked.append(TrainingQuestion([2, *range(fresh, fresh + int(rng.integers(1, 9))), 3], start, end))
            fresh += 9
        windows.append(TrainingWindow(f"article {number % articles}", ids, first, first + tokens, asked))
    return windows


def settings(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**{"batch_paragraphs": 6, "article_paragraphs": 2, "title_dropout": 0.5, **changes})


def equal(one: TrainingBatch, other: TrainingBatch) -> bool:
    return all(torch.equal(getattr(one, item.name), getattr(other, item.name)) for item in fields(TrainingBatch))


@pytest.mark.parametrize("count", [1, 5, 6, 47], ids="{} windows".format)
@pytest.mark.parametrize("together", [1, 2, 4], ids="{} of an article".format)
def test_every_window_comes_once_an_epoch(count: int, together: int) -> None:
    config, windows = settings(article_paragraphs=together), make_windows(count)
    for epoch in range(3):
        plan = plan_epoch(windows, config, np.random.default_rng(epoch))
        assert sorted(member for members in plan for member in members) == list(range(count))
        assert len(plan) == batches_per_epoch(windows, config) == -(-count // 6)
        assert all(len(members) <= 6 for members in plan)


def test_neighbours_are_of_one_article() -> None:
    windows = make_windows(48, articles=6)
    plan = plan_epoch(windows, settings(), np.random.default_rng(0))
    for members in plan:
        articles = [windows[member].article for member in members]
        assert [articles[at] == articles[at + 1] for at in range(0, 6, 2)] == [True] * 3


def test_windows_of_like_length_come_together() -> None:
    windows = make_windows(400)
    plan = plan_epoch(windows, settings(), np.random.default_rng(0))
    lengths = [[len(windows[member].input_ids) for member in members] for members in plan]
    padded = sum(len(batch) * max(batch) for batch in lengths)
    shuffled = np.random.default_rng(1).permutation([n for batch in lengths for n in batch])[:396].reshape(-1, 6)
    assert padded < 0.9 * shuffled.max(1).sum() * 6


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0], ids="dropout {}".format)
def test_gold_positions_point_at_the_gold_tokens(dropout: float) -> None:
    windows = make_windows(12)
    batch = make_paragraph_batch(
        windows, settings(title_dropout=dropout, questions_per_paragraph=9), PAD, np.random.default_rng(3)
    )
    spans = {tuple(q.input_ids): w.input_ids[q.start : q.end + 1] for w in windows for q in w.questions}
    assert len(batch.question_ids) == len(spans) == sum(len(window.questions) for window in windows)
    for ids, mask, window, start, end in zip(
        batch.question_ids, batch.question_mask, batch.gold_window, batch.gold_start, batch.gold_end, strict=True
    ):
        assert batch.text_ids[window, start : end + 1].tolist() == spans[tuple(ids[mask].tolist())]
        assert batch.token_mask[window, start : end + 1].all()
        assert batch.filter_target[window, start, 0] == batch.filter_target[window, end, 1] == 1


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0], ids="dropout {}".format)
def test_masks_tell_tokens_from_titles_and_padding(dropout: float) -> None:
    windows = make_windows(12)
    batch = make_paragraph_batch(windows, settings(title_dropout=dropout), PAD, np.random.default_rng(3))
    shortened = 0
    for number, window in enumerate(windows):
        row = batch.text_ids[number][batch.text_mask[number]].tolist()
        assert batch.text_ids[number][~batch.text_mask[number]].eq(PAD).all()
        assert batch.text_ids[number][batch.token_mask[number]].tolist() == window.input_ids[window.first : window.last]
        without_title = [window.input_ids[0], *window.input_ids[window.first :]]
        assert row in (window.input_ids, without_title)
        shortened += row != window.input_ids
        targets = batch.filter_target[number]
        assert int(targets[:, 0].sum()) == len({question.start for question in window.questions})
        assert int(targets[:, 1].sum()) == len({question.end for question in window.questions})
    titled = sum(window.first > 1 for window in windows)
    assert shortened == {0.0: 0, 1.0: titled}.get(dropout, shortened)
    assert dropout != 0.5 or 0 < shortened < titled


@pytest.mark.parametrize("dropout", [0.0, 0.5], ids="dropout {}".format)
def test_a_gold_span_is_found_in_all_windows_of_its_paragraph(dropout: float) -> None:
    tokenizer = make_tokenizer()
    text = " ".join(f"king {name} was born in {year} by the river." for year, name in enumerate("abcdefgh", 1710))
    questions = [
        Question(name, f"who was born in {year}", (name,), (text.index(f" {name} ") + 1,), "war", text)
        for year, name in enumerate("abcdefgh", 1710)
    ]
    questions += [replace(fact, title="war") for fact in make_facts()]  # paragraphs of one window
    windows = make_examples(questions, PhraseTokeniser(tokenizer, make_config(tokenizer)), 6).windows
    config = settings(title_dropout=dropout, questions_per_paragraph=9)
    batch = make_paragraph_batch(windows, config, PAD, np.random.default_rng(3))
    for copies, gold in ((batch.copied_starts, batch.gold_start), (batch.copied_ends, batch.gold_end)):
        assert len(copies) > 4
        for question, window, column in copies.tolist():
            own = int(batch.gold_window[question])
            assert window != own
            assert batch.text_ids[window, column] == batch.text_ids[own, gold[question]]  # a name, which comes once
            assert batch.token_mask[window, column]
        assert all(windows[window].paragraph >= 0 for window in copies[:, 1].tolist())
    whole = {
        (int(start[0]), int(start[1]), int(start[2]), int(end[2]))
        for start in batch.copied_starts
        for end in batch.copied_ends
        if start[:2].equal(end[:2])
    }
    for _, window, start, end in whole:  # the filter keeps what another window owns
        assert batch.filter_target[window, start, 0] == batch.filter_target[window, end, 1] == 1


def test_questions_are_a_fair_choice_in_order_of_length() -> None:
    window = make_windows(1)[0]
    questions = [TrainingQuestion([2, *[7] * length, 3], window.first, window.first) for length in range(1, 9)]
    window = TrainingWindow("a", window.input_ids, window.first, window.last, questions)
    seen: Counter[int] = Counter()
    for number in range(200):
        batch = make_paragraph_batch([window], settings(questions_per_paragraph=3), PAD, np.random.default_rng(number))
        lengths = batch.question_mask.sum(1).tolist()
        assert lengths == sorted(set(lengths))
        assert len(lengths) == 3
        seen.update(lengths)
    assert set(seen) == set(range(3, 11))
    assert min(seen.values()) > 40


def test_batches_depend_on_seed_epoch_and_number_alone() -> None:
    windows = make_windows(30)
    first, again = (list(ParagraphBatches(windows, settings(), PAD).epoch(2)) for _ in range(2))
    assert all(map(equal, first, again))
    other_epoch = next(ParagraphBatches(windows, settings(), PAD).epoch(3))
    other_seed = next(ParagraphBatches(windows, settings(seed=99), PAD).epoch(2))
    assert not equal(first[0], other_epoch)
    assert not equal(first[0], other_seed)


@pytest.mark.parametrize("first", [0, 1, 4, 5])
def test_first_skips_exactly(first: int) -> None:
    windows = make_windows(30)
    everything = list(ParagraphBatches(windows, settings(), PAD).epoch(1))
    rest = list(ParagraphBatches(windows, settings(), PAD).epoch(1, first))
    assert len(everything) == 5
    assert len(rest) == 5 - first
    assert all(map(equal, everything[first:], rest))


@pytest.mark.parametrize("dropout", [0.0, 0.5, 1.0], ids="dropout {}".format)
def test_the_teachers_logits_stand_at_the_paragraphs_tokens(dropout: float) -> None:
    windows, random = make_windows(12), np.random.default_rng(5)
    taught = {}
    for window in windows:
        for number, question in enumerate(window.questions[::2]):
            logits = random.normal(size=(2, window.last - window.first)).astype(np.float16)
            window.questions[2 * number] = replace(question, teacher=logits)
            taught[tuple(question.input_ids)] = logits
    batch = make_paragraph_batch(
        windows, settings(title_dropout=dropout, questions_per_paragraph=9), PAD, np.random.default_rng(3)
    )
    assert batch.teacher.dtype == torch.float32
    assert batch.teacher.shape == (len(batch.question_ids), 2, batch.text_ids.shape[1])
    for row, (ids, mask) in enumerate(zip(batch.question_ids, batch.question_mask, strict=True)):
        logits = taught.get(tuple(ids[mask].tolist()))
        assert bool(batch.has_teacher[row]) == (logits is not None)
        own = batch.token_mask[batch.gold_window[row]]
        if logits is not None:
            np.testing.assert_array_equal(batch.teacher[row][:, own], logits)
            assert batch.teacher[row][:, ~own].eq(float("-inf")).all()


def test_without_a_teacher_there_is_nothing_to_pad() -> None:
    batch = make_paragraph_batch(make_windows(3), settings(), PAD, np.random.default_rng(0))
    assert batch.teacher.shape == (len(batch.question_ids), 2, 0)
    assert not batch.has_teacher.any()


def test_real_windows_lose_their_title_only() -> None:
    tokenizer = make_tokenizer()
    windows = make_examples(make_facts(), PhraseTokeniser(tokenizer, make_config(tokenizer, max_tokens=60)), 6).windows
    batch = make_paragraph_batch(windows, settings(title_dropout=1.0), PAD, np.random.default_rng(0))
    texts = {question.context for question in make_facts()}
    encoded = {tuple(tokenizer.encode(text, add_special_tokens=False).ids) for text in texts}
    rows = {tuple(ids[mask].tolist()) for ids, mask in zip(batch.text_ids, batch.text_mask, strict=True)}
    assert rows == {(2, *ids, 3) for ids in encoded}
