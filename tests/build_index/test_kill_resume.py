"""Kills at random moments: a build that is killed and run again leaves the files of one that nothing stopped."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.index.format.manifest_file import MANIFEST_FILE
from densephrase.index.verify import verify
from tests.build_index.samples import file_hashes
from tests.search.fake_encoder import FakeEncoder

ROOT = Path(__file__).resolve().parents[2]
KILLS = 2  # of each form, in `make test`
SECONDS = 1.0  # about what the build takes from its first word to its last

_BUILD = """
import sys, time
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from tests.search.fake_encoder import FakeEncoder

class SlowEncoder(FakeEncoder):
    def encode_paragraphs(self, paragraphs):
        time.sleep(0.05)  # time enough to be killed
        return super().encode_paragraphs(paragraphs)

print("ready", flush=True)
build(sys.argv[1], sys.argv[2], encoder=SlowEncoder(sparc_size=8), options=eval(sys.argv[3]))
"""
FORMS = {
    "flat": BuildOptions(shard_characters=800),
    "lists": BuildOptions(shard_characters=800, flat_limit=10, lists=8),
    "compact": BuildOptions(profile="compact", shard_characters=800, flat_limit=10, lists=4),
}


def kill_after(seconds: float, corpus: Path, index: Path, options: BuildOptions) -> bool:
    """Build in another process and kill it after some seconds; return whether it was still at work."""
    command = [sys.executable, "-c", _BUILD, str(corpus), str(index), repr(options)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        time.sleep(seconds)
        process.kill()
    assert process.returncode <= 0  # it was killed, or had ended well
    return process.returncode < 0


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_killed_at_random_moments(tmp_path: Path, corpus: Path, form: str, soak: int) -> None:
    options, index, moments = FORMS[form], tmp_path / "index", random.Random(form)
    build(corpus, tmp_path / "whole", encoder=FakeEncoder(sparc_size=8), options=options)
    whole, killed = file_hashes(tmp_path / "whole"), 0
    for _ in range(KILLS * soak):
        killed += kill_after(moments.uniform(0, SECONDS), corpus, index, options)
        if (index / MANIFEST_FILE).exists():  # so late that all was done
            assert file_hashes(index) == whole
            shutil.rmtree(index)
    build(corpus, index, encoder=FakeEncoder(sparc_size=8), options=options)
    assert killed > 0
    assert file_hashes(index) == whole
    assert verify(index) == []
