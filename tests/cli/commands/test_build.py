"""`build`, `info` and `verify`: an index is made, described and checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from tests.cli.conftest import DOCUMENTS

Run = Callable[..., Any]


@pytest.fixture
def built(run: Run, corpus: Path, tmp_path: Path, tiny_encoder_path: Path) -> Any:
    """An index of the corpus in `tmp_path / "index"`, and what `build` said."""
    return run("build", corpus, tmp_path / "index", "--encoder", tiny_encoder_path, "--json")


def test_build_prints_one_object(built: Any, tmp_path: Path, tiny_encoder: PhraseEncoder) -> None:
    assert built.code == 0
    [summary] = built.objects
    assert summary["index"] == str(tmp_path / "index")
    paragraphs = sum(map(len, tiny_encoder.split_paragraphs([document["text"] for document in DOCUMENTS])))
    assert (summary["documents"], summary["paragraphs"]) == (3, paragraphs)
    assert summary["tokens"] >= summary["starts"] > 0
    assert summary["bytes"] > 0
    assert summary["seconds"] > 0
    assert summary["tokens_per_second"] > 0


def test_info_agrees_with_build(built: Any, run: Run, tmp_path: Path) -> None:
    ran = run("info", tmp_path / "index", "--json")
    assert ran.code == 0
    [facts] = ran.objects
    [summary] = built.objects
    counts = ("documents", "paragraphs", "tokens", "starts", "ends")
    assert {name: facts[name] for name in counts} == {name: summary[name] for name in counts}
    assert facts["bytes"] == sum(facts["bytes_by_component"].values())
    assert facts["bytes_per_token"] > 0


def test_info_for_people(run: Run, index_path: Path) -> None:
    ran = run("info", index_path)
    assert ran.code == 0
    names = [line.split("  ")[0] for line in ran.out.splitlines() if not line.startswith(" ")]
    assert names[:6] == ["documents", "paragraphs", "tokens", "kept starts", "kept ends", "bytes"]


def test_build_for_people(run: Run, corpus: Path, tmp_path: Path, tiny_encoder_path: Path) -> None:
    ran = run("build", corpus, tmp_path / "index", "--encoder", tiny_encoder_path, "--language", "none")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["documents", "3"]
    assert run("info", tmp_path / "index", "--json").objects[0]["options"]["language"] == "none"


def test_a_finished_index_is_not_overwritten(
    built: Any, run: Run, corpus: Path, tmp_path: Path, tiny_encoder_path: Path
) -> None:
    again = run("build", corpus, tmp_path / "index", "--encoder", tiny_encoder_path, "--json")
    assert (built.code, again.code, again.out) == (0, 1, "")
    assert "finished index" in again.err


def test_a_bad_document_stops_the_build(run: Run, corpus: Path, tmp_path: Path, tiny_encoder_path: Path) -> None:
    with corpus.open("a", encoding="utf-8") as file:
        file.write("broken\n")
    ran = run("build", corpus, tmp_path / "index", "--encoder", tiny_encoder_path, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "line 4" in ran.err
    ran = run("build", corpus, tmp_path / "index", "--encoder", tiny_encoder_path, "--json", "--skip-bad")
    assert ran.objects[0]["documents"] == 3


@pytest.mark.parametrize(
    "arguments",
    [["--flat-limit", "-1"], ["--language", "klingon"], ["--lists", "0"], ["--shard-characters", "x"]],
    ids=" ".join,
)
def test_options_without_sense_are_wrong_usage(arguments: list[str], run: Run, corpus: Path, tmp_path: Path) -> None:
    ran = run("build", corpus, tmp_path / "index", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert not (tmp_path / "index").exists()


def test_an_unknown_encoder_is_1(run: Run, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    ran = run("build", corpus, tmp_path / "index", "--encoder", tmp_path / "encoder")
    assert (ran.code, ran.out) == (1, "")


def test_verify_finds_nothing_wrong(run: Run, index_path: Path) -> None:
    ran = run("verify", index_path, "--json")
    assert ran.code == 0
    [report] = ran.objects
    assert (report["ok"], report["problems"]) == (True, [])
    assert run("verify", index_path).code == 0


def test_verify_finds_a_changed_byte(built: Any, run: Run, tmp_path: Path) -> None:
    assert built.code == 0
    [shard] = (tmp_path / "index").rglob("shard-*.h5")
    content = bytearray(shard.read_bytes())
    content[-100] ^= 1
    shard.write_bytes(content)
    ran = run("verify", tmp_path / "index", "--json")
    assert ran.code == 1
    [report] = ran.objects
    assert not report["ok"]
    assert "shard-00000.h5" in report["problems"][0]
    ran = run("verify", tmp_path / "index")
    assert ran.code == 1
    assert "shard-00000.h5" in ran.out


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_missing_index_is_1(command: str, run: Run, tmp_path: Path) -> None:
    assert run(command, tmp_path / "none").code == 1
