"""UTF-16 and UTF-32: read with a byte order mark, refused without, alike in every format."""

import codecs
import gzip
import json

import pytest

from densephrase.corpus.reader import read_corpus

TEXT = "Caf\u00e9 \U0001f3ad in \u017b\u00f3\u0142\u0107."
FORMS = {
    "a.jsonl": json.dumps({"id": "a", "text": TEXT}, ensure_ascii=False) + "\r\n",
    "a.csv": f"id,text\r\na,{TEXT}\r\n",
    "a.tsv": f"id\ttext\r\na\t{TEXT}\r\n",
    "a.txt": TEXT,
    "a.md": TEXT,
    "a.json": json.dumps({"data": [{"title": "a", "paragraphs": [{"context": TEXT}]}]}, ensure_ascii=False),
}
MARKS = {
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("encoding", MARKS)
def test_a_byte_order_mark_tells_the_encoding(write, name, zipped, encoding):
    path = write(name + zipped, MARKS[encoding] + FORMS[name].encode(encoding))
    assert [document.text for document in read_corpus(path)] == [TEXT]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_without_a_mark_it_is_refused(fails, name, encoding):
    assert fails(name, FORMS[name].encode(encoding)).startswith(", line 1: this seems to be UTF-16 without")


@pytest.mark.parametrize("name", FORMS)
def test_a_lone_surrogate_is_no_text(fails, name):
    content = FORMS[name].replace("Caf", "\ud800")
    raw = content.encode("utf-16-le", "surrogatepass")
    assert "not UTF-8" in fails(name, codecs.BOM_UTF16_LE + raw)


@pytest.mark.parametrize("name", FORMS)
def test_half_a_character_at_the_end_is_damage(fails, name):
    message = fails(name, codecs.BOM_UTF16_LE + FORMS[name].encode("utf-16-le") + b"x")
    assert "the file begins as UTF-16 does, but is damaged" in message


def test_a_large_file_of_two_bytes_a_character(write):
    lines = [json.dumps({"id": number, "text": TEXT}, ensure_ascii=False) for number in range(5_000)]
    path = write("a.jsonl", codecs.BOM_UTF16_BE + "\n".join(lines).encode("utf-16-be"))
    assert [document.id for document in read_corpus(path)] == [str(number) for number in range(5_000)]


def test_bytes_of_zero_alone_do_not_make_it_wide(tmp_path):
    for name, raw in {"a.txt": b"x\0" * 3, "b.txt": b"\0" * 20, "c.txt": b"ab\0c\0" * 9}.items():
        (tmp_path / name).write_bytes(raw)
    (tmp_path / "d.txt.gz").write_bytes(gzip.compress(b"x" * 300 + b"\0x" * 20))
    assert len(list(read_corpus(tmp_path))) == 4
