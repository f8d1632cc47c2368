"""What a folder says: files that are passed over, links that lead out of it, names that are no text."""

import logging
import os

import pytest

from densephrase.corpus.reader import read_corpus
from densephrase.errors import CorpusError


@pytest.fixture
def told(caplog):
    """Read a corpus; return the documents' ids and what was logged."""

    def told(path, **options):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            ids = [document.id for document in read_corpus(path, **options)]
        return ids, [record.getMessage() for record in caplog.records]

    return told


def test_a_folder_says_once_what_it_passed_over(write, tmp_path, told):
    for name in ["a.txt", "b.pdf", "b/c.docx", "README", ".git/config", "b/.hidden.txt"]:
        write(name, "x")
    os.symlink(tmp_path / "b", tmp_path / "link")
    ids, messages = told(tmp_path)
    assert ids == ["a.txt"]
    assert messages == [
        f"{tmp_path}: passed over 2 hidden (.git, b/.hidden.txt), 1 links to folders (link), "
        "3 of unknown suffix (README, b/c.docx, b.pdf)"
    ]


def test_many_files_that_are_passed_over_are_counted(write, tmp_path, told):
    for number in range(30):
        write(f"{number:02}.pdf", "x")
    write("a.txt", "x")
    assert told(tmp_path)[1] == [
        f"{tmp_path}: passed over 30 of unknown suffix (00.pdf, 01.pdf, 02.pdf, 03.pdf, 04.pdf, ...)"
    ]


def test_nothing_is_said_about_a_folder_that_is_read_whole_or_when_quiet(write, tmp_path, told):
    write("a.txt", "x")
    assert told(tmp_path)[1] == []
    write("b.pdf", "x")
    assert told(tmp_path, quiet=True) == (["a.txt"], [])


def test_links_that_lead_out_of_the_folder_are_named(write, tmp_path, told):
    for name in ["secret.txt", "corpus/a.txt", "corpus/b/c.txt"]:
        write(name, "x")
    os.symlink("../secret.txt", tmp_path / "corpus" / "out.txt")
    os.symlink("a.txt", tmp_path / "corpus" / "z.txt")
    os.symlink(tmp_path / "corpus", tmp_path / "same")
    for folder in ("corpus", "same"):
        ids, messages = told(tmp_path / folder)
        assert ids == ["a.txt", "b/c.txt", "out.txt", "z.txt"]
        assert messages == [
            f"{tmp_path / folder}: 1 links lead to files outside the folder, which are read too (out.txt); remove "
            "those that should not be there"
        ]


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"caf\xe9.md", b"caf\xe9/a.txt"], ids=["text", "markdown", "folder"])
def test_a_name_that_is_not_utf8_is_to_be_changed(tmp_path, name, read_skipping, write):
    path = os.path.join(os.fsencode(tmp_path), name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("names must be UTF-8 here")
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(tmp_path))
    assert str(caught.value).startswith(f"{tmp_path}{os.sep}caf\\udce9")
    assert "not UTF-8; rename" in str(caught.value)
    write("z.txt", "x")
    documents, skipped = read_skipping(tmp_path)
    assert ([document.id for document in documents], skipped) == (["z.txt"], [str(caught.value)])


def test_records_are_read_from_a_file_whose_name_is_not_utf8(tmp_path, told):
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jsonl")
    try:
        with open(path, "wb") as file:
            file.write(b'{"id": "a", "text": "x"}\n{}\n')
    except OSError:
        pytest.skip("names must be UTF-8 here")
    ids, messages = told(tmp_path, skip_bad=True)
    assert ids == ["a"]
    assert messages[0].startswith(f"skipped: {tmp_path}{os.sep}caf\\udce9.jsonl, line 2")


def test_skipped_records_are_named_up_to_twenty_and_counted(write, told):
    path = write("a.jsonl", "{}\n" * 25 + '{"id": "a", "text": "x"}\n')
    ids, messages = told(path, skip_bad=True)
    assert (ids, len(messages)) == (["a"], 21)
    assert messages[19].startswith(f"skipped: {path}, line 20")
    assert messages[20] == f"{path}: skipped 25 bad records, of which the first 20 are named above"
