"""Plain text files: one document each, to the letter."""

import pytest

from densephrase.corpus.files.source import unzipped_name
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document

TEXT = "  Erste Zeile\r\nzwe\u0308ite\r\r\n\n\u2028Ende \U0001f600\x00\n"


@pytest.mark.parametrize("name", ["notes.v1.txt", "notes.v1.txt.gz", "notes.v1.TXT"])
def test_golden_file_is_kept_to_the_letter(write, name):
    assert list(read_corpus(write(name, TEXT))) == [Document(name, TEXT, "notes.v1")]


def test_byte_order_mark_is_dropped_at_the_start_only(write):
    assert next(read_corpus(write("a.txt", "\ufeffx\n\ufeffy"))).text == "x\n\ufeffy"


@pytest.mark.parametrize("content", ["", " \n\u3000\r\n", "\ufeff"])
def test_empty_text_is_an_error_with_file_and_id(fails, content):
    assert fails("a.txt", content).startswith(", id 'a.txt': the text is empty")


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.md"])
def test_bad_utf8_is_an_error_with_file_and_line(fails, name):
    assert fails(name, b"one\ntwo\ncaf\xe9 x\n").startswith(", line 3: the byte 0xE9 is not UTF-8")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.txt", "b.txt"), ("b.v1.md.gz", "b.v1.md"), ("b.TXT.GZ", "b.TXT"), ("x.y/b.gz.md", "b.gz.md")],
)
def test_unzipped_name(name, expected):
    assert unzipped_name(name).as_posix() == expected
