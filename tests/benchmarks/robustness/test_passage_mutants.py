"""Damaged copies of small passage indexes, tried in a process of their own as the benchmark tries thousands."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.robustness.mutations import TARGETS, Setting, trials
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from tests.build_index.samples import random_documents
from tests.index.passages.fake_passage_encoder import FakePassageEncoder


@pytest.mark.slow
def test_no_mutant_of_passages_crashes_hangs_or_raises(tmp_path: Path, soak: int) -> None:
    options = PassageBuildOptions(shard_characters=1200, flat_limit=10, lists=4)
    for name, encoder in (("vectors", FakePassageEncoder()), ("terms", None)):
        build_passages(random_documents(30), tmp_path / name, encoder=encoder, options=options)  # type: ignore[arg-type]
    setting = Setting(TARGETS["passages"], seed=5, workers=1, timeout=60.0, work=tmp_path)
    found = list(trials([tmp_path / "vectors", tmp_path / "terms"], 120 * soak, setting))
    assert [(trial.number, trial.change, trial.outcome.unexpected) for trial in found if trial.outcome.unexpected] == []
    assert sum(trial.result == "refused" for trial in found) > 30 * soak
    assert sum(trial.result == "answered" for trial in found) > 10 * soak
