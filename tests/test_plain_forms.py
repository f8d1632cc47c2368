"""Without LLVM and numba's private parts, and without any compiler, an index is the same and gives the same answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.index.index_reader import IndexReader
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher
from tests.build_index.samples import file_hashes
from tests.search.conftest import random_documents
from tests.search.fake_encoder import FakeEncoder
from tests.search.test_searcher_oracle import QUESTIONS

ROOT = Path(__file__).resolve().parent.parent
LAYOUTS: dict[str, dict[str, Any]] = {
    "default": {},
    "compact": {"shard_characters": 300, "flat_limit": 10, "lists": 4},
}
KERNELS = """
import logging.handlers
said = logging.handlers.BufferingHandler(100)
logging.getLogger("densephrase.kernels").addHandler(said)
import json
import numpy as np
from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.entry_sums import add_entries
from densephrase.kernels.lowlevel.rows import multiply_rows, prefetch_row
from densephrase.kernels.mapped import places_at, rows_at

@kernel
def run(codes, weights, entries, values, address):
    prefetch_row(codes, 3, 20)
    add_entries(codes, 1, entries, values)
    narrow, wide = places_at(address, 2, True)
    return multiply_rows(codes, (2, 1), (weights, weights)), rows_at(address, 1)[0], narrow.size, wide[0]

codes, weights = np.arange(-30, 30, dtype=np.int8).reshape(3, 20), np.arange(-15000, 15000, 1500).astype(np.int16)
entries, values = np.arange(2 * 256 * 16).reshape(2, 256, 16).astype(np.int16), np.empty(16, np.int16)
column = np.array([1 << 40 | 7])
products, *read = run(codes, weights, entries, values, column.ctypes.data)
print(json.dumps([list(map(int, [*products, *read, *values])), [line.getMessage() for line in said.buffer]]))
"""


def say(folder: Path, profile: str) -> dict[str, Any]:
    """Return what is built of a few documents, and what is answered."""
    index, encoder, corpus = folder / "index", FakeEncoder(sparc_size=8), folder / "corpus.jsonl"
    rows = ({"id": item.id, "title": item.title, "text": item.text} for item in random_documents(3, documents=9))
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    build(corpus, index, encoder=encoder, options=BuildOptions(profile=profile, **LAYOUTS[profile]))
    searcher = Searcher(IndexReader.open(index), encoder)
    found = searcher.search(QUESTIONS, SearchOptions(top_k=5))
    return {
        "files": file_hashes(index),
        "answers": [[(answer.score, answer.text, answer.document.id) for answer in answers] for answers in found],
    }


def run_python(code: str, *arguments: str, **environment: str) -> Any:
    """Return what a new interpreter prints as JSON; it takes up none of the two settings of this process."""
    unset = ("DENSEPHRASE_PLAIN_KERNELS", "NUMBA_DISABLE_JIT")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("profile", LAYOUTS)
def test_python_alone_builds_and_answers_the_same(profile: str, tmp_path: Path) -> None:
    """Run by `make test-plain`, this process is one of the other forms."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    code = (
        "import json, pathlib, sys\n"
        "from tests.test_plain_forms import say\n"
        "print(json.dumps(say(pathlib.Path(sys.argv[1]), sys.argv[2])))"
    )
    interpreted = run_python(code, str(there), profile, NUMBA_DISABLE_JIT="1")
    assert json.loads(json.dumps(say(here, profile))) == interpreted
    assert all(interpreted["answers"][:2])


def test_kernels_agree_and_say_once_which_form_they_have(tmp_path: Path) -> None:
    script = tmp_path / "kernels.py"
    script.write_text(KERNELS, encoding="utf-8")
    code = f"import runpy; runpy.run_path({str(script)!r})"
    cache = {"DENSEPHRASE_NUMBA_CACHE": str(tmp_path / "cache")}
    fast, said = run_python(code, **cache)
    assert not [line for line in said if "plain" in line]
    for setting in ("DENSEPHRASE_PLAIN_KERNELS", "NUMBA_DISABLE_JIT"):
        plain, said = run_python(code, **cache, **{setting: "1"})
        assert plain == fast
        assert said == [f"kernels run in their plain form, which is slower: {setting} is set"]
