"""Folders, suffixes, duplicates over files, skipping, truncated files."""

import gzip
import json
import logging
import os
import random

import pytest

from densephrase.corpus.reader import READERS, read_corpus
from densephrase.corpus.seen_ids import SeenIds
from densephrase.errors import CorpusError


def test_a_folder_is_read_in_sorted_order_with_paths_as_ids(write, tmp_path):
    for name in ["b.txt", "a/z.md", "a/b/c.txt.gz", "B.txt", "skipped.pdf", ".hidden.txt", ".git/x.txt", "a/.x/y.txt"]:
        write(name, "x")
    write("a.jsonl", '{"id": "one", "text": "x"}')
    assert [document.id for document in read_corpus(tmp_path)] == ["B.txt", "a/b/c.txt.gz", "a/z.md", "one", "b.txt"]
    assert [document.id for document in read_corpus(str(tmp_path / "a"))] == ["b/c.txt.gz", "z.md"]


def test_links_to_folders_are_not_followed(write, tmp_path):
    write("a.txt", "x")
    try:
        os.symlink(tmp_path, tmp_path / "loop.txt")
    except OSError:
        pytest.skip("no symbolic links here")
    assert [document.id for document in read_corpus(tmp_path)] == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("none.jsonl", "no such file or folder", id="missing"),
        pytest.param("a.pdf", "the suffix '.pdf' names no known format", id="unknown-suffix"),
        pytest.param("a.tar.gz", "the suffix '.tar' names no known format", id="unknown-suffix-zipped"),
        pytest.param("README", "the suffix '' names no known format", id="no-suffix"),
        pytest.param(
            "empty",
            r"the folder holds no file that can be read: passed over 1 hidden \(\.b\.txt\), 1 of unknown suffix",
            id="empty-folder",
        ),
    ],
)
def test_paths_that_are_no_corpus_fail_at_once(write, tmp_path, name, expected):
    for existing in ["a.pdf", "a.tar.gz", "README", "empty/a.pdf", "empty/.b.txt"]:
        write(existing, "x")
    with pytest.raises(CorpusError, match=expected) as caught:
        read_corpus(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    if name != "none.jsonl":
        assert all(suffix in str(caught.value) for suffix in READERS)


def test_a_corpus_without_documents_is_an_error(fails, tmp_path, write):
    assert "found no documents (1 files read, 0 bad records skipped)" in fails("a.jsonl", "\n\n")
    write("a.jsonl", "{}\n{}\n")
    with pytest.raises(CorpusError, match="1 files read, 2 bad records skipped"):
        list(read_corpus(tmp_path, skip_bad=True, on_skip=lambda error: None))


def test_ids_are_unique_over_all_files(write, tmp_path):
    write("a.jsonl", '{"id": 1, "text": "x"}')
    second = write("b.csv", "id,text\n2,x\n1,y\n")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path))
    assert str(caught.value).startswith(f"{second}, line 3, id '1': an earlier document has the same id")


def test_skipped_records_are_logged_as_warnings(write, caplog):
    path = write("a.jsonl", '{"id": "a"}\n{"id": "b", "text": "x"}\n')
    with caplog.at_level(logging.WARNING):
        assert [document.id for document in read_corpus(path, skip_bad=True)] == ["b"]
    assert [record.getMessage().startswith(f"skipped: {path}, line 1, id 'a': ") for record in caplog.records] == [True]


def test_without_skip_bad_nothing_goes_to_on_skip(write):
    calls = []
    with pytest.raises(CorpusError):
        list(read_corpus(write("a.jsonl", "{}"), on_skip=calls.append))
    assert calls == []


LINES = "".join(f'{{"id": {number}, "text": "{random.Random(number).random()}"}}\n' for number in range(2000))
TABLE = "id,text\n" + "".join(f"{number},{random.Random(number).random()}\n" for number in range(2000))
ARTICLES = [{"title": str(n), "paragraphs": [{"context": str(random.Random(n).random())}]} for n in range(2000)]
SQUAD = json.dumps({"data": ARTICLES}, indent=1)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl.gz", LINES), ("a.csv.gz", TABLE), ("a.json.gz", SQUAD), ("a.txt.gz", LINES), ("a.md.gz", LINES)],
    ids=lambda value: value if len(value) < 20 else "",
)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_gzip_is_reported_and_the_next_file_read(write, tmp_path, read_skipping, name, content, share):
    path, raw = tmp_path / name, gzip.compress(content.encode())
    path.write_bytes(raw[: int(share * len(raw))])
    with pytest.raises(CorpusError, match="truncated") as caught:
        list(read_corpus(path))
    assert str(caught.value).startswith(f"{path}, line ")
    write("z.txt", "x")
    documents, skipped = read_skipping(tmp_path)
    assert documents[-1].id == "z.txt" and skipped == [str(caught.value)]
    if share == 0.5 and name in ("a.jsonl.gz", "a.csv.gz"):
        line = int(str(caught.value).split(", line ")[1].split(":")[0])
        assert len(documents) - 1 == line - 1 - name.startswith("a.csv") > 500


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(
            b'{"id": "a", "text": "x"}', ", line 1: the gzip data is damaged (Not a gzipped file", id="no-gzip"
        ),
        pytest.param(
            gzip.compress(b"\n\n")[:-8] + bytes(8), ", line 3: the gzip data is damaged (CRC", id="wrong-checksum"
        ),
        pytest.param(gzip.compress(b"\n\n")[:10] + b"\xff" * 20, ", line 1: the gzip data is damaged", id="wrong-data"),
    ],
)
def test_a_damaged_gzip_is_an_error(tmp_path, raw, expected):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(raw)
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(path))
    assert str(caught.value).startswith(str(path) + expected)


def test_gzip_data_under_another_name_is_refused(fails):
    assert "this is gzip data; let the file's name end in .gz" in fails("a.jsonl", gzip.compress(LINES.encode()))


def test_a_file_that_cannot_be_opened_is_named(tmp_path, write, read_skipping):
    os.symlink(tmp_path / "nowhere", tmp_path / "a.jsonl")
    write("b.txt", "x")
    documents, skipped = read_skipping(tmp_path)
    assert [document.id for document in documents] == ["b.txt"]
    assert skipped == [f"{tmp_path / 'a.jsonl'}: the file cannot be read (No such file or directory)"]


def test_abandoning_the_reader_leaves_no_open_file(write):
    documents = read_corpus(write("a.jsonl.gz", LINES))
    assert next(documents).id == "0"
    documents.close()


def test_seen_ids_agree_with_a_set():
    random_ids = random.Random(0)
    ids = [str(random_ids.randrange(8000)) for _ in range(20_000)] + ["", "\U0001f600", "x" * 10_000, "\0"] * 2
    seen, truth = SeenIds(), set()
    for document_id in ids:
        assert seen.add(document_id) == (document_id not in truth)
        truth.add(document_id)
