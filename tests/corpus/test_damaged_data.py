"""Bytes of data sets changed at random: a reader gives what it finds or names the file, and raises nothing else."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.corpus.questions.beir import read_beir_judgements
from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.reader import read_corpus
from densephrase.corpus.retrieval.examples import iterate_retrieval_examples
from densephrase.corpus.retrieval.kilt import read_kilt_judgements
from densephrase.corpus.retrieval.retriever_output import iterate_retrieved
from densephrase.errors import CorpusError, QuestionError
from tests.soaking import examples

CONTEXT = {"id": "7", "title": "T", "text": "caf\u00e9", "score": "1.5", "has_answer": True}
ROW = {"question": "who?", "answers": ["Ann"], "positive_ctxs": [CONTEXT], "ctxs": [CONTEXT]}
FORMS: dict[str, tuple[str, str, Callable[[Path], Iterable[Any]]]] = {
    "table of passages": ("p.tsv", 'id\ttext\ttitle\n1\t"caf\u00e9 ""x"""\tT\n2\ty\tT\n', read_corpus),
    "collection": ("collection.tsv", "1\tcaf\u00e9\n2\ty\n", read_corpus),
    "documents of BEIR": (
        "corpus.jsonl",
        '{"_id": "1", "title": "T", "text": "x", "metadata": {"a": 1}}\n',
        read_corpus,
    ),
    "queries of BEIR": ("queries.jsonl", '{"_id": "1", "text": "caf\u00e9", "metadata": {}}\n' * 2, read_questions),
    "judgements of BEIR": ("test.tsv", "query-id\tcorpus-id\tscore\n1\t4\t1\n1\t5\t0\n", read_beir_judgements),
    "queries of MS MARCO": ("queries.tsv", "1\twho\n2\tcaf\u00e9\n", read_questions),
    "patterns": ("q.jsonl", '{"question": "who?", "answers": ["(a|b)+\\\\s?[c]{2}"], "regex": true}\n', read_questions),
    "TriviaQA": (
        "q.json",
        '{"Data": [{"Question": "who?", "QuestionId": "a", "Answer": {"Value": "Ann", "Aliases": ["A", "B"]}}]}',
        read_questions,
    ),
    "training data": ("t.json", json.dumps([ROW, ROW], indent=1), iterate_retrieval_examples),
    "retriever output": ("o.json", json.dumps([ROW, ROW], indent=1), iterate_retrieved),
    "KILT": (
        "k.jsonl",
        '{"id": "a", "input": "who?", "output": [{"answer": "Ann", "provenance": [{"wikipedia_id": "7"}]}]}\n',
        read_kilt_judgements,
    ),
}
each_form = pytest.mark.parametrize(("name", "content", "read"), FORMS.values(), ids=FORMS.keys())
PIECES = st.sampled_from(
    [b"", b"\t", b"\n", b'"', b"[", b"]", b"{", b"}", b",", b"0", b"\\", b"\xff", b"\0", b"null", b"1e9"]
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 8), PIECES), min_size=1, max_size=4)


@each_form
def test_whole_files_can_be_read(
    tmp_path: Path, name: str, content: str, read: Callable[[Path], Iterable[Any]]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert list(read(tmp_path / name))


@each_form
@settings(max_examples=examples(60), deadline=None)
@given(changes=CHANGES)
def test_changed_files(
    name: str, content: str, read: Callable[[Path], Iterable[Any]], changes: list[tuple[float, int, bytes]]
) -> None:
    raw = content.encode()
    for share, removed, piece in changes:
        at = int(share * len(raw))
        raw = raw[:at] + piece + raw[at + removed :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(raw)
        try:
            found = list(read(path))
        except (CorpusError, QuestionError) as error:
            assert str(error).startswith(folder)
        else:
            assert len(found) <= raw.count(b"\n") + raw.count(b"{") + 1
