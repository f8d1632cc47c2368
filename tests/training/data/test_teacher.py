"""What a reader thinks of each question: computed once, kept, attached to questions, learned from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError, TrainingError
from densephrase.reader.extractive_reader import ExtractiveReader
from densephrase.training.data import teacher
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow, make_examples
from densephrase.training.data.teacher import TEACHER_FILE, with_teacher
from densephrase.training.loop.loop import schedule
from densephrase.training.phrase.trainer import train
from densephrase.training.reader.examples import reader_example
from densephrase.training.reader.trainer import train_reader
from tests.conftest import make_config, make_tokenizer
from tests.reader.small_reader import make_reader, make_reader_settings
from tests.training.facts import make_facts, make_settings


@pytest.fixture(scope="module")
def tokeniser() -> PhraseTokeniser:
    tokenizer = make_tokenizer()
    return PhraseTokeniser(tokenizer, make_config(tokenizer, max_tokens=40))


@pytest.fixture(scope="module")
def windows(tokeniser: PhraseTokeniser) -> list[TrainingWindow]:
    return make_examples(make_facts(), tokeniser, 6).windows


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two readers on disk."""
    folders = [tmp_path_factory.mktemp(f"reader-{seed}") for seed in (1, 2)]
    for seed, folder in enumerate(folders):
        make_reader(seed).save_pretrained(folder, {})
    return folders


def questions_of(windows: list[TrainingWindow]) -> list[tuple[TrainingWindow, TrainingQuestion]]:
    return [(window, question) for window in windows for question in window.questions]


def assert_taught_by(folder: Path, windows: list[TrainingWindow]) -> None:
    """Compare each question's logits with what the reader says of the pair."""
    reader, pairs = ExtractiveReader.from_pretrained(folder), questions_of(windows)
    expected = dict(reader.logits([reader_example(question, window) for window, question in pairs]))
    for number, (window, question) in enumerate(pairs):
        assert question.teacher is not None
        assert question.teacher.shape == (2, window.last - window.first)
        np.testing.assert_array_equal(question.teacher, expected[number].astype(np.float16))


def test_every_question_gets_the_readers_logits(
    windows: list[TrainingWindow], tokeniser: PhraseTokeniser, readers: list[Path], tmp_path: Path
) -> None:
    taught = with_teacher(windows, tokeniser, readers[0], tmp_path / TEACHER_FILE, "cpu")
    assert_taught_by(readers[0], taught)
    for before, after in zip(windows, taught, strict=True):
        plain = [replace(question, teacher=None) for question in after.questions]
        assert replace(after, questions=plain) == before
    assert [path.name for path in tmp_path.iterdir()] == [TEACHER_FILE]


def logits_of(windows: list[TrainingWindow]) -> list[NDArray[np.float16] | None]:
    return [question.teacher for _, question in questions_of(windows)]


def test_logits_are_computed_once(
    windows: list[TrainingWindow],
    tokeniser: PhraseTokeniser,
    readers: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = tmp_path / TEACHER_FILE
    first = with_teacher(windows, tokeniser, readers[0], cache, "cpu")
    monkeypatch.setattr(teacher, "_compute", lambda *arguments: pytest.fail("computed again"))
    again = with_teacher(windows, tokeniser, readers[0], cache, "cpu")
    for one, other in zip(logits_of(first), logits_of(again), strict=True):
        assert one is not None
        np.testing.assert_array_equal(one, other)


def test_another_reader_or_other_questions_are_computed_again(
    windows: list[TrainingWindow], tokeniser: PhraseTokeniser, readers: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / TEACHER_FILE
    assert_taught_by(readers[0], with_teacher(windows, tokeniser, readers[0], cache, "cpu"))
    assert_taught_by(readers[1], with_teacher(windows, tokeniser, readers[1], cache, "cpu"))
    assert_taught_by(readers[1], with_teacher(windows[1:], tokeniser, readers[1], cache, "cpu"))
    fewer = [replace(window, questions=window.questions[:1]) for window in windows]
    assert_taught_by(readers[1], with_teacher(fewer, tokeniser, readers[1], cache, "cpu"))


def rewrite(cache: Path, logits: NDArray[np.floating]) -> None:
    """Put other logits in the place of those of the same reader and questions."""
    with safe_open(str(cache), "np") as file:
        metadata = file.metadata()
    save_file({"logits": np.ascontiguousarray(logits)}, cache, metadata)


@pytest.mark.parametrize("damage", ["cut", "empty", "fewer tokens", "another type", "another name"])
def test_damaged_logits_are_refused(
    damage: str, windows: list[TrainingWindow], tokeniser: PhraseTokeniser, readers: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / TEACHER_FILE
    with_teacher(windows, tokeniser, readers[0], cache, "cpu")
    logits = load_file(cache)["logits"]
    if damage in ("cut", "empty"):
        cache.write_bytes(cache.read_bytes()[: 40 if damage == "cut" else 0])
    elif damage == "another name":
        with safe_open(str(cache), "np") as file:
            metadata = file.metadata()
        save_file({"other": logits}, cache, metadata)
    else:
        rewrite(cache, logits[:, :-1] if damage == "fewer tokens" else logits.astype(np.float32))
    with pytest.raises(TrainingError, match=r"teacher\.safetensors .*remove (it|the file)"):
        with_teacher(windows, tokeniser, readers[0], cache, "cpu")


def test_questions_that_do_not_fit_have_no_teacher(
    windows: list[TrainingWindow], tokeniser: PhraseTokeniser, readers: list[Path], tmp_path: Path
) -> None:
    lengths = [len(question.input_ids) + window.last - window.first + 1 for window, question in questions_of(windows)]
    limit = sorted(lengths)[len(lengths) // 2]
    assert min(lengths) < limit < max(lengths)
    taught = with_teacher(windows, tokeniser, readers[0], tmp_path / TEACHER_FILE, "cpu", max_tokens=limit)
    assert [logits is not None for logits in logits_of(taught)] == [length <= limit for length in lengths]


def test_questions_longer_than_the_readers_positions_have_no_teacher(
    windows: list[TrainingWindow], tokeniser: PhraseTokeniser, readers: list[Path], tmp_path: Path
) -> None:
    [first, *_] = windows
    long = replace(first.questions[0], input_ids=[2, *[50] * 60, 3])
    taught = with_teacher(
        [replace(first, questions=[long, first.questions[1]])], tokeniser, readers[0], tmp_path / TEACHER_FILE, "cpu"
    )
    assert [logits is not None for logits in logits_of(taught)] == [False, True]


def test_a_folder_without_a_reader_is_named(
    windows: list[TrainingWindow], tokeniser: PhraseTokeniser, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match=r"holds no reader\.json"):
        with_teacher(windows, tokeniser, tmp_path, tmp_path / TEACHER_FILE, "cpu")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_other_word_pieces_is_refused(
    windows: list[TrainingWindow], readers: list[Path], tmp_path: Path
) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["mississippi"])
    other = PhraseTokeniser(tokenizer, make_config(make_tokenizer()))
    with pytest.raises(TrainingError, match="has other word pieces; train one from the same backbone"):
        with_teacher(windows, other, readers[0], tmp_path / TEACHER_FILE, "cpu")


@pytest.fixture(scope="module")
def trained_reader(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    folder = tmp_path_factory.mktemp("trained-reader")
    train_reader(make_facts(), folder, make_reader_settings(backbone, max_steps=3))
    return folder


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_run_learns_from_its_teacher(trained_reader: Path, backbone: Path, tmp_path: Path) -> None:
    for name, weight in (("taught", 5.0), ("untaught", 0.0)):
        settings = make_settings(backbone, teacher=str(trained_reader), distillation_loss=weight)
        train(make_facts(), tmp_path / name, settings)
        assert (tmp_path / name / TEACHER_FILE).is_file()
    train(make_facts(), tmp_path / "plain", make_settings(backbone, distillation_loss=0.0))
    assert weights_of(tmp_path / "taught") != weights_of(tmp_path / "untaught") == weights_of(tmp_path / "plain")


def test_a_run_does_not_depend_on_logits_that_were_there(trained_reader: Path, backbone: Path, tmp_path: Path) -> None:
    settings = make_settings(backbone, teacher=str(trained_reader), max_steps=2)
    train(make_facts(), tmp_path / "first", settings)
    (tmp_path / "second").mkdir()
    shutil.copy(tmp_path / "first" / TEACHER_FILE, tmp_path / "second")
    train(make_facts(), tmp_path / "second", settings)
    assert weights_of(tmp_path / "first") == weights_of(tmp_path / "second")


def test_a_taught_run_goes_on_where_it_stopped(
    trained_reader: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(backbone, teacher=str(trained_reader), checkpoint_minutes=0.0)
    train(make_facts(), tmp_path / "never", settings)
    with monkeypatch.context() as patch:
        patch.setattr("densephrase.training.loop.loop.schedule", stop_at(4))
        with pytest.raises(KeyboardInterrupt):
            train(make_facts(), tmp_path / "stopped", settings)
    train(make_facts(), tmp_path / "stopped", settings)
    assert weights_of(tmp_path / "never") == weights_of(tmp_path / "stopped")


def stop_at(number: int) -> Callable[[int, int, float], float]:
    """Return a learning rate schedule that breaks off at a step."""

    def stopping(step: int, steps: int, warmup: float) -> float:
        if step == number:
            raise KeyboardInterrupt
        return schedule(step, steps, warmup)

    return stopping
