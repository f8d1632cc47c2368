"""Memory while reading does not grow with the file."""

import gzip
import json
import tracemalloc

import pytest

from densephrase.corpus.reader import read_corpus

TEXT = "x" * 20_000


def jsonl_pieces(count):
    for number in range(count):
        yield f'{{"id": {number}, "text": "{TEXT}"}}\n'


def csv_pieces(count):
    yield "id,text\n"
    for number in range(count):
        yield f'{number},"{TEXT}\n"\n'


def squad_pieces(count):
    yield '{"version": "1.1", "data": ['
    for number in range(count):
        yield ("," if number else "") + json.dumps({"title": str(number), "paragraphs": [{"context": TEXT, "qas": []}]})
    yield "]}"


@pytest.mark.parametrize(
    ("name", "pieces", "megabytes"),
    [("a.jsonl.gz", jsonl_pieces, 60), ("a.csv.gz", csv_pieces, 12), ("a.json.gz", squad_pieces, 12)],
)
def test_a_large_file_is_read_in_a_megabyte(tmp_path, name, pieces, megabytes):
    path, count = tmp_path / name, megabytes * 1_000_000 // len(TEXT)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.writelines(piece.encode() for piece in pieces(count))
    tracemalloc.start()
    try:
        length = sum(len(document.text.strip()) for document in read_corpus(path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert length == count * len(TEXT)
    assert peak < 1_000_000
