"""JSON lines: golden files, round trips and every error."""

import gzip
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.reader import read_corpus
from densephrase.data import Document

GOLDEN = """\
{"id": "a", "title": "Hamlet", "text": "To be,\\n\\nor not.", "year": 1603, "tags": ["play", null]}
{"id": 7, "text": "\U0001f3ad"}
"""
GOLDEN_DOCUMENTS = [
    Document("a", "To be,\n\nor not.", "Hamlet", {"year": 1603, "tags": ["play", None]}),
    Document("7", "\U0001f3ad"),
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.JSONL", "a.jsonl.gz", "a.ndjson.gz", "A.JSONL.gz"])
def test_golden_file(write, name):
    assert list(read_corpus(write(name, GOLDEN))) == GOLDEN_DOCUMENTS


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("\ufeff" + GOLDEN, id="byte-order-mark"),
        pytest.param(GOLDEN.replace("\n", "\r\n"), id="crlf"),
        pytest.param("\n  \n" + GOLDEN.replace("\n", "\n\n"), id="blank-lines"),
        pytest.param(GOLDEN.rstrip("\n"), id="no-last-line-end"),
        pytest.param(
            json.dumps(json.loads(GOLDEN.splitlines()[0])) + "\n" + r'{"id": 7, "text": "\ud83c\udfad"}', id="escaped"
        ),
    ],
)
def test_spellings_of_the_golden_file(write, content):
    assert list(read_corpus(write("a.jsonl", content))) == GOLDEN_DOCUMENTS


def test_null_title_is_no_title_and_nul_characters_are_kept(write):
    path = write("a.jsonl", r'{"id": "a", "title": null, "text": "x\u0000y"}')
    assert list(read_corpus(path)) == [Document("a", "x\0y")]


UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | UNICODE,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(UNICODE, children, max_size=3),
    max_leaves=5,
)
DOCUMENTS = st.builds(
    Document,
    id=UNICODE.filter(str.strip),
    text=UNICODE.filter(str.strip),
    title=UNICODE,
    metadata=st.dictionaries(UNICODE.filter(lambda name: name not in ("id", "text", "title")), JSON_VALUES, max_size=3),
)


@given(
    st.lists(DOCUMENTS, min_size=1, max_size=5, unique_by=lambda document: document.id), st.booleans(), st.booleans()
)
def test_round_trip_of_any_unicode(documents, zipped, ascii_only):
    records = [{"id": d.id, "text": d.text, "title": d.title, **d.metadata} for d in documents]
    raw = "".join(json.dumps(record, ensure_ascii=ascii_only) + "\n" for record in records).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl.gz" if zipped else "a.jsonl")
        path.write_bytes(gzip.compress(raw) if zipped else raw)
        assert list(read_corpus(path)) == documents


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b'{"text": "x"}', ["field 'id' is missing", "['text']"], id="missing-id"),
        pytest.param(b'{"id": null, "text": "x"}', ["field 'id' is null", "string or an integer"], id="null-id"),
        pytest.param(b'{"id": true, "text": "x"}', ["field 'id' is a boolean"], id="boolean-id"),
        pytest.param(b'{"id": 1.5, "text": "x"}', ["field 'id' is a number"], id="fractional-id"),
        pytest.param(b'{"id": ["b"], "text": "x"}', ["field 'id' is a list"], id="list-id"),
        pytest.param(b'{"id": " ", "text": "x"}', ["field 'id' is empty"], id="blank-id"),
        pytest.param(b'{"id": "a", "text": "x"}', ["id 'a'", "earlier document has the same id"], id="duplicate-id"),
        pytest.param(b'{"id": "b", "body": "x"}', ["id 'b'", "field 'text' is missing", "'body'"], id="missing-text"),
        pytest.param(b'{"id": "b", "text": ""}', ["id 'b'", "text is empty"], id="empty-text"),
        pytest.param(b'{"id": "b", "text": " \\n\\u3000"}', ["id 'b'", "text is empty"], id="blank-text"),
        pytest.param(b'{"id": "b", "text": {"en": "x"}}', ["id 'b'", "field 'text' is an object"], id="text-object"),
        pytest.param(b'{"id": "b", "text": null}', ["id 'b'", "field 'text' is null"], id="null-text"),
        pytest.param(
            b'{"id": "b", "text": "x", "title": 3}', ["id 'b'", "field 'title' is a number"], id="wrong-title"
        ),
        pytest.param(b'{"id": "b", "text": "caf\xe9"}', ["id 'b'", "'text'", "0xE9", "not UTF-8"], id="bad-utf8-text"),
        pytest.param(b'{"id": "b\xff", "text": "x"}', ["'id'", "0xFF", "not UTF-8"], id="bad-utf8-id"),
        pytest.param(b'{"id": "b", "text": "x", "k\xff": 1}', ["id 'b'", "metadata", "0xFF"], id="bad-utf8-metadata"),
        pytest.param(
            rb'{"id": "b", "text": "\ud800"}', ["id 'b'", "'text'", "U+D800", "surrogate"], id="lone-surrogate"
        ),
        pytest.param(
            rb'{"id": "b", "text": "x", "title": "\udfff"}', ["id 'b'", "'title'", "U+DFFF"], id="surrogate-title"
        ),
        pytest.param(
            rb'{"id": "b", "text": "x", "m": ["\ud800"]}', ["id 'b'", "metadata", "U+D800"], id="surrogate-deep"
        ),
        pytest.param(b'{"id": "b", "text": "x"', ["invalid JSON", "one JSON object a line"], id="cut-line"),
        pytest.param(b'{"id": "b", "text": "x"} {}', ["invalid JSON", "Extra data"], id="two-objects"),
        pytest.param(b'{"id": "b", "text": "x", "n": NaN}', ["invalid JSON", "NaN is not JSON"], id="nan"),
        pytest.param(b'{"id": "b", "n": ' + b"[" * 100_000, ["nested too deeply"], id="too-deep"),
        pytest.param(b'["b", "x"]', ["one JSON object a line", '["b", "x"]'], id="no-object"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_errors_name_file_line_and_id_and_can_be_skipped(fails, write, read_skipping, name, line, expected):
    content = b'{"id": "a", "text": "x"}\n\n' + line + b'\n{"id": "z", "text": "x"}\n'
    message = fails(name, content)
    assert message.startswith(", line 3")
    assert [part for part in expected if part not in message] == []
    documents, skipped = read_skipping(write(name, content))
    assert [document.id for document in documents] == ["a", "z"]
    assert len(skipped) == 1 and skipped[0].endswith(message)
