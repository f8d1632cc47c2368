"""Wherever a build of passages is stopped, running it again gives the files of an uninterrupted build."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.build_state import STATE_FOLDER
from densephrase.data import Document
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.verify import verify
from densephrase.storage import atomic_file
from tests.build_index.samples import file_hashes, random_documents, write_corpus
from tests.index.passages.fake_passage_encoder import FakePassageEncoder
from tests.search.fake_encoder import FakeEncoder

ROOT = Path(__file__).resolve().parents[3]
LISTS = {"flat_limit": 10, "lists": 4}
KILLS = 2
SECONDS = 1.5  # about what the build takes from its first word to its last


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "docs.jsonl", random_documents(24))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Path:
    """Return the index of a build that nothing stops."""
    return made(documents, tmp_path_factory.mktemp("whole") / "index")


def made(corpus: Path, path: Path, encoder: Any = None, **options: Any) -> Path:
    chosen = PassageBuildOptions(**{"shard_characters": 800, **LISTS, **options})
    build_passages(corpus, path, encoder=encoder or FakePassageEncoder(), options=chosen)
    return path


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


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_stopped_at_every_published_part(tmp_path: Path, documents: Path, whole: Path, after: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        published = _count_publications(patch)
        made(documents, tmp_path / "count")
    assert {"quantiser.h5", "vectors.h5", "ann.h5", "terms.h5", "shard-00001-codes.h5"} <= set(published)
    for number, name in enumerate(published):
        index = tmp_path / f"index-{number}"
        with pytest.MonkeyPatch.context() as patch:
            _count_publications(patch, number, after)
            with pytest.raises(Killed):
                made(documents, index)
        made(documents, index)
        assert file_hashes(index) == file_hashes(whole), name


class _DyingEncoder(FakePassageEncoder):
    """Is stopped in the call numbered `dies_at`."""

    dies_at = 3  # the sample, a shard, then the second

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        if self.calls + 1 == self.dies_at:
            self.calls += 1
            raise KeyboardInterrupt
        return super().encode_passages(passages)


def _stopped(path: Path, corpus: Path) -> Path:
    with pytest.raises(KeyboardInterrupt):
        made(corpus, path, _DyingEncoder())
    return path


def test_neither_the_sample_nor_finished_shards_are_encoded_again(
    tmp_path: Path, documents: Path, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = _stopped(tmp_path / "index", documents)
    assert "the same command continues" in caplog.text
    encoder, from_start = FakePassageEncoder(), FakePassageEncoder()
    made(documents, index, encoder)
    made(documents, tmp_path / "other", from_start)
    assert encoder.calls == from_start.calls - 2
    assert file_hashes(index) == file_hashes(whole)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


SPOILT = [
    "segments/000001/shard-00000.h5",
    "build-state/shard-00000-codes.h5",
    "build-state/quantiser.h5",
    "encoder/config.json",
]


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("spoil", [_flip, Path.unlink], ids=["bit", "missing"])
def test_damaged_parts_of_passages_are_built_again(
    tmp_path: Path, documents: Path, whole: Path, name: str, spoil: Callable[[Path], None]
) -> None:
    index = _stopped(tmp_path / "index", documents)
    spoil(index / name)
    made(documents, index)
    assert file_hashes(index) == file_hashes(whole)


def test_a_changed_corpus_is_refused(tmp_path: Path, documents: Path) -> None:
    index = _stopped(tmp_path / "index", documents)
    changed = random_documents(24)
    changed[3] = replace(changed[3], text="other")
    other = write_corpus(tmp_path / "other.jsonl", changed)
    with pytest.raises(BuildError, match=r"(?s)the corpus has changed between document 1 .*remove the folder"):
        made(other, index)
    longer = write_corpus(tmp_path / "longer.jsonl", [*random_documents(24), Document("new", "x" * 2000)])
    with pytest.raises(BuildError, match="the corpus has changed from document 25 on"):
        made(longer, index)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder": FakePassageEncoder(seed=1)}, "the encoder's fingerprint was 0000000000000000"),
        ({"encoder": FakePassageEncoder(precision="bfloat16")}, "computes in bfloat16 now"),
        ({"language": "none"}, "option language was 'english' and is 'none' now"),
        ({"flat_limit": 11}, "option flat_limit was 10 and is 11 now"),
    ],
)
def test_other_inputs_are_refused(tmp_path: Path, documents: Path, changes: dict[str, Any], message: str) -> None:
    index = _stopped(tmp_path / "index", documents)
    with pytest.raises(BuildError, match=message):
        made(documents, index, **changes)


def test_other_paragraphs_are_refused(tmp_path: Path, documents: Path) -> None:
    index = _stopped(tmp_path / "index", documents)
    build(documents, tmp_path / "phrases", encoder=FakeEncoder())  # type: ignore[arg-type]
    with pytest.raises(BuildError, match="option cutting tokenizer was"):
        made(tmp_path / "phrases", index)


def test_a_build_of_the_other_kind_is_not_continued(tmp_path: Path, documents: Path) -> None:
    index = _stopped(tmp_path / "index", documents)
    with pytest.raises(BuildError, match="it was to index passages and is to index phrases now"):
        build(documents, index, encoder=FakeEncoder())  # type: ignore[arg-type]


def test_a_corpus_that_changes_while_it_is_encoded(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(24))

    class Meddler(FakePassageEncoder):
        def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
            write_corpus(corpus, random_documents(24, seed=1))
            return super().encode_passages(passages)

    with pytest.raises(BuildError, match="has changed while it was indexed"):
        made(corpus, tmp_path / "index", Meddler())


_BUILD = """
import sys, time
from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from tests.index.passages.fake_passage_encoder import FakePassageEncoder

class SlowEncoder(FakePassageEncoder):
    def encode_passages(self, passages):
        time.sleep(0.1)  # time enough to be killed
        return super().encode_passages(passages)

print("ready", flush=True)
options = PassageBuildOptions(shard_characters=800, flat_limit=10, lists=4)
build_passages(sys.argv[1], sys.argv[2], encoder=SlowEncoder(), options=options)
"""


@pytest.mark.slow
def test_passages_killed_at_random_moments(tmp_path: Path, documents: Path, whole: Path, soak: int) -> None:
    index, moments, killed = tmp_path / "index", random.Random("passages"), 0
    for _ in range(KILLS * soak):
        command = [sys.executable, "-c", _BUILD, str(documents), str(index)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            time.sleep(moments.uniform(0, SECONDS))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        if (index / "manifest.json").exists() and not (index / STATE_FOLDER).exists():
            shutil.rmtree(index)
    made(documents, index)
    assert killed > 0
    assert file_hashes(index) == file_hashes(whole)
    assert verify(index) == []
