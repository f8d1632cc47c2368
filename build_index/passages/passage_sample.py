"""A sample of passages spread over the corpus: vectors are quantised by it, and the size of the index estimated."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from densephrase.build_index.passages.passage_source import CutDocument, PassageSource
from densephrase.build_index.run.plan import metadata_json
from densephrase.data import Document, Paragraph
from densephrase.encoder.encoded import ParagraphInput
from densephrase.index.lists.inverted_lists import id_type
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.atomic_file import temporary_path
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import write_term_index

_LEAST, _MOST = 256, 1024  # places in the corpus that a sample is taken at
_CHARACTERS = 20_000  # of a corpus between these for each of them: about a passage in 25
_DOCUMENT_BYTES, _PARAGRAPH_BYTES = 40, 24  # of columns of numbers in a shard


@dataclass(frozen=True, slots=True)
class PassageRates:
    """What a sample says about the index: bytes and passages for each character of text."""

    shard_bytes: float
    term_bytes: float
    passages: float

    def bytes_left(self, left: int, characters: int, vector_size: int, flat_limit: int) -> int:
        """Return what is still to be written for a corpus of `characters`, `left` of which are in no shard yet.

        Codes of `vector_size` bytes wait for the last shard before they are joined in one file; terms and lists are
        counted whole.
        """
        passages = self.passages * characters
        codes = passages * vector_size + self.passages * left * vector_size
        lists = passages * (vector_size + np.dtype(id_type(int(passages))).itemsize) if vector_size else 0.0
        whole = codes + characters * self.term_bytes + (lists if passages > flat_limit else 0.0)
        return int(left * self.shard_bytes + whole)


@dataclass(slots=True)
class PassageSample:
    """The passages at places spread evenly over the characters of a corpus, and how large what holds them is."""

    inputs: list[ParagraphInput] = field(default_factory=list)  # the chosen passages
    owners: list[int] = field(default_factory=list)  # the number of the document of each
    characters: int = 0  # of the documents that hold them
    passages: int = 0  # of these documents
    stored_bytes: int = 0  # of these documents

    @classmethod
    def take(cls, source: PassageSource, characters: int) -> PassageSample:
        """Take the sample of a corpus of `characters`; the same one each time."""
        count = min(_MOST, max(_LEAST, characters // _CHARACTERS))
        places = sorted({(2 * number + 1) * characters // (2 * count) for number in range(count)})
        sample = cls()
        for number, document, mine in _at_places(source.documents(quiet=True), places):
            sample._add(number, document, source.cut([document], number)[0], mine)
        return sample

    def _add(self, number: int, document: Document, cut: CutDocument, places: list[int]) -> None:
        chosen = [ParagraphInput(paragraph.text, document.title) for paragraph in _paragraphs_at(cut, places)]
        self.inputs += chosen
        self.owners += [number] * len(chosen)
        self.characters += len(document.text)
        self.passages += len(cut.paragraphs)
        self.stored_bytes += _stored_bytes(document) + _PARAGRAPH_BYTES * len(cut.paragraphs)

    def rates(self, language: str, folder: Path) -> PassageRates:
        """Measure the sample; `folder` is for a passing file."""
        characters, chosen = max(1, self.characters), max(1, sum(len(item.text) for item in self.inputs))
        term_bytes = self._term_bytes(Analyser(language), temporary_path(folder / "sample.h5"))
        return PassageRates(self.stored_bytes / characters, term_bytes / chosen, self.passages / characters)

    def _term_bytes(self, analyser: Analyser, path: Path) -> int:
        rows = {number: row for row, number in enumerate(dict.fromkeys(self.owners))}
        texts = zip(self.owners, self.inputs, strict=True)
        try:
            write_term_index(path, ((rows[owner], item.title, item.text) for owner, item in texts), analyser)
            return path.stat().st_size
        finally:
            path.unlink(missing_ok=True)


def fit_vector_quantiser(vectors: np.ndarray) -> VectorQuantiser:
    """Fit to the vectors of a sample, float32 [n, D]; where there are none, any quantiser will do."""
    return VectorQuantiser.fit(vectors if len(vectors) else np.zeros((1, vectors.shape[1]), np.float32), 0)


def _at_places(documents: Iterator[Document], places: list[int]) -> Iterator[tuple[int, Document, list[int]]]:
    """Yield the documents that have one of some places in the corpus: number, document, places in its text."""
    begin = 0
    for number, document in enumerate(documents):
        end = begin + len(document.text)
        mine = places[bisect_left(places, begin) : bisect_left(places, end)]
        if mine:
            yield number, document, [place - begin for place in mine]
        begin = end


def _paragraphs_at(cut: CutDocument, places: list[int]) -> Iterator[Paragraph]:
    """Yield the paragraphs that have one of some places, or follow it; each once."""
    ends = [paragraph.end for paragraph in cut.paragraphs]
    if ends:
        for row in sorted({min(bisect_right(ends, place), len(ends) - 1) for place in places}):
            yield cut.paragraphs[row]


def _stored_bytes(document: Document) -> int:
    fields = document.id, document.title, document.text, metadata_json(document)
    return _DOCUMENT_BYTES + sum(len(field.encode("utf-8", "surrogatepass")) for field in fields)
