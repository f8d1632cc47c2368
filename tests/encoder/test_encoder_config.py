"""Configurations: round trip and every way to be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from densephrase.encoder.config import CONFIG_FILE, EncoderConfig
from densephrase.errors import EncoderError

BACKBONE = {"model_type": "bert", "hidden_size": 32}


@pytest.fixture
def config() -> EncoderConfig:
    fitted = {"open": {"bias": -0.1, "weights": {"margin": 1.5}}}
    return EncoderConfig(BACKBONE, vector_size=8, paragraph_weight=0.3, confidence=fitted, training={"steps": 3})


@pytest.mark.parametrize("threshold", [float("-inf"), -1.25, 3.0], ids=str)
def test_round_trip(tmp_path: Path, config: EncoderConfig, threshold: float) -> None:
    config = replace(config, start_threshold=threshold, end_threshold=0.5)
    config.save(tmp_path)
    json.loads((tmp_path / CONFIG_FILE).read_text(), parse_constant=pytest.fail)  # strict JSON, no Infinity
    assert EncoderConfig.load(tmp_path) == config


def test_derived_sizes() -> None:
    config = EncoderConfig(
        BACKBONE, vector_size=10, coherency_rank=3, max_tokens=50, max_title_tokens=5, window_stride=9
    )
    assert (config.row_size, config.window_capacity) == (13, 42)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vector_size": 0}, "vector_size=0; at least 1"),
        ({"coherency_rank": -1}, "coherency_rank=-1; at least 0"),
        ({"head_hidden_size": -1}, "head_hidden_size"),
        ({"max_answer_tokens": 0}, "max_answer_tokens"),
        ({"max_question_tokens": 2}, "max_question_tokens"),
        ({"max_tokens": 19}, "window_capacity=0"),
        ({"window_stride": 0}, "window_stride=0; at least 1"),
        ({"window_stride": 250}, "window_stride=250 is more than the 237 tokens"),
        ({"pad_token_id": -1}, "pad_token_id"),
        ({"sparc_size": -1}, "sparc_size=-1; at least 0"),
        ({"filter_size": 0}, "filter_size=0; at least 1"),
        ({"sparc_rank": 0}, "sparc_rank=0; at least 1"),
        ({"vector_size": "384"}, "vector_size='384'; a whole number"),
        ({"vector_size": True}, "vector_size=True; a whole number"),
        ({"max_tokens": 100.5}, "max_tokens=100.5; a whole number"),
        ({"paragraph_weight": None}, "paragraph_weight=None; a number"),
        ({"document_weight": float("nan")}, "document_weight=nan"),
        ({"start_threshold": float("nan")}, "start_threshold=nan"),
        ({"end_threshold": float("inf")}, "end_threshold=inf"),
        ({"backbone": {"hidden_size": 8}}, "model_type"),
        ({"backbone": "bert"}, "backbone='bert'; an object"),
        ({"confidence": []}, r"confidence=\[\]; an object"),
        ({"confidence": {"open": {"bias": 0.0}}}, "in its confidence .* expected an object of 'bias' and 'weights'"),
        ({"format_version": 2}, "format version 2, this library reads 1"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_bad_values_are_named(config: EncoderConfig, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        replace(config, **changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "config.json is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", "no phrase encoder configuration"),
        (b"{}", "'backbone' is required"),
        (b'{"backbone": {"model_type": "bert"}, "colour": 1, "age": 2}', r"unknown keys: \['age', 'colour'\]"),
        (b'{"backbone": {"model_type": "bert"}, "vector_size": null}', "vector_size=None"),
    ],
    ids=["cut", "not text", "list", "empty", "unknown keys", "null"],
)
def test_bad_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(EncoderError, match=message):
        EncoderConfig.load(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"holds no config\.json"):
        EncoderConfig.load(tmp_path)


def test_settings_nested_without_end_are_refused(tmp_path: Path, config: EncoderConfig) -> None:
    config.save(tmp_path)
    content = json.loads((tmp_path / CONFIG_FILE).read_text(encoding="utf-8"))
    nested: object = 1
    for _ in range(900):
        nested = {"settings": nested}
    (tmp_path / CONFIG_FILE).write_text(json.dumps({**content, "training": nested}), encoding="utf-8")
    with pytest.raises(EncoderError, match="more than 32 deep"):
        EncoderConfig.load(tmp_path)
