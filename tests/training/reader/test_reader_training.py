"""Training of the reader: what it learns, where it starts, how it resumes, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from densephrase.errors import EncoderError, TrainingError
from densephrase.reader.extractive_reader import READER_FILE, ExtractiveReader
from densephrase.training.data.examples import make_examples
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.phrase.trainer import train
from densephrase.training.reader.trainer import exact_spans, train_reader
from tests.conftest import make_encoder
from tests.encoder.hf_folder import save_backbone
from tests.reader.small_reader import make_reader_settings
from tests.training.facts import make_facts, make_settings
from tests.training.stopping import Stopped, assert_same_run, before_step, press_ctrl_c, stop

FACTS = make_facts()
FILES = ("config.json", "model.safetensors", "tokenizer.json", READER_FILE)


def test_eight_paragraphs_can_be_learned_by_heart(tmp_path: Path) -> None:
    settings = make_reader_settings(
        save_backbone(tmp_path / "backbone", dropout=0.0), max_steps=150, learning_rate=3e-3, batch_questions=16
    )
    report = train_reader(FACTS, tmp_path / "reader", settings)
    assert (report["steps"], report["questions_seen"]) == (150, 150 * len(FACTS))
    reader = ExtractiveReader.from_pretrained(tmp_path / "reader")
    windows = make_examples(FACTS, reader.tokeniser, 6).windows
    assert exact_spans(reader, windows, settings) == 1.0


def test_the_report_says_what_was_done(backbone: Path, tmp_path: Path) -> None:
    report = train_reader(FACTS, tmp_path, make_reader_settings(backbone, max_steps=0, epochs=2.0))
    assert (report["steps"], report["questions_seen"]) == (8, 2 * len(FACTS))
    assert report["reader"] == str(tmp_path)
    assert "settings" not in report
    stored = json.loads((tmp_path / READER_FILE).read_text())
    assert stored["settings"]["max_answer_tokens"] == 6
    assert stored["steps"] == 8
    assert "seconds" not in stored  # equal runs give equal files


def test_exact_spans_are_those_that_fit_token_for_token(whole_reader: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = ExtractiveReader.from_pretrained(whole_reader)
    settings = make_reader_settings(whole_reader)
    windows = make_examples(FACTS, reader.tokeniser, 6).windows
    right = 0
    for window in windows:
        for question in window.questions:
            ids = torch.tensor([[*question.input_ids, *window.input_ids[window.first : window.last], 3]])
            own = torch.zeros_like(ids, dtype=torch.bool)
            own[:, len(question.input_ids) : -1] = True
            with torch.inference_mode():
                start, end = reader.model(ids, torch.ones_like(own), own)
            length = window.last - window.first
            shift = len(question.input_ids)
            spans = {
                (i, j): float(start[0, shift + i] + end[0, shift + j])
                for i in range(length)
                for j in range(i, min(i + 6, length))
            }
            best = max(spans, key=lambda span: spans[span])
            right += best == (question.start - window.first, question.end - window.first)
    monkeypatch.setattr("densephrase.reader.extractive_reader.prefers_bf16", lambda device: False)
    assert exact_spans(reader, windows, settings) == right / len(FACTS)


def test_held_out_articles_are_reported_on_and_not_trained_on(backbone: Path, tmp_path: Path) -> None:
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(5)]
    settings = make_reader_settings(backbone, held_out_articles=1, max_steps=0, epochs=1.0)
    report = train_reader([*FACTS, *article], tmp_path, settings)
    assert report["questions_seen"] == len(FACTS)
    assert 0.0 <= report["held_out_exact_spans"] <= 1.0


def test_word_embeddings_stay_and_the_rest_learns(whole_reader: Path, backbone: Path) -> None:
    before, after = load_file(backbone / "model.safetensors"), load_file(whole_reader / CHECKPOINT_FILE)
    name = "embeddings.word_embeddings.weight"
    assert torch.equal(after[f"model.backbone.{name}"], before[name])
    name = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(after[f"model.backbone.{name}"], before[name])


@pytest.mark.parametrize("at", [1, 4], ids="after {} steps".format)
def test_a_stopped_run_ends_like_one_that_never_stopped(
    at: int, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_reader_settings(backbone, checkpoint_minutes=0.0)
    train_reader(FACTS, tmp_path / "never", settings)
    with monkeypatch.context() as patch:
        made = before_step(patch, at, stop)
        with pytest.raises(Stopped):
            train_reader(FACTS, tmp_path / "stopped", settings)
        assert made == list(range(at + 1))
    torch.manual_seed(999)  # another process would stand elsewhere
    made = before_step(monkeypatch, -1, stop)
    train_reader(FACTS, tmp_path / "stopped", settings)
    assert made == list(range(at, 6))
    assert_same_run(tmp_path / "never", tmp_path / "stopped", FILES)


def test_ctrl_c_finishes_the_step_and_keeps_it(
    whole_reader: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 2, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            train_reader(FACTS, tmp_path, make_reader_settings(backbone))
    assert not (tmp_path / READER_FILE).exists()
    made = before_step(monkeypatch, -1, stop)
    train_reader(FACTS, tmp_path, make_reader_settings(backbone))
    assert made == [3, 4, 5]
    assert_same_run(whole_reader, tmp_path, FILES)


@pytest.mark.parametrize("sparc_size", [0, 8], ids=["without Sparc heads", "with Sparc heads"])
def test_a_reader_starts_from_a_phrase_encoders_tower(sparc_size: int, tmp_path: Path) -> None:
    encoder = make_encoder(sparc_size=sparc_size, vector_size=24)
    encoder.save_pretrained(tmp_path / "encoder", precision="float32")
    settings = make_reader_settings(tmp_path / "encoder", max_steps=1, learning_rate=0.0)
    train_reader(FACTS, tmp_path / "reader", settings)
    found = ExtractiveReader.from_pretrained(tmp_path / "reader").model.backbone.state_dict()
    expected = encoder._model.backbone.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("positions", "tokens"), [(64, 65), (300, 301)], ids=["a window", "question and window"])
def test_rows_longer_than_the_backbone_are_refused(positions: int, tokens: int, tmp_path: Path) -> None:
    start = save_backbone(tmp_path / "backbone", positions=positions)
    with pytest.raises(EncoderError, match=f"max_tokens={tokens} is more than the {positions} positions"):
        train_reader(FACTS, tmp_path / "reader", make_reader_settings(start, max_tokens=tokens))


def test_questions_that_do_not_fit_are_left_out(backbone: Path, tmp_path: Path) -> None:
    long = replace(FACTS[0], id="long", text="who " * 40)
    settings = make_reader_settings(backbone, max_tokens=40, max_steps=0, epochs=1.0)
    assert train_reader([*FACTS, long], tmp_path / "some", settings)["questions_seen"] == len(FACTS)
    with pytest.raises(TrainingError, match="No question fits max_tokens=40 together with its window; raise it"):
        train_reader([long], tmp_path / "none", settings)


def test_nothing_left_to_train_on_is_named(backbone: Path, tmp_path: Path) -> None:
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(5)]
    with pytest.raises(TrainingError, match="All 5 questions .* held_out_articles=1"):
        train_reader(article, tmp_path, make_reader_settings(backbone, held_out_articles=1))


def test_a_backbone_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="cannot be loaded"):
        train_reader(FACTS, tmp_path, make_reader_settings(tmp_path / "none"))


@pytest.mark.parametrize("changes", [{"learning_rate": 1e-3}, {"max_tokens": 59}], ids=["rate", "tokens"])
def test_a_checkpoint_of_another_run_is_refused(changes: dict[str, Any], whole_reader: Path, backbone: Path) -> None:
    with pytest.raises(TrainingError, match="belongs to a run with other settings, data or library versions"):
        train_reader(FACTS, whole_reader, make_reader_settings(backbone, **changes))


def test_a_checkpoint_of_an_encoder_is_refused(backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(backbone, max_steps=1))
    with pytest.raises(TrainingError, match="belongs to a run with other settings, data or library versions"):
        train_reader(FACTS, tmp_path, make_reader_settings(backbone))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"max_tokens": 19}, "max_tokens=19; at least 20"), ({"batch_questions": 0}, "batch_questions=0; at least 1")],
    ids=["tokens", "questions"],
)
def test_settings_that_make_no_sense_are_named(changes: dict[str, Any], message: str, backbone: Path) -> None:
    with pytest.raises(TrainingError, match=message):
        make_reader_settings(backbone, **changes)
