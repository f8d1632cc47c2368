"""Training runs: what they learn, what they report, and data and settings that they refuse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.errors import TrainingError
from densephrase.evaluation.closed import evaluate_closed
from densephrase.training.data.examples import make_examples
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.phrase.trainer import train
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


@pytest.mark.parametrize("sparc_size", [0, 8], ids=["without Sparc heads", "with Sparc heads"])
def test_the_encoder_has_the_heads_that_were_asked_for(sparc_size: int, backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(backbone, sparc_size=sparc_size, sparc_rank=5, max_steps=2))
    encoder = PhraseEncoder.from_pretrained(tmp_path)
    assert (encoder.config.sparc_size, encoder.config.sparc_rank) == (sparc_size, 5)
    assert (encoder.sparse_scale is None) == (encoder.encode_questions(["who"]).sparse is None) == (sparc_size == 0)


def test_the_dimensions_of_a_trained_encoder_come_in_the_order_of_their_importance(whole: Path) -> None:
    encoder = PhraseEncoder.from_pretrained(whole, bf16=False)
    windows = make_examples(FACTS, encoder.tokeniser, 6).windows
    ids, mask = pad_batch([window.input_ids for window in windows], encoder.config.pad_token_id)
    own = torch.tensor([[w.first <= column < w.last for column in range(ids.shape[1])] for w in windows])
    with torch.inference_mode():
        text = encoder._model.encode_text(ids, mask, own)
    questions = encoder.encode_questions([fact.text for fact in FACTS])
    for rows, asked in ((text.start, questions.start), (text.end, questions.end)):
        share = np.sqrt(rows[own][:, :32].numpy().var(0) * np.square(asked).mean(0))  # of the scores' spread
        assert share[:8].sum() > 0.75 * share.sum()


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
        ({"sparc_rank": 0}, "sparc_rank=0; at least 1"),
        ({"dense_loss": -1.0}, "dense_loss=-1.0; at least 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_settings_that_make_no_sense_are_named(changes: dict[str, Any], message: str, backbone: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        make_settings(backbone, **changes)
