from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from densephrase.build_index.disk_estimate import MEASURED_PARAGRAPHS, SizeRates, measure_rates
from densephrase.build_index.run.resources import check_space
from densephrase.data import Document
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError, DiskSpaceError
from tests.search.fake_encoder import FakeEncoder


def test_a_flat_index_is_shards_and_terms() -> None:
    assert SizeRates(10.0, 2.0, 0.5, 0.5).bytes_left(1000, 1000, flat_limit=500, list_dimensions=8) == 12_000


@pytest.mark.parametrize(("starts", "id_bytes"), [(500, 4), (2**31, 8)])
def test_the_lists_of_a_large_index_hold_ids_and_first_codes(starts: int, id_bytes: int) -> None:
    lists = SizeRates(0.0, 0.0, starts / 1000, 0.5).bytes_left(1000, 1000, flat_limit=499, list_dimensions=8)
    assert lists == starts * (8 + id_bytes)


def test_finished_shards_need_nothing_more() -> None:
    assert SizeRates(10.0, 2.0, 0.5, 0.5).bytes_left(0, 1000, flat_limit=500, list_dimensions=8) == 2_000


def test_the_margin_is_kept_free() -> None:
    check_space(1000, Path("index"), 1100)
    with pytest.raises(DiskSpaceError, match=r"about 1,100 MB more on the disk of index .* only 1,050 MB are free"):
        check_space(1_000_000_000, Path("index"), 1_050_000_000)
    assert issubclass(DiskSpaceError, BuildError)
    assert issubclass(DiskSpaceError, OSError)


class _CountingEncoder(FakeEncoder):
    paragraphs = 0
    characters = 0

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        self.paragraphs += len(paragraphs)
        self.characters += sum(len(paragraph.text) for paragraph in paragraphs)
        return super().encode_paragraphs(paragraphs)


def _measure(tmp_path: Path, documents: list[Document]) -> _CountingEncoder:
    encoder = _CountingEncoder()
    characters = sum(len(document.text) for document in documents)
    rates = measure_rates(documents, characters, encoder, "english", tmp_path)
    assert rates.shard_bytes > 0
    assert rates.term_bytes > 0
    assert list(tmp_path.iterdir()) == []
    return encoder


def test_a_sample_of_a_long_document_is_cut(tmp_path: Path) -> None:
    book = Document("book", "\n\n".join(["one two three four five"] * 50_000))
    assert 0 < _measure(tmp_path, [book]).paragraphs <= MEASURED_PARAGRAPHS


def test_a_sample_takes_a_small_share_of_a_small_corpus(tmp_path: Path) -> None:
    documents = [Document(str(row), "one two three four five " * 20) for row in range(400)]
    assert _measure(tmp_path, documents).characters < 0.04 * 400 * 480


def test_documents_without_text_are_no_obstacle(tmp_path: Path) -> None:
    rates = measure_rates([Document("a", "")], 0, FakeEncoder(), "none", tmp_path)
    assert rates.starts == 0
