"""Query-side fine-tuning as a whole: what changes, what stays, what gets better, and how it goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from densephrase.data import Question
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.location import ENCODER_FILES
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.phrase_side import check_same_phrase_side
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.errors import TrainingError
from densephrase.metrics import exact_match
from densephrase.phrase_index import PhraseIndex
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.query_side.config import QuerySideConfig
from densephrase.training.query_side.questions import choose_questions
from densephrase.training.query_side.trainer import tune_questions
from tests.training.query_side_samples import build_index, make_copies, make_settings
from tests.training.stopping import Stopped, assert_same_run, before_step, press_ctrl_c, stop

COPIES = make_copies()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two paragraphs, to be read only."""
    return build_index(tmp_path_factory.mktemp("tuning") / "words", COPIES, sparc_size=6)


@pytest.fixture(scope="module")
def whole(index: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the report of a run that nothing stopped, to be read only."""
    folder = tmp_path_factory.mktemp("tuned")
    return folder, tune_questions(index, COPIES, folder, make_settings())


def test_questions_find_their_answers(index: Path, whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    report = tune_questions(index, COPIES, tmp_path / "tuned", make_settings(epochs=12))
    assert report["exact_match_before"] < 20
    assert report["exact_match_after"] > report["exact_match_before"] + 40
    _, unseen = choose_questions(COPIES, make_settings(), {})
    with PhraseIndex.open(index, encoder=report["encoder"]) as tuned:
        answers = tuned.search([question.text for question in unseen], top_k=1)
    right = [exact_match(best.text, question.answers) for [best], question in zip(answers, unseen, strict=True)]
    assert 100 * sum(right) / len(right) == pytest.approx(report["exact_match_after"], abs=1e-3)


def test_only_the_question_heads_change(index: Path, whole: tuple[Path, dict[str, Any]]) -> None:
    folder, report = whole
    before, after = (load_file(path / WEIGHTS_FILE) for path in (index / "encoder", folder))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert report["best_epoch"] > 0
    assert {name.split(".")[0] for name in changed} == {"question_start", "question_end"}
    assert (folder / TOKENIZER_FILE).read_bytes() == (index / "encoder" / TOKENIZER_FILE).read_bytes()
    one, other = (PhraseEncoder.from_pretrained(path) for path in (index / "encoder", folder))
    check_same_phrase_side(index, index / "encoder", folder)
    assert one.fingerprint != other.fingerprint


def test_a_light_run_changes_biases_and_attention_only(index: Path, tmp_path: Path) -> None:
    report = tune_questions(index, COPIES, tmp_path, make_settings(weights="biases", learning_rate=0.1, epochs=8))
    before, after = (load_file(path / WEIGHTS_FILE) for path in (index / "encoder", tmp_path))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    kinds = ("attention.weight", "attention.weight.row_scale", "head.projection.bias")
    assert report["best_epoch"] > 0
    assert changed == {f"question_{side}.{kind}" for side in ("start", "end") for kind in kinds}


def test_the_encoder_says_how_it_was_tuned(whole: tuple[Path, dict[str, Any]]) -> None:
    folder, report = whole
    note = EncoderConfig.load(folder).training["query_side"]
    assert note["settings"]["batch_questions"] == 8
    assert note["exact_match_by_epoch"] == report["exact_match_by_epoch"]
    assert len(note["exact_match_by_epoch"]) == 3
    assert note["questions_seen"] + note["questions_skipped"] == 3 * note["questions"]
    assert note["questions"] + note["unseen_questions"] == len(COPIES)


def test_heads_that_get_no_better_stay_as_they_were(index: Path, tmp_path: Path) -> None:
    report = tune_questions(index, COPIES, tmp_path, make_settings(learning_rate=0.0, epochs=1))
    assert (report["best_epoch"], report["exact_match_after"]) == (0, report["exact_match_before"])
    assert (tmp_path / WEIGHTS_FILE).read_bytes() == (index / "encoder" / WEIGHTS_FILE).read_bytes()


def test_a_strong_pull_keeps_the_heads_near(index: Path, whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    tune_questions(index, COPIES, tmp_path, make_settings(pull=100.0))
    free, held = (drift(load_file(folder / CHECKPOINT_FILE)) for folder in (whole[0], tmp_path))
    assert held < free / 10


def drift(state: dict[str, torch.Tensor]) -> float:
    names = [name.removeprefix("model.heads.") for name in state if name.startswith("model.heads.")]
    return sum(float((state[f"model.heads.{name}"] - state[f"model.initial.{name}"]).square().sum()) for name in names)


@pytest.mark.parametrize("at", [2, 4, 9], ids="before step {}".format)
def test_a_stopped_run_ends_like_one_that_never_stopped(
    at: int, index: Path, whole: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, at, stop)
        with pytest.raises(Stopped):
            tune_questions(index, COPIES, tmp_path, make_settings())
    torch.manual_seed(999)
    report = tune_questions(index, COPIES, tmp_path, make_settings())
    assert report["exact_match_by_epoch"] == whole[1]["exact_match_by_epoch"]
    assert_same_run(whole[0], tmp_path, ENCODER_FILES)


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(
    index: Path, whole: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 5, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            tune_questions(index, COPIES, tmp_path, make_settings())
    assert not (tmp_path / WEIGHTS_FILE).exists()
    tune_questions(index, COPIES, tmp_path, make_settings())
    assert_same_run(whole[0], tmp_path, ENCODER_FILES)


def test_a_checkpoint_of_another_run_is_refused(
    index: Path, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copyfile(whole[0] / CHECKPOINT_FILE, tmp_path / CHECKPOINT_FILE)
    with pytest.raises(TrainingError, match="another --output"):
        tune_questions(index, COPIES, tmp_path, make_settings(pull=0.5))


def test_a_limit_of_steps_shortens_the_run(index: Path, tmp_path: Path) -> None:
    report = tune_questions(index, COPIES, tmp_path, make_settings(max_steps=5))
    assert len(report["exact_match_by_epoch"]) == 2
    assert report["questions_seen"] + report["questions_skipped"] == report["questions"] + 8


def test_questions_that_the_index_cannot_answer_are_refused(index: Path, tmp_path: Path) -> None:
    questions = [Question(str(number), f"who is {number}", ("nobody here",)) for number in range(20)]
    with pytest.raises(TrainingError, match="None of .* questions has a right span"):
        tune_questions(index, questions, tmp_path, make_settings(epochs=1))


def articles(count: int) -> list[Question]:
    """Return questions about articles of five paragraphs, two of which have an answer."""
    return [
        Question(
            f"{title}-{row}", "what", ("this",) if row < 2 else (), title=f"Title {title}", context=f"{title} {row}"
        )
        for title in range(count)
        for row in range(5)
    ]


@pytest.mark.parametrize(
    ("settings", "titles"),
    [
        ({"held_out_articles": 4, "unseen_articles": 1}, (3, 1)),
        ({"held_out_articles": 40, "unseen_articles": 2}, (4, 2)),
        ({"articles": "all", "held_out_articles": 3, "unseen_articles": 2}, (4, 2)),
    ],
    ids=["held out", "fewer than asked for", "all"],
)
def test_whole_articles_are_asked_about_or_kept_apart(settings: dict[str, Any], titles: tuple[int, int]) -> None:
    tuned, unseen = choose_questions(articles(6), make_settings(**settings), {})
    assert (len({item.title for item in tuned}), len({item.title for item in unseen})) == titles
    assert not {item.title for item in tuned} & {item.title for item in unseen}
    assert all(item.answers for item in (*tuned, *unseen))


def test_held_out_articles_are_those_of_training() -> None:
    from densephrase.training.data.holdout import split_by_title

    tuned, unseen = choose_questions(articles(9), make_settings(held_out_articles=3, unseen_articles=1), {})
    _, held_out = split_by_title(articles(9), 3)
    assert {item.title for item in (*tuned, *unseen)} == {item.title for item in held_out}


def test_without_articles_every_paragraph_is_on_one_side() -> None:
    tuned, unseen = choose_questions(COPIES, make_settings(), {})
    assert len(tuned) + len(unseen) == len(COPIES)
    assert not {item.context for item in tuned} & {item.context for item in unseen}


@pytest.mark.parametrize(
    ("questions", "settings"),
    [([], {}), (articles(1), {}), (articles(3), {"unseen_articles": 3})],
    ids=["nothing", "one article", "all kept apart"],
)
def test_too_few_questions_are_refused(questions: list[Question], settings: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="to tune on and .* to measure with"):
        choose_questions(questions, make_settings(**settings), {})


def test_patterns_are_not_tuned_on() -> None:
    questions = [*articles(9), Question("trec", "what", ("this|that",), (-1,), is_pattern=True)]
    with pytest.raises(TrainingError, match="question 'trec' are regular expressions"):
        choose_questions(questions, make_settings(), {})


@pytest.mark.parametrize(
    "settings",
    [
        {"weights": "few"},
        {"labels": "title"},
        {"articles": "some"},
        {"epochs": 0},
        {"pull": -1.0},
        {"precision": "int4"},
    ],
    ids=lambda settings: json.dumps(settings),
)
def test_settings_without_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=next(iter(settings))):
        QuerySideConfig(**settings)
