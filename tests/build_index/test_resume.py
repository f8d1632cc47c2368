"""Wherever a build is stopped, running it again gives the files of an uninterrupted build."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.build_state import STATE_FOLDER, locked
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.progress import Progress
from densephrase.data import Document
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.index_reader import IndexReader
from densephrase.storage import atomic_file
from tests.build_index.samples import file_hashes, random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder

ROOT = Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """Stands for kill -9: no `except Exception` sees it."""


def _count_publications(monkeypatch: pytest.MonkeyPatch, kill_at: int = -1, after: bool = False) -> list[str]:
    """Record every file that gets its name; die before or after the one numbered `kill_at`."""
    published: list[str] = []
    replace_file = os.replace

    def counted(source: Path, target: Path) -> None:
        number = len(published)
        published.append(Path(target).name)
        if number == kill_at and not after:
            raise Killed
        replace_file(source, target)
        if number == kill_at:
            raise Killed

    monkeypatch.setattr(atomic_file.os, "replace", counted)
    return published


def _litter(index: Path) -> None:
    """Leave what a killed build may leave."""
    (index / "manifest.json.tmp").write_text("{")
    for folder in (index / STATE_FOLDER, index / "segments" / "000001"):
        if folder.is_dir():
            (folder / "half-written.h5.tmp").write_bytes(b"half")
    (index / "encoder.tmp").mkdir(exist_ok=True)
    (index / "encoder.tmp" / "config.json").write_text("{")


@pytest.mark.parametrize("options", ["lists"], indirect=True)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_stopped_at_every_file(
    tmp_path: Path, corpus: Path, options: BuildOptions, uninterrupted: Path, after: bool
) -> None:
    expected = file_hashes(uninterrupted)
    with pytest.MonkeyPatch.context() as patch:
        published = _count_publications(patch)
        build(corpus, tmp_path / "count", encoder=FakeEncoder(), options=options)
    assert len(published) >= 12
    for number in range(len(published)):
        index = tmp_path / f"index-{number}"
        with pytest.MonkeyPatch.context() as patch:
            _count_publications(patch, number, after)
            with pytest.raises(Killed):
                build(corpus, index, encoder=FakeEncoder(), options=options)
        if not (index / "manifest.json").exists():
            _litter(index)
        build(corpus, index, encoder=FakeEncoder(), options=options)
        assert file_hashes(index) == expected, published[number]


class _DyingEncoder(FakeEncoder):
    """Dies in the call numbered `dies_at`."""

    calls = 0
    dies_at = 0

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KeyboardInterrupt
        return super().encode_paragraphs(paragraphs)


def test_stopped_while_encoding(
    tmp_path: Path, corpus: Path, uninterrupted: Path, options: BuildOptions, caplog: pytest.LogCaptureFixture
) -> None:
    for dies_at in (1, 3, 2):  # in the sample; in the second shard; in the third
        encoder = _DyingEncoder()
        encoder.dies_at = dies_at
        with pytest.raises(KeyboardInterrupt):
            build(corpus, tmp_path / "index", encoder=encoder, options=options)
        assert "the same command continues" in caplog.text
    build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options)
    assert file_hashes(tmp_path / "index") == file_hashes(uninterrupted)


def test_finished_shards_are_not_encoded_again(tmp_path: Path, corpus: Path) -> None:
    options = BuildOptions(shard_characters=800)
    first = _DyingEncoder()
    first.dies_at = 3  # the sample, a shard, then the second
    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path / "index", encoder=first, options=options)
    shards = len(IndexReader.open(_built(tmp_path / "other", corpus, options)).shards)
    second = _DyingEncoder()
    build(corpus, tmp_path / "index", encoder=second, options=options)
    assert second.calls == shards - 1


def _built(path: Path, corpus: Path, options: BuildOptions) -> Path:
    build(corpus, path, encoder=FakeEncoder(), options=options)
    return path


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [_damage, lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])],
    ids=["bit", "missing", "cut"],
)
@pytest.mark.parametrize("options", ["flat"], indirect=True)
@pytest.mark.parametrize("name", ["segments/000001/shard-00000.h5", "encoder/config.json"], ids=["shard", "encoder"])
def test_damaged_parts_are_built_again(
    tmp_path: Path, corpus: Path, uninterrupted: Path, options: BuildOptions, name: str, spoil: Callable[[Path], None]
) -> None:
    encoder = _DyingEncoder()
    encoder.dies_at = 3
    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path / "index", encoder=encoder, options=options)
    spoil(tmp_path / "index" / name)
    build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options)
    assert file_hashes(tmp_path / "index") == file_hashes(uninterrupted)


UNREADABLE = {
    "cut": "{",
    "binary": "\udcff\udcfe",
    "deep": "[" * 100_000,
    "of another version": '{"later": 1}',
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("name", ["inputs", "shard-00000", "estimate"])
def test_what_cannot_be_read_is_never_made_again_unasked(tmp_path: Path, corpus: Path, name: str, content: str) -> None:
    index = _stopped(tmp_path / "index", corpus)
    record = index / STATE_FOLDER / f"{name}.json"
    good = record.read_text()
    record.write_text(content, "utf-8", "surrogateescape")
    before = file_hashes(index)
    with pytest.raises(BuildError, match=rf"{name}\.json cannot be read as a record .* nothing was removed"):
        build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert file_hashes(index) == before
    record.write_text(good)
    build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert file_hashes(index) == file_hashes(_whole(tmp_path, corpus))


def test_a_build_without_the_record_of_its_inputs_is_left_alone(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    (index / STATE_FOLDER / "inputs.json").unlink()
    before = file_hashes(index)
    with pytest.raises(BuildError, match=r"without the record of its inputs, .*inputs\.json; nothing was removed"):
        build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert file_hashes(index) == before


def test_a_build_killed_before_its_first_record_begins_again(tmp_path: Path, corpus: Path) -> None:
    with locked(tmp_path / "index") as state:
        (state.folder / "inputs.json.tmp").write_text("{")
    build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert file_hashes(tmp_path / "index") == file_hashes(_whole(tmp_path, corpus))


def _stopped(path: Path, corpus: Path) -> Path:
    encoder = _DyingEncoder()
    encoder.dies_at = 3
    with pytest.raises(KeyboardInterrupt):
        build(corpus, path, encoder=encoder, options=BuildOptions(shard_characters=800))
    return path


def _whole(folder: Path, corpus: Path) -> Path:
    """Return the index of a build that nothing stops."""
    return _built(folder / "whole", corpus, BuildOptions(shard_characters=800))


def _changed(documents: list[Document], row: int, **fields: object) -> list[Document]:
    return [*documents[:row], replace(documents[row], **fields), *documents[row + 1 :]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda docs: _changed(docs, 0, text="other"), "changed between document 1 and document"),
        (lambda docs: _changed(docs, 1, title="other"), "changed between document 1 and document"),
        (lambda docs: _changed(docs, 1, id="other"), "changed between document 1 and document"),
        (lambda docs: _changed(docs, 1, metadata={"n": 5}), "changed between document 1 and document"),
        (lambda docs: docs[:-1], "changed between document"),
        (lambda docs: [*docs, Document("new", "x" * 2000)], r"changed from document 25 on"),
    ],
    ids=["text", "title", "id", "metadata", "shorter", "longer"],
)
def test_another_corpus_is_refused(
    tmp_path: Path, corpus: Path, change: Callable[[list[Document]], list[Document]], message: str
) -> None:
    index = _stopped(tmp_path / "index", corpus)
    other = write_corpus(tmp_path / "other.jsonl", change(random_documents(24)))
    with pytest.raises(BuildError, match=f"(?s){message}.*remove the folder"):
        build(other, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))


def test_another_encoder_is_refused(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    with pytest.raises(BuildError, match="the encoder's fingerprint was 0000000000000000"):
        build(corpus, index, encoder=FakeEncoder(seed=1), options=BuildOptions(shard_characters=800))


def test_another_precision_is_refused(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    other = FakeEncoder(precision="bfloat16 by AMX")
    with pytest.raises(BuildError, match="computed in float32 and computes in bfloat16 by AMX now.*kind of processor"):
        build(corpus, index, encoder=other, options=BuildOptions(shard_characters=800))


def test_other_options_are_refused(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    with pytest.raises(BuildError, match="option language was 'english' and is 'none' now"):
        build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800, language="none"))


def test_how_much_is_read_may_change(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800, document_bytes=10_000))
    assert file_hashes(index) == file_hashes(_whole(tmp_path, corpus))


def test_the_corpus_may_move(tmp_path: Path, corpus: Path) -> None:
    index = _stopped(tmp_path / "index", corpus)
    moved = shutil.copy(corpus, tmp_path / "moved.jsonl")
    build(moved, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert file_hashes(index) == file_hashes(_whole(tmp_path, corpus))


def test_other_versions_are_warned_of(tmp_path: Path, corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    index = _stopped(tmp_path / "index", corpus)
    inputs = index / STATE_FOLDER / "inputs.json"
    content = json.loads(inputs.read_text())
    content["versions"]["numpy"] = "0.1"
    inputs.write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING):
        build(corpus, index, encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))
    assert "may differ" in caplog.text


def test_a_corpus_that_changes_during_the_build_is_noticed(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(24))

    class Meddler(FakeEncoder):
        def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
            write_corpus(corpus, random_documents(24, seed=1))
            return super().encode_paragraphs(paragraphs)

    with pytest.raises(BuildError, match="has changed while it was indexed"):
        build(corpus, tmp_path / "index", encoder=Meddler(), options=BuildOptions(shard_characters=800))


def test_a_corpus_that_shrinks_during_the_build_is_noticed(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(24))
    options = BuildOptions(shard_characters=800)
    first = len(IndexReader.open(_built(tmp_path / "other", corpus, options)).shards[0].document_ids)

    def shrink(progress: Progress) -> None:
        if progress.stage == "estimating disk space":
            write_corpus(corpus, random_documents(24)[:first])

    with pytest.raises(BuildError, match=r"has changed while it was indexed \(shard 1\)"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options, progress=shrink)


def test_two_builds_in_one_folder(tmp_path: Path, corpus: Path) -> None:
    with locked(tmp_path / "index"), pytest.raises(BuildError, match="Another build is at work"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder())
    build(corpus, tmp_path / "index", encoder=FakeEncoder())


_SLOW_BUILD = """
import sys, time
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.pipeline import build
from tests.search.fake_encoder import FakeEncoder

class SlowEncoder(FakeEncoder):
    def encode_paragraphs(self, paragraphs):
        time.sleep(0.2)
        return super().encode_paragraphs(paragraphs)

build(sys.argv[1], sys.argv[2], encoder=SlowEncoder(), options=BuildOptions(shard_characters=800))
"""


def test_kill_9(tmp_path: Path, corpus: Path) -> None:
    index = tmp_path / "index"
    command = [sys.executable, "-c", _SLOW_BUILD, str(corpus), str(index)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        while not (index / STATE_FOLDER / "shard-00001.json").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not (index / "manifest.json").exists()
    options = BuildOptions(shard_characters=800)
    build(corpus, index, encoder=FakeEncoder(), options=options)
    assert file_hashes(index) == file_hashes(_built(tmp_path / "other", corpus, options))
