"""Small corpora, and the comparison of finished indexes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from densephrase.data import Document

_TEXT = "Paris Zürich river Einstein physics the a of in was born 1905 Nobel 東京 𝔘nicode café Hamlet play , . ( )"
WORDS = _TEXT.split()


def random_documents(count: int, seed: int = 0, paragraphs: int = 3, words: int = 12) -> list[Document]:
    """Return documents of one to `paragraphs` paragraphs of random words."""
    random = np.random.default_rng(seed)
    documents = []
    for number in range(count):
        texts = [" ".join(random.choice(WORDS, words)) for _ in range(int(random.integers(1, paragraphs + 1)))]
        metadata = {"n": number} if number % 2 else {}
        documents.append(Document(f"id-{number}", "\n\n".join(texts), f"Title {number % 5}", metadata))
    return documents


def write_corpus(path: Path, documents: Sequence[Document]) -> Path:
    """Write documents as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            fields = {"id": document.id, "text": document.text, "title": document.title, **document.metadata}
            file.write(json.dumps(fields) + "\n")
    return path


def file_hashes(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below `folder`, and every folder, by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }
