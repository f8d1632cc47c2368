"""SQuAD json: golden files, article by article, and every error."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.corpus.files import json_cursor
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document


def article(title, *contexts, **further):
    qas = [{"id": "q", "question": 'Who "]}?', "answers": [{"text": "x", "answer_start": 0}], "is_impossible": False}]
    return {"title": title, "paragraphs": [{"qas": qas, "context": context} for context in contexts], **further}


GOLDEN = {
    "version": "v2.0",
    "data": [article("Prince_Hamlet", "To be \U0001f3ad.", "Or not."), article("A", "x", url=[1])],
}
GOLDEN_DOCUMENTS = [
    Document("Prince_Hamlet", "To be \U0001f3ad.\n\nOr not.", "Prince Hamlet"),
    Document("A", "x", "A", {"url": [1]}),
]


@pytest.mark.parametrize("name", ["dev.json", "dev.json.gz", "dev.JSON"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_golden_file(write, name, indent, ascii_only):
    assert (
        list(read_corpus(write(name, json.dumps(GOLDEN, indent=indent, ensure_ascii=ascii_only)))) == GOLDEN_DOCUMENTS
    )


def test_version_may_stand_behind_data_and_a_byte_order_mark_before(write):
    content = json.dumps({"data": GOLDEN["data"], "version": 1.1, "more": {"data": []}})
    assert list(read_corpus(write("dev.json", "\ufeff" + content))) == GOLDEN_DOCUMENTS


def test_repeated_titles_get_a_number(write):
    content = json.dumps({"data": [article("A", "1"), article("A", "2"), article("A (2)", "3"), article("A", "4")]})
    documents = list(read_corpus(write("dev.json", content)))
    assert [(d.id, d.title) for d in documents] == [("A", "A"), ("A (2)", "A"), ("A (2) (2)", "A (2)"), ("A (3)", "A")]


def test_contexts_are_the_paragraphs(write):
    contexts = ["One.", "Two\nlines.", "Three \u0301."]
    document = next(read_corpus(write("dev.json", json.dumps({"data": [article("A", *contexts)]}))))
    assert [paragraph.text for paragraph in split_paragraphs(document.text)] == contexts


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip), min_size=1, max_size=8),
    st.integers(1, 30),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_any_cut_into_chunks_gives_the_same_documents(contexts, size, ascii_only, indent):
    data = {"version": 1.25, "data": [article(f"T{number}", context) for number, context in enumerate(contexts)]}
    content = json.dumps(data, ensure_ascii=ascii_only, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            json_cursor, "read_chunks", lambda _: (content[at : at + size] for at in range(0, len(content), size))
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "dev.json")
            path.touch()
            assert [document.text for document in read_corpus(path)] == contexts


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        pytest.param({"paragraphs": []}, "an article has no title", id="no-title"),
        pytest.param({"title": " ", "paragraphs": []}, "an article has no title", id="blank-title"),
        pytest.param({"title": 3, "paragraphs": []}, "an article has no title", id="wrong-title"),
        pytest.param("B", "an article is not an object", id="no-object"),
        pytest.param({"title": "B"}, "id 'B': the article has no list 'paragraphs'", id="no-paragraphs"),
        pytest.param({"title": "B", "paragraphs": {}}, "id 'B': the article has no list", id="wrong-paragraphs"),
        pytest.param(article("B"), "id 'B': the text is empty", id="empty"),
        pytest.param(article("B", "x", " "), "id 'B': paragraph 2 of the article has no context", id="blank-context"),
        pytest.param(article("B", None), "id 'B': paragraph 1 of the article has no context", id="null-context"),
        pytest.param({"title": "B", "paragraphs": ["x"]}, "id 'B': paragraph 1", id="wrong-paragraph"),
        pytest.param(article("B", "\ud800"), "id 'B': field 'text' holds U+D800", id="lone-surrogate"),
    ],
)
def test_a_bad_article_is_located_and_can_be_skipped(fails, write, read_skipping, bad, expected):
    lines = ",\n".join(json.dumps(entry) for entry in [article("A", "x"), bad, article("C", "y")])
    content = f'{{"version": "1.1",\n"data": [\n{lines}\n]}}'
    message = fails("dev.json", content)
    assert message.startswith(", line 4") and expected in message
    documents, skipped = read_skipping(write("dev.json", content))
    assert [document.id for document in documents] == ["A", "C"]
    assert len(skipped) == 1 and skipped[0].endswith(message)


def test_bad_utf8_costs_one_article(write, fails, read_skipping):
    content = json.dumps({"data": [article("A", "caf\xe9"), article("B", "y")]}, ensure_ascii=False).encode("latin-1")
    assert ", line 1, id 'A': field 'text' holds U+DCE9 (the byte 0xE9" in fails("dev.json", content)
    documents, skipped = read_skipping(write("dev.json", content))
    assert ([document.id for document in documents], len(skipped)) == (["B"], 1)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("[]", ", line 1: not SQuAD json", id="array"),
        pytest.param("", ", line 1: not SQuAD json", id="empty-file"),
        pytest.param('{"id": 1, "text": "x"}\n{"id": 2}', ", line 1: the object has no 'data'", id="json-lines"),
        pytest.param('\n\n{"data":\n {}}', ", line 4: 'data' is not a list", id="data-object"),
    ],
)
def test_other_json_is_refused_with_what_is_accepted(fails, content, expected):
    message = fails("dev.json", content)
    assert message.startswith(expected) and '{"data": [{"title"' in message and ".jsonl" in message


WHOLE = json.dumps({"data": [article("A", "x")], "version": 1.25}, indent=0)


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_a_cut_file_is_an_error_wherever_it_is_cut(fails, length):
    message = fails("dev.json", WHOLE[:length])
    assert message.startswith(", line ") and ("invalid JSON" in message or "not SQuAD" in message)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            '{"v": 1\n"w": 2}',
            ", line 2: invalid JSON at character 9 of the file: expected '}' but found '\"'",
            id="no-comma",
        ),
        pytest.param(
            '{"data"\n[]}',
            ", line 2: invalid JSON at character 9 of the file: expected ':' but found '['",
            id="no-colon",
        ),
        pytest.param(
            "{\n3: 4}", ", line 2: invalid JSON at character 3 of the file: expected a key but found '3'", id="no-key"
        ),
        pytest.param(
            '{"data": []}\n{}',
            ", line 2: invalid JSON at character 14 of the file: expected the end of the file",
            id="more",
        ),
        pytest.param(
            '{"v": {"a":\nNaN}}', ", line 1: invalid JSON at character 7 of the file: NaN is not JSON", id="nan"
        ),
        pytest.param(
            '{"v": \n[1,\n x]}' + " " * 99,
            ", line 3: invalid JSON at character 13 of the file: Expecting value",
            id="no-value",
        ),
        pytest.param(
            '{"v": ' + "[" * 100_000,
            ", line 1: invalid JSON at character 7 of the file: ",
            id="too-deep",
        ),
    ],
)
def test_syntax_errors_are_located(fails, content, expected):
    assert fails("dev.json", content).startswith(expected)
