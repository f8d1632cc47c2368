"""The sample that vectors are quantised by: spread over the corpus, the same each time, never more than asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from densephrase.build_index.passages.passage_sample import PassageRates, PassageSample, fit_vector_quantiser
from densephrase.build_index.passages.passage_source import CutDocument
from densephrase.data import Document, Paragraph
from densephrase.index.passages.passage_manifest import Cutting
from tests.build_index.samples import random_documents
from tests.index.passages.fake_passage_encoder import FakePassageEncoder


class Lines:
    """Documents whose paragraphs are lines of eight letters."""

    cutting = Cutting("", 10)

    def __init__(self, lines: Sequence[int]) -> None:
        self.lines = lines
        self.cuts = 0

    def documents(self, quiet: bool = False) -> Iterator[Document]:
        assert quiet
        for number, lines in enumerate(self.lines):
            yield Document(f"d{number}", "\n".join(f"{number:03d}-{line:04d}" for line in range(lines)))

    def cut(self, documents: Sequence[Document], first: int) -> list[CutDocument]:
        self.cuts += 1
        assert [document.id for document in documents] == [f"d{first + row}" for row in range(len(documents))]
        return [self._cut(document.text) for document in documents]

    def _cut(self, text: str) -> CutDocument:
        rows = [(start, start + 8) for start in range(0, len(text), 9)]
        return CutDocument([Paragraph(text[start:end], start, end) for start, end in rows], [1] * len(rows))

    @property
    def characters(self) -> int:
        return sum(len(document.text) for document in self.documents(quiet=True))


@pytest.mark.parametrize("lines", [[1], [3, 0, 5], [0, 0], [40] * 6], ids=str)
def test_of_few_passages_all_are_chosen(lines: list[int]) -> None:
    source = Lines(lines)
    sample = PassageSample.take(source, source.characters)
    assert len(sample.inputs) == sum(lines) == sample.passages
    assert [item.text for item in sample.inputs] == sorted(item.text for item in sample.inputs)
    assert sample.characters == source.characters


def test_passages_are_chosen_from_everywhere() -> None:
    source = Lines([500, 1, 3000, 20, *[7] * 300])
    sample = PassageSample.take(source, source.characters)
    texts = [item.text for item in sample.inputs]
    assert len(texts) == len(set(texts)) == 256
    places = np.cumsum([0, *source.lines])
    rows = np.array([places[int(text[:3])] + int(text[4:]) for text in texts])
    assert np.abs(np.diff(rows) - sum(source.lines) / 256).max() < 2
    assert source.cuts == len(set(sample.owners))


def test_the_sample_of_a_large_corpus_is_limited() -> None:
    source = Lines([9_999] * 300)
    assert len(PassageSample.take(source, source.characters).inputs) == 1024


def test_a_quantiser_is_fitted_even_to_nothing() -> None:
    quantiser = fit_vector_quantiser(np.empty((0, 5), np.float32))
    assert quantiser.scale.shape == (5,)
    assert (quantiser.scale > 0).all()


def test_rates_add_up() -> None:
    rates = PassageRates(shard_bytes=2.0, term_bytes=0.5, passages=0.01)
    assert rates.bytes_left(1000, 1000, 0, 5) == 2500
    assert rates.bytes_left(1000, 1000, 8, 100) == 2500 + 2 * 80
    assert rates.bytes_left(0, 1000, 8, 100) == 500 + 80
    assert rates.bytes_left(0, 1000, 8, 5) == 500 + 80 + 10 * 12


def test_the_estimate_is_near_what_a_build_writes(tmp_path: Path) -> None:
    documents = random_documents(400, paragraphs=6, words=60)
    asked: list[Path] = []
    sizes: list[int] = []

    def free(path: Path) -> int:
        asked.append(path)
        return 10**12

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "densephrase.build_index.passages.passage_pipeline.check_space",
            lambda needed, path, free: sizes.append(needed),
        )
        options = PassageBuildOptions(flat_limit=10, lists=4)
        manifest = build_passages(
            documents,
            tmp_path / "index",
            encoder=FakePassageEncoder(),  # type: ignore[arg-type]
            options=options,
            free=free,
        )
    assert asked == [tmp_path / "index"]
    codes = manifest.counts.paragraphs * 8  # once more, in the state of the build
    assert 0.6 < sizes[0] / (manifest.bytes + codes) < 1.7
