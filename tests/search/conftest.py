"""Tiny indexes of random documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.data import Document
from densephrase.index.index_reader import IndexReader
from densephrase.search.searcher import Searcher
from tests.search.fake_encoder import FakeEncoder

# fmt: off
WORDS = [
    "Paris", "Berlin", "Zürich", "river", "Seine", "Einstein", "physics", "the", "a", "of", "in", "was", "born",
    "1905", "Nobel", "prize", "city", "capital", "東京", "𝔘nicode", "café", "Hamlet", "Shakespeare",
    "wrote", "play", ",", ".", "!", "(", ")",
]
# fmt: on

MakeSearcher = Callable[..., tuple[Searcher, IndexReader]]


def random_documents(seed: int, documents: int = 5, paragraphs: int = 3, words: int = 14) -> list[Document]:
    """Return documents of random words; some paragraphs come twice, so that scores are tied."""
    random = np.random.default_rng(seed)
    texts: list[str] = []
    made = []
    for number in range(documents):
        mine = []
        for _ in range(random.integers(1, paragraphs + 1)):
            text = " ".join(random.choice(WORDS, random.integers(1, words + 1)))
            mine.append(str(random.choice(texts)) if texts and random.random() < 0.3 else text)
            texts.append(mine[-1])
        title = str(random.choice(["", "Zürich", "Hamlet"]))
        made.append(Document(f"d{number}", "\n\n".join(mine), title))
    return made


@pytest.fixture
def make_searcher(tmp_path: Path) -> MakeSearcher:
    """Return a function that builds an index of documents and returns its searcher and its reader."""

    def make(documents: Sequence[Document], encoder: Any = None, **options: Any) -> tuple[Searcher, IndexReader]:
        encoder = encoder or FakeEncoder()
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        corpus = folder / "corpus.jsonl"
        rows = ({"id": item.id, "title": item.title, "text": item.text} for item in documents)
        corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        build(corpus, folder / "index", encoder=encoder, options=BuildOptions(**options))
        reader = IndexReader.open(folder / "index")
        return Searcher(reader, encoder), reader

    return make
