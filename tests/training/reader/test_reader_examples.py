"""Training examples of the reader: the layout of a row, gold columns, and batches that leave nothing to chance."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

from densephrase.encoder.device import on_device
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.reader.inputs import pad_reader_inputs
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow, make_examples
from densephrase.training.reader.examples import (
    ReaderExample,
    ReaderTrainingBatch,
    make_reader_batch,
    reader_batches,
    reader_example,
)
from tests.conftest import make_config, make_tokenizer
from tests.training.facts import make_facts

CLS, SEP, PAD = 2, 3, 0


@pytest.fixture(scope="module")
def windows() -> list[TrainingWindow]:
    tokenizer = make_tokenizer()
    return make_examples(make_facts(), PhraseTokeniser(tokenizer, make_config(tokenizer, max_tokens=60)), 6).windows


def test_a_row_is_question_and_paragraph_without_the_title(windows: list[TrainingWindow]) -> None:
    tokenizer = make_tokenizer()
    facts = {(fact.text, str(fact.context)): fact for fact in make_facts()}
    seen = 0
    for window in windows:
        for question in window.questions:
            example = reader_example(question, window)
            rows = {
                (fact.text, text): [
                    CLS,
                    *tokenizer.encode(fact.text, add_special_tokens=False).ids,
                    SEP,
                    *tokenizer.encode(text, add_special_tokens=False).ids,
                    SEP,
                ]
                for (_, text), fact in facts.items()
            }
            [key] = [key for key, row in rows.items() if row == example.input_ids]
            answer = tokenizer.encode(facts[key].answers[0], add_special_tokens=False).ids
            assert example.input_ids[example.start : example.end + 1] == answer
            assert example.input_ids[: example.first] == question.input_ids
            seen += 1
    assert seen == len(facts)


def test_a_window_without_a_title_fits_as_well() -> None:
    window = TrainingWindow("", [CLS, 10, 11, 12, 13, SEP], 1, 5)
    example = reader_example(TrainingQuestion([CLS, 20, 21, SEP], 2, 4), window)
    assert example == ReaderExample([CLS, 20, 21, SEP, 10, 11, 12, 13, SEP], 4, 5, 7)


def test_a_batch_holds_inputs_and_gold_spans() -> None:
    examples = [
        ReaderExample([CLS, 20, SEP, 10, 11, SEP], 3, 3, 4),
        ReaderExample([CLS, 20, 21, 22, SEP, 10, 11, 12, SEP], 5, 6, 6),
    ]
    batch, inputs = make_reader_batch(examples, PAD), pad_reader_inputs(examples, PAD)
    assert all(torch.equal(getattr(batch, name), getattr(inputs, name)) for name in inputs.__slots__)
    assert (batch.start.tolist(), batch.end.tolist()) == ([3, 6], [4, 6])
    moved = on_device(batch, torch.device("cpu"))
    assert type(moved) is ReaderTrainingBatch
    assert all(torch.equal(getattr(moved, item.name), getattr(batch, item.name)) for item in fields(batch))


def make_many(count: int) -> list[ReaderExample]:
    random = np.random.default_rng(0)
    return [ReaderExample([CLS, 100 + n, SEP, *[10] * int(random.integers(1, 40)), SEP], 3, 3, 3) for n in range(count)]


@pytest.mark.parametrize("count", [1, 4, 5, 203], ids="{} examples".format)
def test_every_example_comes_once_an_epoch(count: int) -> None:
    batches = list(reader_batches(make_many(count), 4, PAD, np.random.default_rng(1)))
    assert sorted(int(name) for batch in batches for name in batch.input_ids[:, 1]) == list(range(100, 100 + count))
    assert len(batches) == -(-count // 4)


def test_examples_of_like_length_come_together() -> None:
    examples = make_many(400)
    batches = list(reader_batches(examples, 4, PAD, np.random.default_rng(1)))
    assert sum(batch.input_ids.numel() for batch in batches) < 1.1 * sum(len(item.input_ids) for item in examples)


@pytest.mark.parametrize("first", [0, 1, 12])
def test_first_skips_exactly(first: int) -> None:
    everything, rest = (
        [batch.input_ids.tolist() for batch in reader_batches(make_many(50), 4, PAD, np.random.default_rng(7), skipped)]
        for skipped in (0, first)
    )
    assert len(everything) == 13
    assert rest == everything[first:]
    other = [batch.input_ids.tolist() for batch in reader_batches(make_many(50), 4, PAD, np.random.default_rng(8))]
    assert other != everything
