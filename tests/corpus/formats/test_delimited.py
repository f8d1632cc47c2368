"""Csv and tsv: golden files, quoting, round trips and every error."""

import csv
import io
import logging
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.reader import read_corpus
from densephrase.data import Document

GOLDEN_ROWS = [
    ["id", "text", "title", "year"],
    ["a", 'He said "be",\nthen,\tleft.\n\nEnd', "Hamlet", "1603"],
    ["b", "\U0001f3ad x", "", ""],
]
GOLDEN_DOCUMENTS = [
    Document("a", 'He said "be",\nthen,\tleft.\n\nEnd', "Hamlet", {"year": "1603"}),
    Document("b", "\U0001f3ad x", "", {"year": ""}),
]


def table(rows, delimiter, line_end="\r\n"):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "delimiter"), [("a.csv", ","), ("a.csv.gz", ","), ("a.tsv", "\t"), ("a.tsv.gz", "\t"), ("A.TSV", "\t")]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_golden_file(write, name, delimiter, line_end):
    assert list(read_corpus(write(name, table(GOLDEN_ROWS, delimiter, line_end)))) == GOLDEN_DOCUMENTS


def test_byte_order_mark_blank_lines_and_spaces_in_the_header(write):
    path = write("a.csv", "\ufeff\nid, text\n\na,x\n\n")
    assert list(read_corpus(path)) == [Document("a", "x")]


def test_line_ends_inside_a_field_are_kept(write):
    path = write("a.csv", 'id,text\r\na,"x\r\ny\nz\u2028w"\r\n')
    assert next(read_corpus(path)).text == "x\r\ny\nz\u2028w"


def test_a_field_longer_than_the_limit_of_the_csv_module_is_read_and_the_limit_put_back(write):
    limit = csv.field_size_limit()
    text = "x" * (limit + 1)
    documents = read_corpus(write("a.csv", f"id,text\na,{text}\nb,y\n"))
    assert next(documents).text == text
    assert csv.field_size_limit() == limit
    assert next(documents).text == "y"


CELLS = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)


@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5, unique_by=lambda row: row[0]),
    st.sampled_from([",", "\t"]),
)
def test_round_trip_of_any_unicode(rows, delimiter):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv" if delimiter == "," else "a.tsv")
        path.write_bytes(table([("id", "text"), *rows], delimiter).encode())
        assert [(document.id, document.text) for document in read_corpus(path)] == rows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(b",x,", ["field 'id' is empty"], id="missing-id"),
        pytest.param(b"a,x,", ["id 'a'", "earlier document has the same id"], id="duplicate-id"),
        pytest.param(b"b, ,", ["id 'b'", "text is empty"], id="empty-text"),
        pytest.param(b"b,caf\xe9,", ["id 'b'", "'text'", "0xE9", "not UTF-8"], id="bad-utf8"),
        pytest.param(b'b,"1\n2\xe9\n3",', ["id 'b'", "'text'", "0xE9"], id="bad-utf8-inside-a-field-of-many-lines"),
        pytest.param(b"b,x,t\xff", ["id 'b'", "'title'", "0xFF"], id="bad-utf8-title"),
        pytest.param(b"b,x", ["id 'b'", "2 fields, the header 3"], id="too-few-fields"),
        pytest.param(b"b,x,y,z", ["id 'b'", "4 fields, the header 3"], id="too-many-fields"),
        pytest.param(b'b,"x" y,', ["broken row", "expected after"], id="broken-quoting"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_errors_name_file_line_and_id_and_can_be_skipped(fails, write, read_skipping, name, row, expected):
    content = b'id,text,title\na,"x\ny",\n' + row + b"\nz,x,\n"
    message = fails(name, content)
    assert message.startswith(", line 4")
    assert [part for part in expected if part not in message] == []
    documents, skipped = read_skipping(write(name, content))
    assert [document.id for document in documents] == ["a", "z"]
    assert len(skipped) == 1 and skipped[0].endswith(message)


def test_a_quote_never_closed_is_reported_where_it_opens(fails):
    message = fails("a.csv", 'id,text\na,x\nb,"never\nclosed\n')
    assert message.startswith(", line 3: broken row (unexpected end of data)")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "the header has no column 'id': []", id="empty-file"),
        pytest.param("name,text\n", "the header has no column 'id': ['name', 'text']", id="no-id"),
        pytest.param("id;text\n", "the header has no column 'id': ['id;text']", id="semicolons"),
        pytest.param("id,body\n", "the header has no column 'text': ['id', 'body']", id="no-text"),
        pytest.param("id,text,id\n", "the header names the column 'id' twice", id="twice"),
        pytest.param('"id"x,text\n', "broken row", id="broken-header"),
    ],
)
def test_wrong_headers(fails, content, expected):
    message = fails("a.csv", content)
    assert message.startswith(f", line 1: {expected}")


def test_without_quotes_a_row_is_a_line(write):
    path = write("a.tsv", 'id\ttext\na\t"Hamlet" is a play\nb\t"never closed\nc\tsaid ""\n')
    expected = ['"Hamlet" is a play', '"never closed', 'said ""']
    assert [document.text for document in read_corpus(path, quotes=False)] == expected
    assert list(read_corpus(write("a.csv", 'id,text\na,"x"\n'), quotes=False)) == [Document("a", '"x"')]


def test_broken_quoting_names_the_way_out(fails):
    assert "--no-quotes" in fails("a.tsv", 'id\ttext\na\t"never closed\nb\tx\n')


@pytest.mark.parametrize(
    ("name", "warnings"), [pytest.param("a.tsv", 1, id="tabs"), pytest.param("a.csv", 0, id="commas")]
)
def test_rows_of_several_lines_in_a_table_of_tabs_are_warned_of_once(write, caplog, name, warnings):
    rows = [["id", "text"], ["a", "x\ny"], ["b", "x"], ["c", "x\ny\n"]]
    path = write(name, table(rows, "\t" if name == "a.tsv" else ","))
    with caplog.at_level(logging.WARNING):
        assert len(list(read_corpus(path))) == 3
    found = [record.getMessage() for record in caplog.records]
    assert len(found) == warnings
    if found:
        assert found[0].startswith(f"{path}, line 2: quoted fields go over several lines, here and in 1 more rows")
        assert "--no-quotes" in found[0]


PSGS = (
    "id\ttext\ttitle\n"
    '1\t"Aaron Aaron ( or ; ""Ah\u00e4r\u00f4n"") is a prophet, high priest"\tAaron\n'
    '2\t"God at Sinai granted\tAaron\nthe priesthood."\t"""Heroes"" (album)"\n'
    '3\tplain text, it said "so"\tPlain\n'
)
PASSAGES = [
    Document("1", 'Aaron Aaron ( or ; "Ah\u00e4r\u00f4n") is a prophet, high priest', "Aaron"),
    Document("2", "God at Sinai granted\tAaron\nthe priesthood.", '"Heroes" (album)'),
    Document("3", 'plain text, it said "so"', "Plain"),
]


@pytest.mark.parametrize("name", ["psgs_w100.tsv", "psgs_w100.tsv.gz"])
def test_the_passages_of_dpr(write, name):
    assert list(read_corpus(write(name, PSGS))) == PASSAGES


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("4\ttext without a title", ["id '4'", "2 fields, the header 3"], id="two-fields"),
        pytest.param('4\t"text" more\tTitle', ["broken row", "double the quotes inside"], id="quotes-not-doubled"),
        pytest.param("4\t\tTitle", ["id '4'", "the text is empty"], id="no-text"),
        pytest.param("3\ttext\tTitle", ["id '3'", "earlier document has the same id"], id="id-twice"),
    ],
)
def test_bad_passages_of_dpr(fails, write, read_skipping, row, expected):
    content = f"{PSGS}{row}\n5\tx\tTitle\n"
    message = fails("psgs_w100.tsv", content)
    assert message.startswith(", line 6")
    assert [part for part in expected if part not in message] == []
    documents, skipped = read_skipping(write("psgs_w100.tsv", content))
    assert [document.id for document in documents] == ["1", "2", "3", "5"] and len(skipped) == 1


COLLECTION = '0\tThe presence of "communication" amid\n1\t"Manhattan Project" and\u00a0its\n\n7\t  Essay \n'


@pytest.mark.parametrize("name", ["collection.tsv", "collection.tsv.gz"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_collection_of_ms_marco_has_no_header_and_no_quoting(write, name, line_end):
    assert list(read_corpus(write(name, COLLECTION.replace("\n", line_end)))) == [
        Document("0", 'The presence of "communication" amid'),
        Document("1", '"Manhattan Project" and\u00a0its'),
        Document("7", "  Essay "),
    ]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param("8", ["id '8'", "the row has 1 fields", "an id, a tab and a text"], id="no-tab"),
        pytest.param("8\tx\ty", ["id '8'", "the row has 3 fields"], id="two-tabs"),
        pytest.param("8\t ", ["id '8'", "the text is empty"], id="no-text"),
        pytest.param("\tx", ["field 'id' is empty"], id="no-id"),
        pytest.param("7\tx", ["id '7'", "earlier document has the same id"], id="id-twice"),
    ],
)
def test_bad_rows_of_a_collection(fails, write, read_skipping, row, expected):
    content = f"{COLLECTION}{row}\n9\tx\n"
    message = fails("collection.tsv", content)
    assert message.startswith(", line 5")
    assert [part for part in expected if part not in message] == []
    documents, skipped = read_skipping(write("collection.tsv", content))
    assert [document.id for document in documents] == ["0", "1", "7", "9"] and len(skipped) == 1


def test_a_table_of_tabs_with_a_header_is_no_collection(fails):
    assert "the header has no column 'id'" in fails("a.tsv", "7\ttext\ttitle\n8\tx\ty\n")
    assert "the header has no column 'id'" in fails("a.csv", "7,text\n")
