"""Training of a passage encoder: what it learns, where it starts, how it resumes, and what it refuses."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from densephrase.cli.main import main
from densephrase.corpus.retrieval.context_passages import ContextPassage
from densephrase.corpus.retrieval.examples import RetrievalExample, write_retrieval_examples
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import TrainingError
from densephrase.training.retriever.config import RetrieverTrainingConfig
from densephrase.training.retriever.examples import PassagePool, PoolExample
from densephrase.training.retriever.trainer import gold_rank, train_retriever
from tests.encoder.hf_folder import save_backbone
from tests.training.facts import make_facts
from tests.training.retriever.retriever_settings import make_retriever_settings
from tests.training.stopping import Stopped, assert_same_run, before_step, press_ctrl_c, stop
from tests.training.two_processes import UNABLE, read_pair, run_pair

FACTS = make_facts()
FILES = ("config.json", "model.safetensors", "tokenizer.json")


def first_ranks(encoder: PassageEncoder) -> np.ndarray:
    """Return the rank of each question's own passage among all, counted from 0."""
    pool = PassagePool.of(FACTS)
    scores = encoder.encode_questions([fact.text for fact in FACTS]) @ encoder.encode_passages(pool.passages).T
    gold = scores[np.arange(len(FACTS)), [example.positive for example in pool.examples]]
    return (scores > gold[:, None]).sum(1)


@pytest.mark.parametrize(
    "changes",
    [{}, {"shared": True}, {"pooling": "cls"}, {"normalise": True, "scale": 20.0}],
    ids=["two towers, mean", "one tower", "first token", "cosine"],
)
def test_eight_passages_can_be_learned_by_heart(changes: dict[str, Any], tmp_path: Path) -> None:
    settings = make_retriever_settings(
        save_backbone(tmp_path / "backbone", dropout=0.0),
        max_steps=250,
        learning_rate=3e-3,
        batch_questions=16,
        **changes,
    )
    report = train_retriever(FACTS, tmp_path / "encoder", settings)
    assert (report["steps"], report["questions_seen"]) == (250, 250 * len(FACTS))
    encoder = PassageEncoder.from_pretrained(tmp_path / "encoder", bf16=False)
    assert encoder.config.is_shared == settings.shared
    assert (first_ranks(encoder) == 0).all()


def test_the_report_says_what_was_done(backbone: Path, tmp_path: Path) -> None:
    settings = make_retriever_settings(backbone, max_steps=0, epochs=2.0)
    report = train_retriever(FACTS, tmp_path, settings)
    assert (report["steps"], report["questions_seen"]) == (8, 2 * len(FACTS))
    assert report["hard_negatives_per_question"] > 0
    stored = json.loads((tmp_path / "config.json").read_text())["training"]
    assert stored["settings"]["negatives"] == "bm25"
    assert stored["steps"] == 8


def test_held_out_articles_are_measured_and_not_trained_on(backbone: Path, tmp_path: Path) -> None:
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(5)]
    settings = make_retriever_settings(backbone, held_out_articles=1, max_steps=0, epochs=1.0)
    report = train_retriever([*FACTS, *article], tmp_path, settings)
    assert report["questions_seen"] == len(FACTS)
    assert report["held_out_passages"] == 5
    assert 0 <= report["held_out_top_1"] <= report["held_out_top_5"] == report["held_out_top_20"] == 1


def test_equal_vectors_find_no_held_out_passage(
    backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder that makes the same vector of everything is of no use, and its figures say so."""
    monkeypatch.setattr(PassageEncoder, "_encode", lambda self, rows, forward: np.ones((len(rows), 32), np.float32))
    article = [replace(FACTS[0], id=f"h{n}", title="apart", context=f"{FACTS[0].context} {n}") for n in range(6)]
    settings = make_retriever_settings(backbone, held_out_articles=1, max_steps=1)
    report = train_retriever([*FACTS, *article], tmp_path, settings)
    assert (report["held_out_top_1"], report["held_out_top_5"], report["held_out_top_20"]) == (0, 0, 1)


@pytest.mark.parametrize("at", [1, 4], ids="after {} steps".format)
def test_a_stopped_run_ends_like_one_that_never_stopped(
    at: int, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_retriever_settings(backbone, checkpoint_minutes=0.0)
    train_retriever(FACTS, tmp_path / "never", settings)
    with monkeypatch.context() as patch:
        made = before_step(patch, at, stop)
        with pytest.raises(Stopped):
            train_retriever(FACTS, tmp_path / "stopped", settings)
        assert made == list(range(at + 1))
    torch.manual_seed(999)  # another process would stand elsewhere
    made = before_step(monkeypatch, -1, stop)
    train_retriever(FACTS, tmp_path / "stopped", settings)
    assert made == list(range(at, 6))
    assert_same_run(tmp_path / "never", tmp_path / "stopped", FILES)


def test_ctrl_c_finishes_the_step_and_keeps_it(backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 2, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            train_retriever(FACTS, tmp_path, make_retriever_settings(backbone))
    assert not (tmp_path / "config.json").exists()
    made = before_step(monkeypatch, -1, stop)
    train_retriever(FACTS, tmp_path, make_retriever_settings(backbone))
    assert made == [3, 4, 5]


def test_a_second_round_takes_the_negatives_of_the_first_and_starts_anew(backbone: Path, tmp_path: Path) -> None:
    train_retriever(FACTS, tmp_path / "one", make_retriever_settings(backbone))
    settings = make_retriever_settings(backbone, negatives=f"bm25, {tmp_path / 'one'}", max_steps=1, learning_rate=0.0)
    report = train_retriever(FACTS, tmp_path / "two", settings)
    assert report["hard_negatives_per_question"] > 3  # of two sources, three each at most
    start = PassageEncoder.from_pretrained(tmp_path / "two", bf16=False).model.passage.state_dict()
    former = PassageEncoder.from_pretrained(tmp_path / "one", bf16=False).model.passage.state_dict()
    assert any(not torch.equal(start[name], former[name]) for name in start)


@pytest.mark.parametrize("shared", [True, False], ids=["one tower", "two towers"])
def test_an_encoder_can_be_trained_further(shared: bool, backbone: Path, tmp_path: Path) -> None:
    train_retriever(FACTS, tmp_path / "one", make_retriever_settings(backbone, shared=True))
    settings = make_retriever_settings(tmp_path / "one", shared=shared, max_steps=1, learning_rate=0.0)
    train_retriever(FACTS, tmp_path / "two", settings)
    former, further = (PassageEncoder.from_pretrained(tmp_path / name, bf16=False) for name in ("one", "two"))
    assert further.config.is_shared == shared
    texts = [fact.text for fact in FACTS]
    assert np.array_equal(former.encode_questions(texts), further.encode_questions(texts))


def test_a_tuned_weight_does_not_outlive_the_scores_it_was_tuned_for(backbone: Path, tmp_path: Path) -> None:
    train_retriever(FACTS, tmp_path / "one", make_retriever_settings(backbone, max_steps=1))
    replace(PassageEncoderConfig.load(tmp_path / "one"), term_weight=0.5).save(tmp_path / "one")
    train_retriever(FACTS, tmp_path / "two", make_retriever_settings(tmp_path / "one", max_steps=1))
    assert PassageEncoderConfig.load(tmp_path / "two").term_weight is None


def test_two_towers_do_not_become_one(backbone: Path, tmp_path: Path) -> None:
    train_retriever(FACTS, tmp_path / "one", make_retriever_settings(backbone, max_steps=1))
    with pytest.raises(TrainingError, match="has a tower for questions and one for passages"):
        train_retriever(FACTS, tmp_path / "two", make_retriever_settings(tmp_path / "one", shared=True))


def test_the_papers_settings_are_settings_of_the_same_command(backbone: Path, tmp_path: Path) -> None:
    """Two steps of DPR's own configuration, but for lengths and batches that fit a tiny model."""
    settings = make_retriever_settings(
        backbone, pooling="cls", learning_rate=2e-5, clip=2.0, warmup=0.5, epochs=40.0, max_steps=2, batch_questions=128
    )
    report = train_retriever(FACTS, tmp_path, settings)
    assert report["steps"] == 2
    assert PassageEncoder.from_pretrained(tmp_path, bf16=False).config.pooling == "cls"


def test_questions_without_a_passage_are_refused(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="Question 'q7' has no context"):
        train_retriever([replace(FACTS[0], id="q7", context=None)], tmp_path, make_retriever_settings(backbone))


def test_questions_that_their_paragraph_does_not_answer_are_left_out(
    backbone: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Their paragraph is no gold passage: those of SQuAD 2.0 were written to look like it."""
    unanswerable = [replace(fact, id=f"no-{fact.id}", answers=(), answer_starts=()) for fact in FACTS[:3]]
    report = train_retriever(
        [*FACTS, *unanswerable], tmp_path, make_retriever_settings(backbone, max_steps=0, epochs=1.0)
    )
    assert report["questions_seen"] == len(FACTS)
    assert "left out 3 questions" in caplog.text


def test_no_questions_are_nothing_to_train_on(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="There are 0 questions to train on"):
        train_retriever([], tmp_path, make_retriever_settings(backbone))


def test_patterns_are_no_answers_to_train_on(backbone: Path, tmp_path: Path) -> None:
    """Passages that match one would become negatives, for none holds its letters."""
    with pytest.raises(TrainingError, match="answers of question 'q8' are regular expressions"):
        train_retriever([replace(FACTS[0], id="q8", is_pattern=True)], tmp_path, make_retriever_settings(backbone))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "max"}, "pooling='max'; expected one of 'cls', 'mean'"),
        ({"title": "bold"}, "title='bold'; expected one of 'segment', 'text', 'none'"),
        ({"negatives": " , "}, "negatives is empty"),
        ({"scale": -1.0}, "scale=-1.0; at least 0"),
        ({"hard_negatives": -1}, "hard_negatives=-1; at least 0"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        RetrieverTrainingConfig(**changes)


def dpr_rows() -> list[RetrievalExample]:
    """Return the facts in DPR's form, each with the passage of the next as a hard negative."""
    passages = [ContextPassage(fact.title, fact.context or "") for fact in FACTS]
    return [
        RetrievalExample(
            fact.text, fact.answers, (passages[number],), (passages[(number + 2) % len(FACTS)], passages[number])
        )
        for number, fact in enumerate(FACTS)
    ]


def test_data_in_dprs_form_brings_its_own_hard_negatives(backbone: Path, tmp_path: Path) -> None:
    report = train_retriever(dpr_rows(), tmp_path, make_retriever_settings(backbone, negatives="given"))
    assert report["hard_negatives_per_question"] == 1  # the gold passage among them is none
    both = train_retriever(dpr_rows(), tmp_path / "both", make_retriever_settings(backbone, negatives="given,bm25"))
    assert both["hard_negatives_per_question"] > 1


def test_the_command_reads_data_in_dprs_form(
    backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_retrieval_examples(tmp_path / "train.json", dpr_rows())
    settings = ("--max-passage-tokens", "40", "--max-question-tokens", "20", "--max-steps", "2", "--negatives", "given")
    arguments = ["retrieve", "train", str(tmp_path / "train.json"), "--output", str(tmp_path / "encoder"), "--json"]
    assert main([*arguments, "--backbone", str(backbone), "--batch-questions", "4", *settings]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["steps"], report["questions_seen"]) == (2, 8)
    assert PassageEncoder.from_pretrained(tmp_path / "encoder", bf16=False).config.max_passage_tokens == 40


def vectors_of(folder: Path) -> np.ndarray:
    """Return the vectors of all questions. Weights of equal runs may differ where they do not count, as Adam's do."""
    return PassageEncoder.from_pretrained(folder, bf16=False).encode_questions([fact.text for fact in FACTS])


def test_cached_gradients_come_to_the_same_encoder(tmp_path: Path) -> None:
    start = save_backbone(tmp_path / "backbone", dropout=0.0)
    for name, changes in (("whole", {}), ("chunked", {"chunk": 3}), ("other", {"chunk": 3, "seed": 8})):
        train_retriever(FACTS, tmp_path / name, make_retriever_settings(start, learning_rate=1e-3, **changes))
    whole, chunked, other = (vectors_of(tmp_path / name) for name in ("whole", "chunked", "other"))
    assert np.abs(whole - chunked).max() < 1e-3 < np.abs(whole - other).max()


@pytest.mark.slow
def test_two_processes_come_to_the_encoder_of_one(tmp_path: Path) -> None:
    """Each has two of the four questions of a batch, with their hard negatives; both see the passages of all."""
    train_retriever(FACTS, tmp_path / "one", two_process_settings(tmp_path))
    run_pair(train_in_a_process, tmp_path)
    if (tmp_path / UNABLE).exists():
        pytest.skip((tmp_path / UNABLE).read_text())
    reports = read_pair(tmp_path)
    assert reports[1] == {}
    assert reports[0]["questions_seen"] == 24
    assert np.abs(vectors_of(tmp_path / "one") - vectors_of(tmp_path / "two")).max() < 1e-3


def two_process_settings(folder: Path) -> RetrieverTrainingConfig:
    """Return settings without dropout, whose random numbers processes do not share."""
    backbone = folder / "backbone"
    if not backbone.exists():
        save_backbone(backbone, dropout=0.0)
    return make_retriever_settings(backbone, learning_rate=1e-3)


def train_in_a_process(rank: int, folder: Path) -> None:
    """Be one of two processes that train an encoder together; write the report."""
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    try:
        report = train_retriever(
            FACTS, folder / "two", two_process_settings(folder), meeting=f"file://{folder / 'meeting'}"
        )
    except TrainingError as error:
        if "interface" not in str(error) or "cannot meet" not in str(error):
            raise
        (folder / UNABLE).write_text(str(error), encoding="utf-8")
        return
    (folder / f"{rank}.json").write_text(json.dumps(report), encoding="utf-8")


def test_any_passage_that_answers_counts_as_found() -> None:
    scores = np.array([3.0, 5.0, 2.0, 5.0], np.float32)
    assert gold_rank(scores, PoolExample("q", (), 0)) == 3
    assert gold_rank(scores, PoolExample("q", (), 2, others=(1,))) == 2  # behind the one of equal score
    assert gold_rank(scores, PoolExample("q", (), 1, others=(3,))) == 1


def test_no_hard_negatives_at_all_are_told(backbone: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train_retriever(FACTS, tmp_path, make_retriever_settings(backbone, negatives="given", max_steps=1))
    assert "no question has a hard negative from given" in caplog.text
