"""An index of passages, opened: what it holds, and every damage that kernels would trip over refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from densephrase.errors import IndexFormatError
from densephrase.index.format import manifest_file
from densephrase.index.format.shard_format import TEXT_COLUMNS
from densephrase.index.index_reader import IndexReader
from densephrase.index.passages.passage_manifest import PASSAGE_FORMAT_VERSION, PassageManifest
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.storage.columns import map_columns
from tests.build_index.samples import random_documents
from tests.index.passages.fake_passage_encoder import FakePassageEncoder
from tests.index.passages.spoil_passages import rewrite_passages
from tests.index.spoil import Columns, casting, cutting, dropping, setting

DOCUMENTS = random_documents(24)


def _paragraphs() -> list[tuple[str, int, int]]:
    """Return document, start and end of every paragraph of the corpus: those between blank lines."""
    found = []
    for document in DOCUMENTS:
        start = 0
        for text in document.text.split("\n\n"):
            found.append((document.id, start, start + len(text)))
            start += len(text) + 2
    return found


def test_rows_are_the_paragraphs_in_order(built_passages: Path) -> None:
    reader = PassageReader.open(built_passages)
    expected = _paragraphs()
    assert reader.count == len(expected)
    assert len(reader.shards) > 2
    for row, (identity, start, end) in enumerate(expected):
        document, found_start, found_end = reader.paragraph(row)
        assert (document.id, found_start, found_end) == (identity, start, end)
        assert document == DOCUMENTS[int(identity.removeprefix("id-"))]
        assert document.passage(start, end) == document.text[start:end]


def test_documents_are_read_by_row(built_passages: Path) -> None:
    reader = PassageReader.open(built_passages)
    assert [reader.document(row) for row in range(24)] == DOCUMENTS


@pytest.mark.parametrize("row", [-1, 10_000])
def test_there_are_no_other_rows(built_passages: Path, row: int) -> None:
    reader = PassageReader.open(built_passages)
    with pytest.raises(IndexError, match=f"paragraph row {row} of {reader.count}"):
        reader.paragraph(row)
    with pytest.raises(IndexError, match=f"document row {row} of 24"):
        reader.document(row)


def test_vectors_are_the_quantised_ones_of_the_encoder(built_passages: Path) -> None:
    vectors = PassageReader.open(built_passages).vectors
    assert vectors is not None
    documents = {document.id: document for document in DOCUMENTS}
    texts = [f"{documents[name].title} {documents[name].text[start:end]}" for name, start, end in _paragraphs()]
    exact = FakePassageEncoder().encode_questions(texts)
    scale, offset = vectors.quantiser.scale, vectors.quantiser.offset
    expected = np.clip(np.rint((exact - offset) / scale), -127, 127)
    assert np.array_equal(vectors.codes, expected)
    assert np.abs(vectors.quantiser.decode(vectors.codes) - exact).max() < exact.std()


def test_lists_hold_every_row_once_with_its_codes(built_passages: Path) -> None:
    vectors = PassageReader.open(built_passages).vectors
    assert vectors is not None and vectors.lists is not None
    assert sorted(vectors.lists.ids.tolist()) == list(range(len(vectors.codes)))
    assert np.array_equal(vectors.lists.codes, vectors.codes[vectors.lists.ids])


def test_an_index_of_terms_has_no_vectors_and_no_encoder(built_terms: Path) -> None:
    reader = PassageReader.open(built_terms)
    assert (reader.vectors, reader.encoder_path, reader.checked_encoder()) == (None, None, None)
    assert reader.terms.paragraphs.length.size == reader.count


def test_the_encoder_is_compared_with_the_manifest(passages_copy: Path) -> None:
    reader = PassageReader.open(passages_copy)
    assert reader.checked_encoder() == reader.encoder_path == passages_copy.resolve() / "encoder"
    (passages_copy / "encoder" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(IndexFormatError, match=r"is not the encoder .* model\.safetensors"):
        PassageReader.open(passages_copy).checked_encoder()


@pytest.mark.parametrize("name", ["encoder", "encoder/config.json", "encoder/model.safetensors"])
def test_a_missing_encoder_is_named(passages_copy: Path, name: str) -> None:
    path = passages_copy / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(IndexFormatError, match=f"lost .*{path.name}.*Put it back"):
        PassageReader.open(passages_copy)


def test_the_other_kind_of_index_is_named(built_passages: Path, built_index: Path) -> None:
    with pytest.raises(IndexFormatError, match=r"is an index of passages; open it with PassageIndex\.open"):
        IndexReader.open(built_passages)
    with pytest.raises(IndexFormatError, match=r"is an index of phrases; open it with PhraseIndex\.open"):
        PassageReader.open(built_index)


def test_no_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="holds no finished index"):
        PassageReader.open(tmp_path)


def _assigning(column: str, row: int, value: float) -> Callable[[Columns], Columns]:
    def change(columns: Columns) -> Columns:
        columns[column].reshape(-1)[row] = value
        return columns

    return change


SHARD, VECTORS, ANN, TERMS = "shard-00001.h5", "vectors.h5", "ann.h5", "terms.h5"
DAMAGE = {
    "no codes": (VECTORS, dropping("codes")),
    "a vector less": (VECTORS, cutting("codes")),
    "wide codes": (VECTORS, casting("codes", "int32")),
    "no scale": (VECTORS, dropping("scale")),
    "a scale less": (VECTORS, cutting("scale")),
    "scale of NaN": (VECTORS, _assigning("scale", 3, float("nan"))),
    "scale of 0": (VECTORS, _assigning("scale", 3, 0)),
    "negative scale": (VECTORS, _assigning("scale", 0, -1)),
    "endless scale": (VECTORS, _assigning("scale", 0, float("inf"))),
    "offset of NaN": (VECTORS, _assigning("offset", 7, float("nan"))),
    "large offset": (VECTORS, _assigning("offset", 7, 1e30)),
    "list row beyond": (ANN, setting("ids", 0, 1_000)),
    "negative list row": (ANN, setting("ids", 0, -1)),
    "lists beyond": (ANN, setting("list_ptr", 2, 10_000)),
    "lists backwards": (ANN, setting("list_ptr", 1, -1)),
    "groups beyond": (ANN, setting("group_ptr", 1, 99)),
    "a list row less": (ANN, cutting("codes")),
    "narrow list codes": (ANN, lambda columns: {**columns, "codes": columns["codes"][:, :4]}),
    "a centroid less": (ANN, cutting("list_codes")),
    "text offsets beyond": (SHARD, setting("text_offsets", -1, 10**9)),
    "text offsets backwards": (SHARD, setting("text_offsets", 1, -5)),
    "id offsets cut": (SHARD, cutting("document_id_offsets")),
    "paragraph of no document": (SHARD, setting("paragraph_document", 0, 77)),
    "paragraph of another document": (SHARD, setting("document_paragraph_ptr", 1, 0)),
    "paragraph backwards": (SHARD, setting("paragraph_end", 0, -1)),
    "negative tokens": (SHARD, setting("paragraph_tokens", 0, -1)),
    "other tokens": (SHARD, setting("paragraph_tokens", 0, 10**6)),
    "no paragraph bytes": (SHARD, dropping("paragraph_byte")),
    "a paragraph less": (SHARD, cutting("paragraph_start")),
    "terms of another document": (TERMS, setting("paragraph_document", 0, 5)),
    "terms of no document": (TERMS, setting("paragraph_document", 0, -1)),
    "postings beyond": (TERMS, setting("paragraph_ptr", -1, 10**7)),
    "a text less": (TERMS, cutting("paragraph_length")),
}


@pytest.mark.parametrize(("name", "change"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_refused_when_opened(passages_copy: Path, name: str, change: Callable[[Columns], Columns]) -> None:
    rewrite_passages(passages_copy, name, change)
    with pytest.raises(IndexFormatError, match=name.replace(".", r"\.")):
        PassageReader.open(passages_copy)


@pytest.mark.parametrize("name", [SHARD, VECTORS, ANN, TERMS])
def test_a_file_that_is_cut_or_missing_is_named(passages_copy: Path, name: str) -> None:
    path = passages_copy / "segments" / "000001" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IndexFormatError, match=name):
        PassageReader.open(passages_copy)
    path.unlink()
    with pytest.raises(IndexFormatError, match=f"{name}: the file is missing"):
        PassageReader.open(passages_copy)


def test_files_in_each_others_place_are_refused(passages_copy: Path) -> None:
    folder = passages_copy / "segments" / "000001"
    (folder / VECTORS).rename(folder / "other")
    (folder / ANN).rename(folder / VECTORS)
    (folder / "other").rename(folder / ANN)
    with pytest.raises(IndexFormatError, match=r"vectors\.h5"):
        PassageReader.open(passages_copy)


HOSTILE = {
    "parent folder": ("encoder.path", "../other"),
    "outer file": ("segments.0.vectors.file.file", "/etc/passwd"),
    "outer segment": ("segments.0.name", ".."),
    "no dimensions": ("segments.0.vectors.size", 0),
    "many dimensions": ("segments.0.vectors.size", 2**40),
    "other dimensions": ("segments.0.vectors.size", 9),
    "negative count": ("counts.documents", -1),
    "other counts": ("counts.paragraphs", 1),
    "no shards": ("segments.0.shards", []),
    "no encoder": ("encoder", None),
    "no vectors": ("segments.0.vectors", None),
    "kind": ("segments.0.ann.kind", "tree"),
    "lists of some dimensions": ("segments.0.ann.dimensions", 4),
    "flat with a file": ("segments.0.ann.kind", "flat"),
    "a file twice": ("segments.0.vectors.file.file", "terms.h5"),
    "unknown key": ("colour", "blue"),
    "no segments": ("segments", []),
    "version": ("format_version", 2),
    "kind of index": ("format", "other"),
}


@pytest.mark.parametrize(("path", "value"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_manifests_are_refused(
    passages_copy: Path, monkeypatch: pytest.MonkeyPatch, path: str, value: object
) -> None:
    file = passages_copy / "manifest.json"
    content = json.loads(file.read_text())
    checksum: Callable[..., str] = lambda _: "fits"  # noqa: E731
    monkeypatch.setattr(manifest_file, "_checksum", checksum)  # an attacker would make it fit
    *parents, last = path.split(".")
    inner = content
    for name in parents:
        inner = inner[int(name) if name.isdigit() else name]
    inner[last] = value
    file.write_text(json.dumps({**content, "checksum": "fits"}))
    with pytest.raises(IndexFormatError):
        PassageReader.open(passages_copy)


def test_an_edited_manifest_is_refused(passages_copy: Path) -> None:
    file = passages_copy / "manifest.json"
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(IndexFormatError, match="does not fit its checksum"):
        PassageManifest.load(passages_copy)


def test_a_manifest_is_read_as_it_was_written(passages_copy: Path) -> None:
    before = (passages_copy / "manifest.json").read_bytes()
    PassageManifest.load(passages_copy).save(passages_copy)
    assert (passages_copy / "manifest.json").read_bytes() == before


def test_the_page_on_the_format_names_every_column(built_passages: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "format.md").read_text(encoding="utf-8")
    folder = built_passages / "segments" / "000001"
    assert set(map_columns(folder / SHARD)) == set(TEXT_COLUMNS)
    section = page[page.index("## Indexes of passages") : page.index("## What is checked when")]
    assert all(f"`{name}`" in section for name in map_columns(folder / VECTORS))
    assert all(f"`{name}`" in page for file in (SHARD, ANN, TERMS) for name in map_columns(folder / file))
    assert f"**{PASSAGE_FORMAT_VERSION}** (`PASSAGE_FORMAT_VERSION`" in section
