"""Documents and their passages: cut from a corpus as a phrase index would, or taken from an index as they are."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from densephrase.corpus.cutting.fitting_paragraphs import fitting_paragraphs
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document, Paragraph
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.files.location import find_encoder_folder
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.encoder.tokens.tokenizer_rules import TOKENIZER_BYTES
from densephrase.errors import IndexFormatError
from densephrase.index.format.manifest_file import PASSAGES, PHRASES, index_kind
from densephrase.index.index_reader import IndexReader
from densephrase.index.passages.passage_manifest import Cutting
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.index.shards.text_shard import TextShard

PARAGRAPH_ENCODER = "default"  # whose paragraphs passages are


@dataclass(frozen=True, slots=True)
class CutDocument:
    """The paragraphs of a document, and how many word pieces each has."""

    paragraphs: list[Paragraph]
    tokens: list[int]


class PassageSource(Protocol):
    """Documents that can be read from the first to the last, again and again, and their paragraphs."""

    @property
    def cutting(self) -> Cutting:
        """How paragraphs are cut."""

    def documents(self, quiet: bool = False) -> Iterator[Document]:
        """Yield the documents; what is wrong with them is told unless `quiet`."""

    def cut(self, documents: Sequence[Document], first: int) -> list[CutDocument]:
        """Return the paragraphs of some documents that follow one another, from number `first` on."""


def open_source(corpus: Path, reading: Mapping[str, Any]) -> PassageSource:
    """Return the documents of a corpus, or of the index in the folder `corpus`; `reading` is for `read_corpus`.

    Raises:
        IndexFormatError: if an index is damaged.
        EncoderError: if the tokenizer of the default encoder cannot be read.
    """
    kind = index_kind(corpus)
    if kind == PHRASES:
        return _phrase_source(corpus)
    if kind == PASSAGES:
        passages = PassageReader.open(corpus)
        return IndexedPassages(passages.shards, passages.manifest.cutting)
    folder = find_encoder_folder(PARAGRAPH_ENCODER)
    return CorpusPassages(corpus, reading, folder, EncoderConfig.load(folder))


class CorpusPassages:
    """The documents of a file or folder, cut as the paragraphs of a phrase index with an encoder are."""

    def __init__(self, corpus: Path, reading: Mapping[str, Any], encoder: Path, config: EncoderConfig) -> None:
        """Take the folder of the encoder, of which nothing but the tokenizer is loaded, and its configuration."""
        self._corpus, self._reading = corpus, reading
        self._tokeniser = PhraseTokeniser.load(encoder, config)
        tokenizer = hashlib.sha256(read_encoder_file(encoder, TOKENIZER_FILE, TOKENIZER_BYTES)).hexdigest()
        self.cutting = Cutting(tokenizer, config.window_capacity)

    def documents(self, quiet: bool = False) -> Iterator[Document]:
        """Read the corpus."""
        return read_corpus(self._corpus, **self._reading, quiet=quiet)

    def cut(self, documents: Sequence[Document], first: int) -> list[CutDocument]:
        """Cut documents into paragraphs; which ones they are in the corpus makes no difference."""
        sizes: dict[str, int] = {}  # of each text that is looked at, every paragraph among them

        def places(texts: Sequence[str]) -> list[NDArray[np.int32]]:
            found = self._tokeniser.places(texts)
            sizes.update(zip(texts, map(len, found), strict=True))
            return found

        cut = fitting_paragraphs([document.text for document in documents], places, self.cutting.capacity)
        return [CutDocument(members, [sizes[paragraph.text] for paragraph in members]) for members in cut]


class IndexedPassages:
    """The documents of an index with the paragraphs that it has."""

    def __init__(self, shards: Sequence[TextShard], cutting: Cutting) -> None:
        self._shards, self.cutting = shards, cutting
        self._bases: list[int] = np.cumsum([0, *(shard.counts.documents for shard in shards)]).tolist()

    def documents(self, quiet: bool = False) -> Iterator[Document]:
        """Yield the documents of the index, about which there is nothing to be told."""
        return (shard.document(row) for shard in self._shards for row in range(shard.counts.documents))

    def cut(self, documents: Sequence[Document], first: int) -> list[CutDocument]:
        """Return the stored paragraphs of documents.

        Raises:
            IndexFormatError: if they lie outside their texts.
        """
        return [self._cut(document, first + place) for place, document in enumerate(documents)]

    def _cut(self, document: Document, number: int) -> CutDocument:
        place = bisect_right(self._bases, number) - 1
        shard, row = self._shards[place], number - self._bases[place]
        rows, text = slice(*shard.document_paragraph_ptr[row : row + 2].tolist()), document.text
        starts, ends = shard.paragraph_start[rows].tolist(), shard.paragraph_end[rows].tolist()
        if any(end > len(text) for end in ends):
            raise IndexFormatError(
                f"{shard.path}: document row {row} has {len(text)} characters, but a paragraph that ends at "
                f"{max(ends)}; the file is damaged, rebuild that index"
            )
        paragraphs = [Paragraph(text[start:end], start, end) for start, end in zip(starts, ends, strict=True)]
        return CutDocument(paragraphs, shard.paragraph_tokens[rows].tolist())


def _phrase_source(index: Path) -> IndexedPassages:
    reader = IndexReader.open(index)
    encoder = reader.manifest.encoder
    capacity = EncoderConfig.load(reader.encoder_path).window_capacity
    return IndexedPassages(reader.shards, Cutting(encoder.files.get(TOKENIZER_FILE, ""), capacity))
