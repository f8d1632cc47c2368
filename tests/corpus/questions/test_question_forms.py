"""Question files as public data sets write them: rows of JSON, lists, columns, and lines with a tab."""

import csv
import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.files.records import CorpusFile
from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.questions.tabbed_rows import read_tabbed_questions
from densephrase.data import Question
from densephrase.errors import QuestionError

CONTEXT = "It was built by Hanna Brodrick."
QUESTION = "who built it"


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def asked(**fields):
    return {"question": QUESTION, **fields}


@pytest.mark.parametrize(
    ("row", "answers"),
    [
        pytest.param(asked(answer=["Hanna Brodrick", "Brodrick"]), ("Hanna Brodrick", "Brodrick"), id="NQ-open"),
        pytest.param(asked(answer="Hanna Brodrick"), ("Hanna Brodrick",), id="one-answer"),
        pytest.param(
            asked(answers={"text": ["Hanna Brodrick"], "answer_start": [16]}, context=CONTEXT, title=""),
            ("Hanna Brodrick",),
            id="Hugging-Face",
        ),
        pytest.param(asked(answers={"text": ["Ann"]}), ("Ann",), id="columns-without-offsets"),
        pytest.param(asked(answers={"text": [], "answer_start": []}), (), id="Hugging-Face-without-answer"),
        pytest.param(
            {
                "input": QUESTION,
                "output": [{"answer": "Ann"}, {"provenance": []}, {"answer": "Ann"}, {"answer": "Bob"}],
            },
            ("Ann", "Bob"),
            id="KILT",
        ),
        pytest.param(asked(answers=["Ann"], positive_ctxs=[{"title": "", "text": "x"}]), ("Ann",), id="DPR"),
        pytest.param(asked(answers=[]), (), id="none"),
        pytest.param(asked(answers=[""]), (), id="empty"),
        pytest.param(asked(answers=[" \n", "Ann", {"text": "", "answer_start": 0}]), ("Ann",), id="empty-and-one"),
        pytest.param(asked(answer=""), (), id="empty-text"),
        pytest.param(asked(answers={"text": [""], "answer_start": [0]}, context=CONTEXT), (), id="empty-column"),
        pytest.param(asked(answers=None, answer=["Ann"]), ("Ann",), id="null-and-another-key"),
        pytest.param(asked(is_impossible=True), (), id="impossible"),
    ],
)
@pytest.mark.parametrize("form", ["q.jsonl", "q.json", "list"])
def test_rows(write, row, answers, form):
    path = write("q.json" if form == "list" else form, json.dumps([row]) if form == "list" else lines(row))
    [question] = read_questions(path)
    assert (question.text, question.answers) == (QUESTION, answers)
    assert len(question.answer_starts) == len(answers)


def test_offsets_titles_and_ids_of_columns(write):
    row = asked(id="q7", title="New_York", context=CONTEXT, answers={"text": ["Hanna"], "answer_start": [16]})
    expected = Question("q7", QUESTION, ("Hanna",), (16,), "New York", CONTEXT)
    assert read_questions(write("q.jsonl", lines(row))) == [expected]
    row["answers"] = [{"text": "Hanna", "answer_start": 16}]
    assert read_questions(write("q.jsonl", lines(row)))[0].title == "New_York"


def test_rows_of_a_list_without_ids_are_numbered(write):
    rows = [asked(answers=["Ann"]), asked(answers=["Bob"], id=5)]
    assert [question.id for question in read_questions(write("q.json", json.dumps(rows, indent=1)))] == ["0", "5"]


@pytest.mark.parametrize("name", ["q.tsv", "q.csv", "q.txt", "q.qa.csv.gz"])
def test_lines_with_a_tab(write, name):
    content = (
        "who built it\t['Hanna Brodrick']\r\n\n"
        "who said \"it\"\t['Ann', \"O'Hara\", 'caf\\xe9 \\u0928 \\'x\\' \\d']\n"
        '"Hello" who sang it\t["Lionel Richie",]\n'
        "is there one\t[]\n"
        "is there none\t['']\n"
    )
    assert [(question.id, question.text, question.answers) for question in read_questions(write(name, content))] == [
        ("1", "who built it", ("Hanna Brodrick",)),
        ("3", 'who said "it"', ("Ann", "O'Hara", "caf\u00e9 \u0928 'x' \\d")),
        ("4", '"Hello" who sang it', ("Lionel Richie",)),
        ("5", "is there one", ()),
        ("6", "is there none", ()),
    ]


def test_a_header_may_stand_above(write):
    path = write("q.tsv", "question\tanswers\nwho\t['Ann']\n")
    assert [question.text for question in read_questions(path)] == ["who"]


TEXTS = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)


@given(TEXTS.filter(lambda text: not set(text) & set("\t\r\n")), st.lists(TEXTS, max_size=4))
def test_lines_that_dpr_wrote_with_the_csv_module(tmp_path_factory, question, answers):
    stream = io.StringIO()
    csv.writer(stream, delimiter="\t").writerow([question, answers])
    path = tmp_path_factory.mktemp("dpr") / "q.tsv"
    path.write_bytes(stream.getvalue().encode())
    [found] = read_tabbed_questions(CorpusFile(path, path.name))
    assert (found.text, found.answers) == (question, tuple(answers))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param(
            "q.jsonl",
            lines({"query": "Who?", "reply": ["Ann"]}),
            ["line 1", "'query', 'reply'", "'question'", "'input'"],
            id="no-question",
        ),
        pytest.param(
            "q.jsonl",
            lines(asked(reply=["Ann"])),
            ["'question', 'reply'", "'answers'", "'answer'", "'output'"],
            id="no-answers",
        ),
        pytest.param(
            "q.json", lines({"query": "Who?"}), ["keys ['query']", "list 'data'", "'question'"], id="another-object"
        ),
        pytest.param("q.json", json.dumps({"question": "Who?"}, indent=1), ["keys ['question']"], id="indented-object"),
        pytest.param("q.json", "[3]", ["line 1, [0]", "the entry is int"], id="list-of-numbers"),
        pytest.param("q.json", '[{"question": "Who?"', ["q.json, line 1", "invalid JSON"], id="cut-list"),
        pytest.param("q.jsonl", lines(asked(answers={"value": "Ann"})), ["'answers' is dict", "'text'"], id="object"),
        pytest.param(
            "q.jsonl",
            lines(asked(answers={"text": ["a", "b"], "answer_start": [1]})),
            ["'text' has 2", "'answer_start' 1"],
            id="uneven-columns",
        ),
        pytest.param("q.jsonl", lines({"input": "Who?", "output": ["Ann"]}), ["output[0] is str"], id="KILT-texts"),
        pytest.param("q.jsonl", lines(asked(answers=[], id=["x"])), ["'id' is list"], id="list-id"),
        pytest.param("q.jsonl", lines({"question": " ", "answers": []}), ["'question' is empty"], id="empty-question"),
        pytest.param("q.tsv", "who\tAnn\n", ["line 1", "'Ann'", "['one', 'two']"], id="no-list"),
        pytest.param("q.tsv", "who\t[1]\n", ["'[1]'", "['one', 'two']"], id="list-without-texts"),
        pytest.param("q.tsv", "who\t['a']\nwho\n", ["line 2", "found 0 tabs"], id="no-tab"),
        pytest.param("q.tsv", "who\t['a']\tx\n", ["line 1", "found 2 tabs"], id="two-tabs"),
        pytest.param("q.tsv", "who\t['a']\n\t['a']\n", ["line 2", "'question' is empty"], id="empty-first-field"),
        pytest.param("q.txt", "who built it\n", ["neither JSON nor a tab", "'data'", "'answers'"], id="text"),
        pytest.param("q.txt", "", ["neither JSON nor a tab"], id="empty-file"),
    ],
)
def test_an_error_says_what_was_found_and_expected(write, name, content, words):
    with pytest.raises(QuestionError) as caught:
        read_questions(write(name, content))
    assert [word for word in words if word not in str(caught.value)] == []


FORMS = {
    "q.jsonl": lines(asked(answers=["Zo\u00eb"])),
    "q.json": json.dumps([asked(answers=["Zo\u00eb"])]),
    "q.tsv": f"{QUESTION}\t['Zo\u00eb']\n",
    "squad.json": json.dumps(
        {"data": [{"title": "T", "paragraphs": [{"context": CONTEXT, "qas": [asked(answers=["Zo\u00eb"])]}]}]}
    ),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(write, name, encoding):
    [question] = read_questions(write(name, FORMS[name].encode(encoding)))
    assert (question.text, question.answers) == (QUESTION, ("Zo\u00eb",))


@pytest.mark.parametrize("name", FORMS)
def test_utf16_without_a_mark_is_refused(write, name):
    with pytest.raises(QuestionError, match="UTF-16 without"):
        read_questions(write(name, FORMS[name].encode("utf-16-le")))


TREC = (
    '{"question": "How tall is it?", "answers": ["20\\\\s?,?320 f(ee|oo)t|6,194-meter"], "regex": true}\n'
    '{"question": "Which country?", "answers": ["China", "(PRC"], "regex": true}\n'
    '{"question": "Who?", "answers": ["Ann (Smith)"], "regex": false}\n'
)


@pytest.mark.parametrize("name", ["trec.jsonl", "trec.jsonl.gz", "trec.json"])
def test_answers_may_be_regular_expressions(write, caplog, name):
    path = write(name, TREC)
    with caplog.at_level(logging.WARNING):
        questions = read_questions(path)
    assert [question.is_pattern for question in questions] == [True, True, False]
    assert questions[0].answers == (r"20\s?,?320 f(ee|oo)t|6,194-meter",)
    [record] = caplog.records
    warning = f"{path}, line 2 (id '2'): the answer '(PRC' is no regular expression, so that nothing matches it"
    assert record.getMessage() == warning


@pytest.mark.parametrize("name", ["queries.dev.tsv", "queries.dev.tsv.gz"])
def test_queries_of_ms_marco(write, name):
    path = write(name, '1048578\tcost of endless pools\r\n\n2\t "Androgen" receptor define\n')
    assert read_questions(path) == [
        Question("1048578", "cost of endless pools"),
        Question("2", ' "Androgen" receptor define'),
    ]


def test_a_question_that_is_a_number_has_its_answers(write):
    assert read_questions(write("q.tsv", "1984\t['Orwell']\n")) == [Question("1", "1984", ("Orwell",), (-1,))]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param(
            "x\tcost of pools", ["line 2", "'x\\tcost of pools'", "a number, a tab and a query"], id="no-number"
        ),
        pytest.param("3", ["line 2", "a number, a tab and a query"], id="no-tab"),
        pytest.param("3\ta\tb", ["line 2", "a number, a tab and a query"], id="two-tabs"),
        pytest.param("3\t ", ["line 2 (id '3')", "'question' is empty"], id="empty"),
    ],
)
def test_broken_queries_of_ms_marco(write, line, words):
    with pytest.raises(QuestionError) as caught:
        read_questions(write("queries.tsv", f"2\tcost of endless pools\n{line}\n"))
    assert [word for word in words if word not in str(caught.value)] == []
