"""Thresholds keep the asked share of gold tokens; quantisers fit the rows that pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.files.weights import rounded_weights
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.training.data.examples import TrainingWindow, make_examples
from densephrase.training.finish.calibration import calibrate
from tests.conftest import make_encoder
from tests.encoder.direct import direct_rows
from tests.training.facts import make_facts


@pytest.fixture(scope="module")
def windows() -> list[TrainingWindow]:
    return make_examples(make_facts(), tokeniser(), 6).windows


def tokeniser() -> PhraseTokeniser:
    return make_encoder(max_tokens=48).tokeniser


def model() -> PhraseModel:
    return make_encoder(max_tokens=48)._model


def gold_logits() -> list[np.ndarray[tuple[int], np.dtype[np.float32]]]:
    """Return the filter logits of all gold starts and all gold ends, window by window."""
    encoder = make_encoder(max_tokens=48)
    found: list[list[float]] = [[], []]
    for question in make_facts():
        context = str(question.context)
        logits = direct_rows(encoder, ParagraphInput(context, question.title))["filter"]
        offsets = encoder.tokeniser.tokenizer.encode(context, add_special_tokens=False).offsets
        first, last = question.answer_starts[0], question.answer_starts[0] + len(question.answers[0])
        found[0].append(logits[[a for a, _ in offsets].index(first), 0])
        found[1].append(logits[[b for _, b in offsets].index(last), 1])
    return [np.array(values) for values in found]


@pytest.mark.parametrize("recall", [1.0, 0.99, 0.75, 0.5], ids="recall {}".format)
def test_thresholds_keep_the_asked_share(recall: float, windows: list[TrainingWindow]) -> None:
    config = calibrate(model(), windows, recall).config
    for threshold, logits in zip((config.start_threshold, config.end_threshold), gold_logits(), strict=True):
        assert (logits >= threshold).sum() >= recall * len(logits)
        assert (logits > threshold + 1.1e-3).sum() <= recall * len(logits)  # a higher one would keep too few


def test_quantisers_fit_the_rows_that_pass(windows: list[TrainingWindow]) -> None:
    result = calibrate(model(), windows, 0.75)
    rows = []
    for window in windows:
        ids = torch.tensor([window.input_ids])
        with torch.inference_mode():
            everything = torch.ones_like(ids, dtype=torch.bool)
            text = model().encode_text(ids, everything, everything)
        own = slice(window.first, window.last)
        rows.append(text.start[0, own][text.filter_logits[0, own, 0] >= result.config.start_threshold].numpy())
    kept = np.concatenate(rows)
    np.testing.assert_allclose(result.quantisers.start.offset[:32], kept.mean(0)[:32], atol=1e-4)
    np.testing.assert_array_equal(result.quantisers.start.offset[32:], 0)
    error = result.quantisers.start.decode(result.quantisers.start.encode(kept)) - kept
    assert np.sqrt((error**2).mean()) < 0.02 * kept.std()


@pytest.mark.parametrize("rank", [1, 4, 8], ids="rank {}".format)
def test_sparse_factors_have_the_asked_rank_and_are_those_that_are_stored(
    rank: int, windows: list[TrainingWindow]
) -> None:
    encoder = make_encoder(max_tokens=48, sparc_size=8, sparc_rank=rank)
    factors = calibrate(encoder._model, windows, 0.75).quantisers.factors
    assert factors is not None
    assert factors.rank == rank
    assert (factors.scales() > 0).all()
    rounded = rounded_weights(factors.state_dict())
    assert all(torch.equal(value, rounded[name]) for name, value in factors.state_dict().items())


def test_without_sparc_heads_there_are_no_sparse_factors(windows: list[TrainingWindow]) -> None:
    assert calibrate(model(), windows, 0.75).quantisers.factors is None


def test_a_sample_is_drawn_by_seed(windows: list[TrainingWindow]) -> None:
    one, same, other = (calibrate(model(), windows, 0.9, limit=3, seed=seed) for seed in (0, 0, 5))
    np.testing.assert_array_equal(one.quantisers.end.scale, same.quantisers.end.scale)
    assert not np.array_equal(one.quantisers.end.scale, other.quantisers.end.scale)
