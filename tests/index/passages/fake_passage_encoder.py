"""A passage encoder without a model: a text is the sum of random vectors of its words."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.config import PassageEncoderConfig

BACKBONE = {"model_type": "bert", "vocab_size": 100, "num_hidden_layers": 1, "num_attention_heads": 1}


@dataclass
class FakePassageEncoder:
    """The same text always gets the same vector, in whatever company."""

    vector_size: int = 8
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    calls: int = 0
    config: PassageEncoderConfig = field(init=False)

    def __post_init__(self) -> None:
        backbone = {**BACKBONE, "hidden_size": self.vector_size, "intermediate_size": 8}
        self.config = PassageEncoderConfig({**backbone, "max_position_embeddings": 512}, is_shared=True)

    @property
    def fingerprint(self) -> str:
        """Sha256 of nothing in particular."""
        return f"{self.seed:064x}"

    def save_pretrained(self, path: Path) -> None:
        """Write the files that an encoder has."""
        self.config.save(Path(path))
        (Path(path) / "model.safetensors").write_bytes(b"weights")
        (Path(path) / "tokenizer.json").write_bytes(b"{}")

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        """Return vectors that depend on the text and the title only."""
        self.calls += 1
        return self._vectors([f"{passage.title} {passage.text}" for passage in passages])

    def encode_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors that depend on the text only."""
        return self._vectors(questions)

    def _vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [
            np.sum([self._word(word) for word in text.split()] or [np.zeros(self.vector_size)], axis=0)
            for text in texts
        ]
        return np.array(rows, np.float32).reshape(len(texts), self.vector_size)

    def _word(self, word: str) -> NDArray[np.float64]:
        return np.random.default_rng([self.seed, zlib.crc32(word.encode())]).normal(size=self.vector_size)
