"""Training runs: what they learn, what they report, and data and settings that they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.errors import TrainingError
from densephrase.evaluation.closed import evaluate_closed
from densephrase.training import trainer
from densephrase.training.checkpoint import CHECKPOINT_FILE
from densephrase.training.trainer import train
from tests.encoder.hf_folder import save_backbone
from tests.training.facts import make_facts, make_settings

FACTS = make_facts()


def test_the_report_says_what_was_done(backbone: Path, tmp_path: Path) -> None:
    too_long = replace(FACTS[0], id="long", answers=(str(FACTS[0].context),), answer_starts=(0,))
    report = train([*FACTS, too_long], tmp_path, make_settings(backbone, max_steps=0, epochs=3.0))
    assert (report["steps"], report["windows"], report["questions_skipped"]) == (6, 8, 1)
    assert report["questions_seen"] == 3 * len(FACTS)
    assert report["encoder"] == str(tmp_path)
    stored = EncoderConfig.load(tmp_path).training
    assert stored["settings"]["max_answer_tokens"] == 6
    assert (stored["steps"], stored["questions_skipped"]) == (6, 1)


def test_embeddings_are_frozen_on_demand(whole: Path, backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(backbone, freeze_embeddings=False))
    name = "embeddings.word_embeddings.weight"
    original = load_file(backbone / "model.safetensors")[name]
    frozen, free = (load_file(folder / CHECKPOINT_FILE)[f"model.backbone.{name}"] for folder in (whole, tmp_path))
    assert torch.equal(frozen, original)
    assert not torch.equal(free, original)


def test_bfloat16_training_runs(backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(backbone, precision="bf16"))
    weights = load_file(tmp_path / CHECKPOINT_FILE)["model.start_head.projection.weight"]
    assert weights.dtype == torch.float32
    assert torch.isfinite(weights).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_training_runs(backbone: Path, tmp_path: Path) -> None:
    assert train(FACTS, tmp_path, make_settings(backbone), device="cuda")["steps"] == 6


def test_eight_paragraphs_can_be_learned_by_heart(tmp_path: Path) -> None:
    start = save_backbone(tmp_path / "backbone", dropout=0.0)
    settings = make_settings(
        start, max_steps=120, learning_rate=3e-3, freeze_embeddings=False, batch_paragraphs=8, title_dropout=0.0
    )
    train(FACTS, tmp_path / "encoder", settings)
    results = list(evaluate_closed(PhraseEncoder.from_pretrained(tmp_path / "encoder", bf16=False), FACTS))
    assert [result.question.id for result in results if not result.exact_match] == []


def test_held_out_articles_are_not_trained_on(backbone: Path, tmp_path: Path) -> None:
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(5)]
    report = train([*FACTS, *article], tmp_path, make_settings(backbone, held_out_articles=1))
    assert report["windows"] == 8


def test_nothing_left_to_train_on_is_named(backbone: Path, tmp_path: Path) -> None:
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(5)]
    with pytest.raises(TrainingError, match="All 5 questions .* held_out_articles=1"):
        train(article, tmp_path, make_settings(backbone, held_out_articles=1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_paragraphs": 0}, "batch_paragraphs=0; at least 1"),
        ({"filter_recall": 1.5}, "filter_recall=1.5; at most 1"),
        ({"title_dropout": -0.1}, "title_dropout=-0.1; at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"precision": "int8"}, "precision='int8'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_make_no_sense_are_named(changes: dict[str, Any], message: str, backbone: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        make_settings(backbone, **changes)


@pytest.mark.parametrize(("warmup", "steps"), [(0.5, 10), (0.0, 4), (1.0, 3)], ids=["half", "none", "all"])
def test_the_learning_rate_rises_and_falls(warmup: float, steps: int) -> None:
    rates = [trainer._schedule(step, steps, warmup) for step in range(steps)]
    grow = max(1, round(warmup * steps))
    assert max(rates) == rates[grow - 1] == 1.0
    assert rates[:grow] == sorted(rates[:grow])
    assert rates[grow:] == sorted(rates[grow:], reverse=True)
    assert min(rates) > 0
