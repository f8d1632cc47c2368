"""What a build writes, what it refuses, and what it tells."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.progress import STAGES, Progress
from densephrase.build_index.shards import shard_builder
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError, CorpusError, DiskSpaceError
from densephrase.index.format.manifest import Manifest
from densephrase.index.index_reader import IndexReader
from tests.build_index.samples import file_hashes, random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder


def test_documents_come_back(uninterrupted: Path) -> None:
    reader = IndexReader.open(uninterrupted)
    documents = random_documents(24)
    assert len(reader.shards) > 2
    assert [reader.document(row) for row in range(len(documents))] == documents


@pytest.mark.parametrize("together", [1, 7, 512], ids=lambda together: f"{together}-together")
def test_rows_are_the_encoders(tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    monkeypatch.setattr(shard_builder, "ENCODED_TOGETHER", together)
    encoder = FakeEncoder(sparc_size=8)
    build(corpus, tmp_path / "index", encoder=encoder, options=BuildOptions(shard_characters=800))
    reader = IndexReader.open(tmp_path / "index")
    found = [paragraph for shard in range(len(reader.shards)) for paragraph in _paragraphs(reader, shard)]
    expected = []
    for row, document in enumerate(random_documents(24)):
        for paragraph in split_paragraphs(document.text):
            (item,) = encoder.encode_paragraphs([ParagraphInput(paragraph.text, document.title)])
            expected.append(
                [
                    row,
                    paragraph.start,
                    paragraph.end,
                    item.tokens,
                    item.start_token.tolist(),
                    item.start_char.tolist(),
                    item.start_codes.tolist(),
                    item.end_token.tolist(),
                    item.end_char.tolist(),
                    item.end_codes.tolist(),
                    item.token_ids.tolist(),
                    *(codes.tolist() for codes in (item.start_sparse, item.end_sparse, item.token_keys)),
                ]
            )
    assert found == expected


def _paragraphs(reader: IndexReader, number: int) -> list[list[object]]:
    shard, base = reader.shards[number], reader.bases.documents[number]
    rows: list[list[object]] = []
    for row in range(shard.counts.paragraphs):
        starts = slice(*shard.paragraph_start_ptr[row : row + 2])
        ends = slice(*shard.paragraph_end_ptr[row : row + 2])
        pieces = slice(*shard.paragraph_token_ptr[row : row + 2])
        columns = [
            *(column[starts].tolist() for column in (shard.start_token, shard.start_char, shard.start_codes)),
            *(column[ends].tolist() for column in (shard.end_token, shard.end_char, shard.end_codes)),
            shard.token_ids[pieces].tolist(),
            *(column[rows].tolist() for column, rows in ((shard.start_sparse, starts), (shard.end_sparse, ends))),
            shard.token_keys[pieces].tolist(),
        ]
        place = (shard.paragraph_start, shard.paragraph_end, shard.paragraph_tokens)
        document = int(base + shard.paragraph_document[row])
        rows.append([document, *(int(column[row]) for column in place), *columns])
    return rows


def test_shards_are_filled_in_order(uninterrupted: Path) -> None:
    texts = [len(document.text) for document in random_documents(24)]
    shards, filled = [0], 0
    for length in texts:
        if filled and filled + length > 800:
            shards.append(0)
            filled = 0
        shards[-1] += 1
        filled += length
    assert [shard.counts.documents for shard in IndexReader.open(uninterrupted).shards] == shards


def test_the_same_build_gives_the_same_bytes(
    tmp_path: Path, corpus: Path, uninterrupted: Path, options: BuildOptions
) -> None:
    time.sleep(1.1)  # a time stamp would have to differ
    build(corpus, tmp_path / "again", encoder=FakeEncoder(), options=options)
    assert file_hashes(tmp_path / "again") == file_hashes(uninterrupted)


def test_layout(uninterrupted: Path, options: BuildOptions) -> None:
    shards = len(Manifest.load(uninterrupted).segments[0].shards)
    names = {f"segments/000001/shard-{number:05d}.h5" for number in range(shards)}
    names |= {"segments", "segments/000001", "segments/000001/terms.h5"}
    names |= {"encoder", "encoder/config.json", "manifest.json"}
    names |= {"segments/000001/ann.h5"} if options.flat_limit == 10 else set()
    assert set(file_hashes(uninterrupted)) == names


def test_manifest(uninterrupted: Path, options: BuildOptions) -> None:
    manifest = Manifest.load(uninterrupted)
    reader = IndexReader.open(uninterrupted)
    assert manifest.counts.documents == 24
    assert manifest.counts.starts == sum(len(shard.start_codes) for shard in reader.shards)
    assert manifest.options == options.stored()
    assert not {"skip_bad", "document_bytes", "quotes"} & set(manifest.options)
    assert manifest.versions["numpy"] == np.__version__
    config = (uninterrupted / "encoder" / "config.json").read_bytes()
    assert manifest.encoder.files == {"config.json": hashlib.sha256(config).hexdigest()}
    assert manifest.segments[0].ann.kind == ("flat" if options.flat_limit > 10 else "inverted-lists")
    for record in manifest.segments[0].files:
        assert record.bytes == (uninterrupted / "segments" / "000001" / record.file).stat().st_size


@pytest.mark.parametrize("dimensions", [5, 12])
def test_inverted_lists_hold_each_start_by_its_nearest_centroid(tmp_path: Path, corpus: Path, dimensions: int) -> None:
    encoder = FakeEncoder()
    options = BuildOptions(shard_characters=800, flat_limit=10, lists=8, list_dimensions=dimensions)
    build(corpus, tmp_path / "index", encoder=encoder, options=options)
    reader = IndexReader.open(tmp_path / "index")
    lists = reader.lists
    assert lists is not None
    codes = np.concatenate([shard.start_codes for shard in reader.shards])
    vectors, centroids = encoder.start_quantiser.decode(codes)[:, :12], lists.tree.centroids(encoder.start_quantiser)
    distances = ((vectors[:, None].astype(np.float64) - centroids[None]) ** 2).sum(2)
    for number in range(8):
        ids = lists.ids[lists.list_ptr[number] : lists.list_ptr[number + 1]]
        assert (np.diff(ids) > 0).all()
        assert np.allclose(distances[ids, number], distances[ids].min(1), rtol=1e-4)
    assert np.array_equal(lists.codes, codes[lists.ids, :dimensions])
    assert sorted(lists.ids.tolist()) == list(range(len(codes)))


@pytest.mark.parametrize("kept", [(0.0, 0.0), (0.0, 0.5), (0.5, 0.0)], ids=["none", "no-starts", "no-ends"])
def test_a_filter_may_keep_nothing(tmp_path: Path, corpus: Path, kept: tuple[float, float]) -> None:
    encoder = FakeEncoder(kept_starts=kept[0], kept_ends=kept[1])
    manifest = build(corpus, tmp_path / "index", encoder=encoder)
    assert (manifest.counts.starts > 0, manifest.counts.ends > 0) == (kept[0] > 0, kept[1] > 0)
    assert IndexReader.open(tmp_path / "index").document(3) == random_documents(24)[3]


def test_a_finished_index_is_not_built_again(corpus: Path, uninterrupted: Path) -> None:
    before = file_hashes(uninterrupted)
    with pytest.raises(BuildError, match="holds a finished index"):
        build(corpus, uninterrupted, encoder=FakeEncoder())
    assert file_hashes(uninterrupted) == before


def test_other_folders_are_refused(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(BuildError, match="neither empty nor an unfinished index.*thesis"):
        build(corpus, tmp_path, encoder=FakeEncoder())
    with pytest.raises(BuildError, match="neither empty nor an unfinished index.*thesis"):
        build(corpus, tmp_path / "thesis.txt", encoder=FakeEncoder())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_only_looks_unfinished_is_refused(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "build-state").mkdir()
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(BuildError, match=r"it holds 'thesis\.txt'"):
        build(corpus, tmp_path, encoder=FakeEncoder())
    assert (tmp_path / "thesis.txt").exists()


def test_an_index_inside_the_corpus_is_refused(tmp_path: Path) -> None:
    write_corpus(tmp_path / "docs.jsonl", random_documents(2))
    with pytest.raises(BuildError, match="inside the corpus"):
        build(tmp_path, tmp_path / "index", encoder=FakeEncoder())


def test_an_empty_folder_is_welcome(tmp_path: Path, corpus: Path) -> None:
    (tmp_path / "index").mkdir()
    build(corpus, tmp_path / "index", encoder=FakeEncoder())
    assert IndexReader.open(tmp_path / "index").manifest.counts.documents == 24


@pytest.mark.parametrize("content", ["", '{"id": "a"}\n'], ids=["empty", "broken"])
def test_a_bad_corpus_leaves_no_folder(tmp_path: Path, content: str) -> None:
    (tmp_path / "docs.jsonl").write_text(content)
    with pytest.raises(CorpusError):
        build(tmp_path / "docs.jsonl", tmp_path / "index", encoder=FakeEncoder())
    assert not (tmp_path / "index").exists()


def test_bad_documents_can_be_left_out(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(3))
    corpus.write_text(corpus.read_text() + "broken\n")
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(skip_bad=True))
    assert manifest.counts.documents == 3


def test_what_is_passed_over_or_left_out_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "corpus").mkdir()
    corpus = write_corpus(tmp_path / "corpus" / "docs.jsonl", random_documents(3))
    corpus.write_text(corpus.read_text() + "broken\n")
    (tmp_path / "corpus" / "scan.pdf").write_bytes(b"%PDF")
    (tmp_path / "corpus" / "docs.tsv").write_text('id\ttext\nt\t"two\nlines"\n')
    with caplog.at_level(logging.WARNING):
        build(tmp_path / "corpus", tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(skip_bad=True))
    found = [record.getMessage() for record in caplog.records]
    assert [sum(word in message for message in found) for word in ("scan.pdf", "skipped", "quoted fields")] == [1, 1, 1]


def test_what_may_be_read_can_be_told(tmp_path: Path) -> None:
    corpus = tmp_path / "docs.tsv"
    corpus.write_text('id\ttext\na\t"one\nb\ttwo"\n')
    with pytest.raises(CorpusError, match="more than 10 bytes"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(document_bytes=10))
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(quotes=False))
    assert manifest.counts.documents == 2


@pytest.mark.parametrize("name", ["a\0b.txt", "circle.txt", "x" * 300 + ".txt"], ids=["NUL", "circle", "long"])
def test_a_corpus_that_cannot_be_is_an_error_of_the_library(tmp_path: Path, name: str) -> None:
    os.symlink("circle.txt", tmp_path / "circle.txt")
    with pytest.raises((BuildError, CorpusError)):
        build(tmp_path / name, tmp_path / "index", encoder=FakeEncoder())


def test_a_full_disk_stops_the_build_before_it_starts(tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(DiskSpaceError, match=r"needs about [1-9]\d* MB .* only 0 MB are free"):
        build(_large(tmp_path), tmp_path / "index", encoder=FakeEncoder(vector_size=300), free=lambda _: 1000)
    assert not (tmp_path / "index").exists()


def _large(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "large.jsonl", random_documents(200))


def test_a_disk_that_filled_up_stops_the_resumed_build_but_keeps_it(tmp_path: Path, corpus: Path) -> None:
    options = BuildOptions(shard_characters=800)

    class Dying(FakeEncoder):
        def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
            if (tmp_path / "index" / "build-state" / "shard-00000.json").exists():
                raise KeyboardInterrupt
            return super().encode_paragraphs(paragraphs)

    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path / "index", encoder=Dying(), options=options)
    kept = file_hashes(tmp_path / "index")
    with pytest.raises(DiskSpaceError):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options, free=lambda _: 1000)
    assert file_hashes(tmp_path / "index") == kept


@pytest.mark.parametrize("flat_limit", [10, 10**6], ids=["lists", "flat"])
def test_the_disk_estimate_is_near_the_truth(tmp_path: Path, flat_limit: int) -> None:
    options = BuildOptions(flat_limit=flat_limit, lists=8)
    with pytest.raises(DiskSpaceError) as caught:
        build(
            _large(tmp_path), tmp_path / "none", encoder=FakeEncoder(vector_size=300), options=options, free=lambda _: 0
        )
    needed = str(caught.value).split("about ")[1].split(" MB")[0]
    built = build(_large(tmp_path), tmp_path / "index", encoder=FakeEncoder(vector_size=300), options=options)
    assert math.isclose(float(needed), built.bytes * 1.1 / 1e6, rel_tol=0.15, abs_tol=0.6)


def test_progress(tmp_path: Path, corpus: Path) -> None:
    seen: list[Progress] = []
    options = BuildOptions(shard_characters=800, flat_limit=10, lists=4)
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options, progress=seen.append)
    assert list(dict.fromkeys(item.stage for item in seen)) == [name for name in STAGES if "finished" not in name]
    encoding = [item for item in seen if item.stage == "encoding"]
    last = encoding[-1]
    assert (last.documents, last.tokens) == (24, manifest.counts.tokens)
    assert last.written == sum(shard.file.bytes for shard in manifest.segments[0].shards)
    assert last.total == sum(len(document.text) for document in random_documents(24))
    assert last.tokens_per_second > 0
    assert encoding[0].seconds_left is None
    assert encoding[1].seconds_left is not None
    assert all(item.done <= item.total for item in seen if item.total)


def test_progress_of_a_resumed_build(tmp_path: Path, corpus: Path) -> None:
    options = BuildOptions(shard_characters=800)

    def stop(progress: Progress) -> None:
        if progress.written:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options, progress=stop)
    seen: list[Progress] = []
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=options, progress=seen.append)
    assert seen[1].stage == "checking finished shards"
    first, last = (next(item for item in items if item.stage == "encoding") for items in (seen, seen[::-1]))
    assert first.resumed == first.done > 0
    assert last.done <= last.total
    assert 0 < last.tokens < manifest.counts.tokens


def test_an_encoder_that_breaks_its_promise_is_named(tmp_path: Path, corpus: Path) -> None:
    encoder = FakeEncoder()
    encoder.vector_size = 13
    with pytest.raises(BuildError, match="promises int8 rows of 15 codes"):
        build(corpus, tmp_path / "index", encoder=encoder)


@pytest.mark.parametrize(
    "options",
    [{"shard_characters": 0}, {"flat_limit": -1}, {"lists": 0}, {"seed": -1}, {"language": "klingon"}],
    ids=lambda options: next(iter(options)),
)
def test_senseless_options_are_refused(options: dict[str, int | str]) -> None:
    with pytest.raises(BuildError, match=next(iter(options))):
        BuildOptions(**options)


def test_an_error_of_the_writer_reaches_the_caller(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> dict[str, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("densephrase.build_index.shards.shard_builder.ShardContent.write", fail)
    with pytest.raises(OSError, match="No space left"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=BuildOptions(shard_characters=800))


def test_the_manifest_is_readable_json_without_outer_paths(tmp_path: Path, uninterrupted: Path, corpus: Path) -> None:
    text = (uninterrupted / "manifest.json").read_text()
    assert json.loads(text)["format_version"] == 4
    assert str(corpus.parent) not in text
    assert str(uninterrupted) not in text
