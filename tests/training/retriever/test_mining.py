"""Hard negatives: which passages they are, that they are mined once, and what a damaged file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from densephrase.data import Question
from densephrase.errors import EncoderError, TrainingError
from densephrase.training.retriever.examples import PassagePool
from densephrase.training.retriever.mining import mine_negatives
from tests.training.retriever.retriever_settings import make_retriever_settings

# Each question shares words with its gold passage and with others, one of which holds the answer too.
TEXTS = {
    "gold": "the old bridge over the river was built by anna",
    "copy": "anna built the old bridge over the river and the tower",
    "near": "the old bridge over the river was painted by bruno",
    "far": "a bridge is a card game",
    "other": "nothing of the kind",
}


def make_pool() -> PassagePool:
    """Return a question about the gold passage, and others whose passages fill the pool."""
    questions = [Question("q", "who built the old bridge over the river", ("Anna",), (), "", TEXTS["gold"])]
    questions += [Question(name, name, ("nobody",), (), "", text) for name, text in TEXTS.items() if name != "gold"]
    return PassagePool.of(questions)


def mined_names(tmp_path: Path, **changes: object) -> list[str]:
    """Return the names of the passages that are negatives of the first question."""
    pool, settings = make_pool(), make_retriever_settings(tmp_path, negatives_depth=5, **changes)
    mined = mine_negatives(pool, pool.examples[:1], settings, tmp_path, "cpu")
    assert mined.dtype == np.int32
    assert mined.shape == (1, settings.negatives_kept)
    names = {text: name for name, text in TEXTS.items()}
    return [names[pool.passages[number].text] for number in mined[0] if number >= 0]


def test_neither_the_gold_passage_nor_one_with_the_answer_is_a_negative(tmp_path: Path) -> None:
    assert mined_names(tmp_path) == ["near", "far"]  # the last one shares no word with the question


def test_only_the_first_are_kept(tmp_path: Path) -> None:
    assert mined_names(tmp_path, negatives_kept=1) == ["near"]


def test_few_are_found_where_few_are_looked_at(tmp_path: Path) -> None:
    pool, settings = make_pool(), make_retriever_settings(tmp_path, negatives_depth=2)
    assert (mine_negatives(pool, pool.examples[:1], settings, tmp_path, "cpu") == -1).all()  # the gold one, its copy


def test_they_are_mined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = mined_names(tmp_path)
    monkeypatch.setattr("densephrase.training.retriever.mining.has_answer", None)
    assert mined_names(tmp_path) == before


def test_a_missing_encoder_is_missed_before_anything_is_mined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderError, match="nowhere"):
        mined_names(tmp_path, negatives=f"bm25,{tmp_path / 'nowhere'}")
    assert not list(tmp_path.iterdir())


def test_other_settings_mine_again(tmp_path: Path) -> None:
    assert mined_names(tmp_path, negatives_kept=2) == ["near", "far"]
    assert mined_names(tmp_path, negatives_kept=1) == ["near"]
    assert len(list(tmp_path.glob("negatives-*.safetensors"))) == 2


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    mined_names(tmp_path)
    (path,) = tmp_path.glob("negatives-*.safetensors")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(TrainingError, match="cannot be read .* remove it to mine the negatives again"):
        mined_names(tmp_path)
