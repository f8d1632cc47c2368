"""The reader's network: segments, masked logits, and the best span against a loop over all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from densephrase.encoder.backbone import new_backbone
from densephrase.reader.inputs import ReaderInput, pad_reader_inputs
from densephrase.reader.model import ReaderModel, decode_spans
from tests.reader.small_reader import make_reader

INPUTS = [
    ReaderInput([2, 20, 3, 10, 11, 12, 13, 3], 3),
    ReaderInput([2, 20, 21, 22, 3, 10, 11, 3], 5),
    ReaderInput([2, 3, 10, 3], 2),
]


def seen_segments(monkeypatch: pytest.MonkeyPatch, model: ReaderModel) -> dict[str, Any]:
    """Note what the backbone is given."""
    given: dict[str, Any] = {}
    forward = model.backbone.forward

    def noting(*arguments: Any, **options: Any) -> Any:
        given.update(options)
        return forward(*arguments, **options)

    monkeypatch.setattr(model.backbone, "forward", noting)
    return given


def test_segments_are_0_for_the_question_and_1_from_the_paragraph_on(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = make_reader().model, pad_reader_inputs(INPUTS, 0)
    given = seen_segments(monkeypatch, model)
    model(batch.input_ids, batch.mask, batch.token_mask)
    for row, example in enumerate(INPUTS):
        length = len(example.input_ids)
        assert given["token_type_ids"][row, :length].tolist() == [0] * example.first + [1] * (length - example.first)


def test_segments_matter_where_there_are_some() -> None:
    model, batch = make_reader().model, pad_reader_inputs(INPUTS, 0)
    with torch.inference_mode():
        start, _ = model(batch.input_ids, batch.mask, batch.token_mask)
        model.backbone.embeddings.token_type_embeddings.weight[1] *= -1
        other, _ = model(batch.input_ids, batch.mask, batch.token_mask)
    assert not torch.allclose(start[batch.token_mask], other[batch.token_mask])


@pytest.mark.parametrize("types", [0, 1])
def test_a_backbone_of_one_segment_is_given_none(types: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_reader().config
    backbone = new_backbone(config.backbone)
    backbone.config.type_vocab_size = types
    model, batch = ReaderModel(backbone), pad_reader_inputs(INPUTS, 0)
    given = seen_segments(monkeypatch, model)
    model(batch.input_ids, batch.mask, batch.token_mask)
    assert "token_type_ids" not in given


def test_logits_are_those_of_a_linear_layer_on_the_paragraph_and_nothing_elsewhere() -> None:
    reader, batch = make_reader(), pad_reader_inputs(INPUTS, 0)
    model = reader.model
    with torch.inference_mode():
        logits = model(batch.input_ids, batch.mask, batch.token_mask)
    for row, example in enumerate(INPUTS):
        ids = torch.tensor([example.input_ids])
        segments = torch.tensor([[0] * example.first + [1] * (len(example.input_ids) - example.first)])
        with torch.inference_mode():
            hidden = model.backbone(input_ids=ids, token_type_ids=segments).last_hidden_state[0].double()
            expected = hidden @ model.span_head.weight.double().T + model.span_head.bias.double()
        own = range(example.first, len(example.input_ids) - 1)
        for side, found in enumerate(logits):
            assert found.dtype == torch.float32
            np.testing.assert_allclose(found[row, own], expected[own, side], rtol=1e-4, atol=1e-4)
            others = [column for column in range(found.shape[1]) if column not in own]
            assert found[row, others].eq(float("-inf")).all()


@pytest.mark.parametrize("limit", [1, 3, 50], ids="at most {} tokens".format)
@pytest.mark.parametrize("tokens", [1, 12], ids="{} tokens".format)
def test_the_best_span_is_that_of_a_loop(tokens: int, limit: int) -> None:
    draw = torch.Generator().manual_seed(tokens + limit)
    start, end = (torch.randn(5, tokens, generator=draw) for _ in range(2))
    start[2, 1:] = end[2, 1:] = float("-inf")
    first, last, score = decode_spans(start, end, limit)
    for row in range(5):
        spans = {
            (i, j): float(start[row, i] + end[row, j]) for i in range(tokens) for j in range(i, min(i + limit, tokens))
        }
        expected = max(spans, key=lambda span: spans[span])
        assert (int(first[row]), int(last[row])) == expected
        assert float(score[row]) == pytest.approx(spans[expected])
