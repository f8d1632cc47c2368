"""An encoder without a model: words are tokens, rows are random, and the same text always gets the same rows.

Word pieces are numbers below `vocabulary`; several words share one, as different n-grams of a question may.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from densephrase.corpus.cutting.fitting_paragraphs import fitting_paragraphs
from densephrase.data import Paragraph
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, QuestionVectors
from densephrase.quantise.scalar import VectorQuantiser

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass
class FakeEncoder:
    """Keeps `kept_starts` and `kept_ends` of the tokens; codes lie between -`largest` and `largest`."""

    vector_size: int = 12
    coherency_rank: int = 3
    kept_starts: float = 0.7
    kept_ends: float = 0.7
    largest: int = 127
    seed: int = 0
    sparc_size: int = 0
    sparc_rank: int = 3
    vocabulary: int = 40
    capacity: int = 100
    device: str = "cpu"
    precision: str = "float32"
    config: EncoderConfig = field(init=False)
    start_quantiser: VectorQuantiser = field(init=False)
    end_quantiser: VectorQuantiser = field(init=False)
    sparse_scale: NDArray[np.float32] | None = field(init=False)
    tokeniser: SimpleNamespace = field(init=False)

    def __post_init__(self) -> None:
        self.config = EncoderConfig(
            {"model_type": "fake"},
            vector_size=self.vector_size,
            coherency_rank=self.coherency_rank,
            max_answer_tokens=4,
            paragraph_weight=0.5,
            document_weight=0.25,
            sparc_size=self.sparc_size,
            sparc_rank=self.sparc_rank,
        )
        scale = self._random("sparse").uniform(2e-5, 2e-4, 4).astype(np.float32)
        self.sparse_scale = scale if self.sparc_size else None
        self.tokeniser = SimpleNamespace(tokenizer=SimpleNamespace(encode=self._tokenise, get_vocab=self._vocabulary))
        self.start_quantiser, self.end_quantiser = (self._quantiser(side) for side in ("start", "end"))

    @property
    def fingerprint(self) -> str:
        """Sha256 of nothing in particular."""
        return f"{self.seed:064x}"

    def save_pretrained(self, path: str | Path) -> None:
        """Write the configuration; there is nothing else."""
        self.config.save(Path(path))

    def stricter(self, margin: float) -> FakeEncoder:
        """Return itself: it has no filter."""
        return self

    def split_paragraphs(self, texts: Sequence[str]) -> list[list[Paragraph]]:
        """Cut texts into paragraphs of at most `capacity` words."""
        return fitting_paragraphs(texts, self._places, self.capacity)

    def _places(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        return [np.array(self._tokenise(text).offsets, np.int32).reshape(-1, 2) for text in texts]

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return random rows that depend on the text and the title only."""
        return [self._encode(paragraph) for paragraph in paragraphs]

    def encode_questions(self, texts: Sequence[str]) -> QuestionVectors:
        """Return random vectors that depend on the text only."""
        shape = (len(texts), self.vector_size)
        sides = (np.array([self._random(side, text).normal(size=shape[1]) for text in texts]) for side in ("s", "e"))
        sparse = tuple(map(self._ngrams, texts)) if self.sparc_size else None
        return QuestionVectors(*(side.reshape(shape).astype(np.float32) for side in sides), sparse)

    def _tokenise(self, text: str, add_special_tokens: bool = False) -> SimpleNamespace:
        """Return word pieces and their code points as a fast tokenizer does."""
        assert not add_special_tokens
        words = list(_TOKEN.finditer(text))
        ids = [zlib.crc32(word.group().encode()) % self.vocabulary for word in words]
        return SimpleNamespace(ids=ids, offsets=[word.span() for word in words])

    def _vocabulary(self) -> dict[str, int]:
        """Return a word for some of the word pieces; others have none."""
        words = ("the", "a", "of", "in", "was", "born", "1905", "wrote", "river", ",", "café", "nobel")
        return {word: zlib.crc32(word.encode()) % self.vocabulary for word in words}

    def _ngrams(self, text: str) -> QuestionNgrams:
        """Return all n-grams of a question with random weights, some of them 0."""
        ids = self._tokenise(text).ids
        random = self._random("n-grams", text)
        unigrams = np.unique(np.array(ids, np.int32))
        bigrams = np.unique(np.array([a * 2**32 + b for a, b in zip(ids, ids[1:], strict=False)], np.int64))
        sizes = (2, unigrams.size), (2, bigrams.size)
        weights = (np.maximum(random.normal(size=size), 0).astype(np.float32) for size in sizes)
        return QuestionNgrams(unigrams, next(weights), bigrams, next(weights))

    def _encode(self, paragraph: ParagraphInput) -> EncodedParagraph:
        tokens = self._tokenise(paragraph.text)
        places = np.array(tokens.offsets, np.int32).reshape(-1, 2)
        random = self._random(paragraph.title, paragraph.text)
        columns: list[NDArray[np.int32]] = []
        for kept, column in ((self.kept_starts, 0), (self.kept_ends, 1)):
            token = np.flatnonzero(random.random(len(places)) < kept).astype(np.int32)
            shape = (token.size, self.vector_size + self.coherency_rank)
            codes = random.integers(-self.largest, self.largest + 1, shape).astype(np.int8)
            columns += [token, places[token, column], codes]
        sparse = []
        if self.sparc_size:
            shapes = ((columns[0].size, 2), (columns[3].size, 2), (len(places), 4))
            sparse = [random.integers(-127, 128, (rows, sides * self.sparc_rank), np.int8) for rows, sides in shapes]
        return EncodedParagraph(len(places), *columns, np.array(tokens.ids, np.int32), *sparse, offsets=places)

    def _quantiser(self, side: str) -> VectorQuantiser:
        random = self._random("quantiser", side)
        size = self.vector_size + self.coherency_rank
        offset = random.normal(size=size).astype(np.float32) * 0.1
        offset[self.vector_size :] = 0
        return VectorQuantiser(offset, random.uniform(0.005, 0.02, size).astype(np.float32))

    def _random(self, *parts: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32("\n".join((str(self.seed), *parts)).encode()))
