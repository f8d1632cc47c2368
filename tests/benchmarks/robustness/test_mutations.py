"""Damaged copies of tiny indexes, tried in a process of their own as the benchmark tries thousands."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.robustness.column_mutants import INDEX_FILES, seal
from benchmarks.robustness.mutation_probe import Outcome
from benchmarks.robustness.mutations import TARGETS, Prober, Setting, mutate, trials
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import IndexFormatError
from densephrase.index.format.manifest import Manifest
from densephrase.index.verify import verify
from tests.build_index.samples import file_hashes, random_documents, write_corpus

TARGET = TARGETS["index"]


@pytest.fixture(scope="session")
def compact_index(tmp_path_factory: pytest.TempPathFactory, small_index: Path) -> Path:
    """The small index in the compact profile."""
    folder = tmp_path_factory.mktemp("small-compact")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(30))
    encoder = PhraseEncoder.from_pretrained(small_index / "encoder", bf16=False)
    options = BuildOptions(profile="compact", shard_characters=1200, flat_limit=10, lists=4)
    build(corpus, folder / "index", encoder=encoder, options=options)
    return folder / "index"


@pytest.mark.slow
def test_no_mutant_crashes_hangs_or_raises(small_index: Path, compact_index: Path, tmp_path: Path, soak: int) -> None:
    sound = [shutil.copytree(small_index, tmp_path / "default"), shutil.copytree(compact_index, tmp_path / "compact")]
    before = [file_hashes(folder) for folder in sound]
    found = list(trials(sound, 120 * soak, Setting(TARGET, seed=5, workers=1, timeout=60.0, work=tmp_path)))
    assert [(trial.number, trial.change, trial.outcome.unexpected) for trial in found if trial.outcome.unexpected] == []
    assert sum(trial.result == "refused" for trial in found) > 30 * soak
    assert sum(trial.result == "answered" for trial in found) > 10 * soak
    assert [file_hashes(folder) for folder in sound] == before


@pytest.mark.parametrize("kind", list(INDEX_FILES))
def test_each_kind_of_damage_changes_only_the_copy(kind: str, small_index: Path, tmp_path: Path) -> None:
    before = file_hashes(small_index)
    copy = shutil.copytree(small_index, tmp_path / "copy", copy_function=_link_or_copy)
    done = [INDEX_FILES[kind](copy, np.random.default_rng(seed)) for seed in range(2)]
    assert any(done)
    assert file_hashes(small_index) == before
    assert not all(path.is_file() for path in copy.rglob("*.*")) or file_hashes(copy) != before


def test_a_sealed_mutant_has_checksums_that_fit(small_index: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(small_index, tmp_path / "copy")
    content = json.loads((copy / "manifest.json").read_text())
    content["versions"]["numpy"] = "another"
    (copy / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(IndexFormatError, match="checksum"):
        Manifest.load(copy)
    seal(copy)
    assert Manifest.load(copy).versions["numpy"] == "another"
    assert verify(copy) == []


def test_the_same_seed_makes_the_same_mutant(small_index: Path, tmp_path: Path) -> None:
    sound = shutil.copytree(small_index, tmp_path / "sound")
    made = [mutate(sound, tmp_path / name, TARGET, 7, 1) for name in ("a", "b")]
    assert made[0] == made[1]
    assert mutate(sound, tmp_path / "c", TARGET, 8, 1) != made[0]


def test_a_process_that_dies_or_hangs_is_an_outcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "child.py"
    script.write_text(
        "import os, sys, time\n"
        f"print({json.dumps(Outcome(problems=0).__dict__)!r}, flush=True)\n"
        "for line in sys.stdin:\n"
        "    os.abort() if 'abort' in line else time.sleep(60)\n"
    )
    prober = Prober("index", tmp_path, 0.5)
    monkeypatch.setattr(prober, "_command", [prober._command[0], str(script)])
    assert prober.probe(tmp_path / "abort") == Outcome(unexpected=["crashes: the process ended with -6"])
    assert prober.probe(tmp_path / "sleep") == Outcome(unexpected=["hangs: nothing came in 0.5 s"])
    prober.close()


def _link_or_copy(source: str, destination: str) -> None:
    """Link a file, as the benchmark does on one file system."""
    try:
        os.link(source, destination)
    except OSError:
        shutil.copy2(source, destination)
