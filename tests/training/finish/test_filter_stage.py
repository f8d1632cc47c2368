"""The phrase filter's own stage: what it is fitted to, what it leaves alone, and that it separates better."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.weights import read_weights
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingWindow, make_examples
from densephrase.training.finish import filter_stage
from densephrase.training.finish.filter_stage import fit_filter
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.phrase.trainer import train
from tests.conftest import make_encoder
from tests.training.facts import make_facts, make_settings


@pytest.fixture(scope="module")
def model() -> PhraseModel:
    """A model whose own filter is random, to be copied."""
    model = make_encoder(max_tokens=48)._model
    for layer in model.backbone.encoder.layer:  # of size, so that hidden states of different tokens differ
        layer.output.LayerNorm.weight.data.fill_(1.0)
        layer.attention.output.LayerNorm.weight.data.fill_(1.0)
    model.backbone.embeddings.LayerNorm.weight.data.fill_(1.0)
    return model


@pytest.fixture(scope="module")
def windows() -> list[TrainingWindow]:
    return make_examples(make_facts(), make_encoder(max_tokens=48).tokeniser, 6).windows


def fitted(
    model: PhraseModel, windows: list[TrainingWindow], epochs: float = 30.0, limit: int = 100, seed: int = 5
) -> PhraseModel:
    changed = copy.deepcopy(model)
    fit_filter(changed, windows, size=40, epochs=epochs, limit=limit, seed=seed)
    return changed


def logits_and_gold(model: PhraseModel, windows: list[TrainingWindow]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the filter's logits and the truth for every paragraph token, (tokens, 2)."""
    ids, mask = pad_batch([window.input_ids for window in windows], 0)
    with torch.inference_mode():
        logits = model.phrase_filter(model.hidden(ids, mask)).numpy()
    found, gold = [], []
    for row, window in enumerate(windows):
        for column in range(window.first, window.last):
            found.append(logits[row, column])
            gold.append(
                [
                    any(question.start == column for question in window.questions),
                    any(question.end == column for question in window.questions),
                ]
            )
    return np.array(found), np.array(gold)


def kept_at_full_recall(model: PhraseModel, windows: list[TrainingWindow]) -> float:
    """Return the share of tokens that is kept where every gold start and every gold end is."""
    logits, gold = logits_and_gold(model, windows)
    return float(np.mean([(logits[:, side] >= logits[gold[:, side], side].min()).mean() for side in (0, 1)]))


def test_the_gold_tokens_can_be_learned_by_heart(model: PhraseModel, windows: list[TrainingWindow]) -> None:
    after = fitted(model, windows, epochs=2000.0)  # of one step each
    assert kept_at_full_recall(model, windows) > 0.5
    logits, gold = logits_and_gold(after, windows)
    assert kept_at_full_recall(after, windows) == pytest.approx(gold.mean(), abs=0.01)
    assert logits[gold].mean() > 0 > logits[~gold].mean()


def test_only_the_filter_changes(model: PhraseModel, windows: list[TrainingWindow]) -> None:
    after = fitted(model, windows)
    assert after.config.filter_size == 40
    assert after.phrase_filter[0].weight.shape == (40, 32)
    assert PhraseModel(after.config).state_dict().keys() == after.state_dict().keys()
    assert not after.phrase_filter.training
    state = after.state_dict()
    assert all(
        torch.equal(value, state[name])
        for name, value in model.state_dict().items()
        if not name.startswith("phrase_filter.")
    )


def test_the_seed_decides(model: PhraseModel, windows: list[TrainingWindow]) -> None:
    torch.manual_seed(1)
    one = fitted(model, windows)
    torch.manual_seed(2)
    same, other = fitted(model, windows), fitted(model, windows, seed=6)
    assert torch.equal(one.phrase_filter[0].weight, same.phrase_filter[0].weight)
    assert not torch.equal(one.phrase_filter[0].weight, other.phrase_filter[0].weight)


def test_the_number_of_windows_is_limited(
    model: PhraseModel, windows: list[TrainingWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[TrainingWindow]] = []
    tokens = filter_stage._tokens

    def noting(model: PhraseModel, chosen: list[TrainingWindow]) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(list(chosen))
        return tokens(model, chosen)

    monkeypatch.setattr(filter_stage, "_tokens", noting)
    for limit, seed in ((3, 5), (3, 6), (100, 5)):
        fitted(model, windows, limit=limit, seed=seed, epochs=1.0)
    assert [len(chosen) for chosen in seen] == [3, 3, 8]
    names = [sorted(windows.index(window) for window in chosen) for chosen in seen]
    assert names[0] != names[1]
    assert names[2] == list(range(8))


@pytest.mark.parametrize("batch_windows", [1, 3, 48], ids="{} windows a batch".format)
def test_hidden_states_are_those_of_each_window_alone(
    batch_windows: int, model: PhraseModel, windows: list[TrainingWindow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filter_stage, "_BATCH_WINDOWS", batch_windows)
    monkeypatch.setattr(filter_stage, "prefers_bf16", lambda device: False)
    hidden, target = filter_stage._tokens(model, windows)
    expected, gold = [], []
    for window in sorted(windows, key=lambda window: len(window.input_ids)):
        ids = torch.tensor([window.input_ids])
        with torch.inference_mode():
            expected.append(model.hidden(ids, torch.ones_like(ids, dtype=torch.bool))[0, window.first : window.last])
        for column in range(window.first, window.last):
            gold.append([column in {q.start for q in window.questions}, column in {q.end for q in window.questions}])
    np.testing.assert_allclose(hidden.float(), torch.cat(expected), atol=5e-3)
    np.testing.assert_array_equal(target, gold)


def test_without_epochs_the_filter_stays_as_it_was_trained(whole: Path, backbone: Path, tmp_path: Path) -> None:
    for name, epochs in (("joint", 0.0), ("fitted", 2.0)):
        (tmp_path / name).mkdir()
        shutil.copy(whole / CHECKPOINT_FILE, tmp_path / name)
        train(make_facts(), tmp_path / name, make_settings(backbone, filter_epochs=epochs))
    assert (tmp_path / "fitted" / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert EncoderConfig.load(tmp_path / "fitted").filter_size == 24
    assert EncoderConfig.load(tmp_path / "joint").filter_size == 128
    joint = read_weights(tmp_path / "joint")[0]
    trained = read_checkpoint(tmp_path / "joint")
    step = trained["phrase_filter.0.weight"].abs().amax(1, keepdim=True) / 127
    assert ((joint["phrase_filter.0.weight"] - trained["phrase_filter.0.weight"]).abs() <= step * 0.51).all()


def read_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    return {name.removeprefix("model."): value for name, value in load_file(folder / CHECKPOINT_FILE).items()}


def test_an_encoder_of_another_filter_size_is_trained_further(whole: Path, tmp_path: Path) -> None:
    train(make_facts(), tmp_path, make_settings(whole, max_steps=1, filter_size=9))
    encoder = PhraseEncoder.from_pretrained(tmp_path)
    assert (EncoderConfig.load(whole).filter_size, encoder.config.filter_size) == (24, 9)
    assert encoder.encode_questions(["who"]).start.shape == (1, 32)
