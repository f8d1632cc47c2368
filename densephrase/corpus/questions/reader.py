"""Question files: SQuAD json (v1.1 and v2.0), TriviaQA, rows of JSON, lines with a tab, and folders of BEIR.

Each file may be gzipped; all are UTF-8, or UTF-16 with a byte order mark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from densephrase.corpus.files.beir_folder import BeirFolder
from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import DOCUMENT_BYTES, CorpusFile, Place
from densephrase.corpus.files.source import read_lines, unzipped_name
from densephrase.corpus.questions.beir import is_judgement_header, read_judged_queries
from densephrase.corpus.questions.json_rows import read_json_lines, read_json_list
from densephrase.corpus.questions.question_row import holds_question
from densephrase.corpus.questions.squad_articles import read_squad_questions
from densephrase.corpus.questions.tabbed_rows import is_numbered_query, read_numbered_queries, read_tabbed_questions
from densephrase.corpus.questions.trivia_qa import TRIVIA_KEY, read_trivia_qa
from densephrase.data import Question
from densephrase.errors import CorpusError, QuestionError

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_LISTS = {"data": read_squad_questions, TRIVIA_KEY: read_trivia_qa}
_ACCEPTED = (
    "expected SQuAD json with a list 'data' (or TriviaQA's 'Data'), JSON lines or a JSON list of objects with"
    " 'question' and 'answers', or lines of a question, a tab and a list of answers"
)


def read_questions(path: str | Path, *, document_bytes: int = DOCUMENT_BYTES) -> list[Question]:
    """Read every question of a file, in file order; `iterate_questions` says what it may hold.

    Raises `QuestionError` with the file, line and id at fault.
    """
    return list(iterate_questions(path, document_bytes=document_bytes))


def iterate_questions(path: str | Path, *, document_bytes: int = DOCUMENT_BYTES) -> Iterator[Question]:
    """Yield the questions of a file, read a row or an article of at most `document_bytes` bytes at a time.

    A row has the question as `question` or `input`, its answers as `answers`, `answer` or `output`, in the forms of
    `densephrase.corpus.questions.reference_answers`, perhaps `id` (else the line's number), `title`, `context`,
    `document` (the id of the one with the answer) and `is_impossible`. Which form a file has is told by what it holds,
    that of lines also by the suffix .jsonl or .ndjson.

    Queries without reference answers come from a folder in the form of BEIR or its `queries.jsonl` (all of them), from
    its `qrels/<split>.tsv` (those that are judged there), and from `queries.tsv` of MS MARCO.

    Raises `QuestionError`.
    """
    found = _find_file(Path(path))
    file = CorpusFile(found, found.name, document_bytes)
    try:
        yield from _reader(file)(file)
    except CorpusError as error:
        raise QuestionError(str(error)) from error
    except MemoryError as error:
        raise QuestionError(f"{Place(file.path)}: a row or an article does not fit into memory. Divide it.") from error


def _find_file(path: Path) -> Path:
    """Return the file of queries where the path is a folder."""
    try:
        is_folder = path.is_dir()
    except (OSError, ValueError):  # whoever opens it is told why
        return path
    if not is_folder:
        return path
    queries = BeirFolder(path).queries
    if queries is None:
        raise QuestionError(
            f"{Place(path)}: this is a folder without queries.jsonl. Give a file of questions, or a folder in the form "
            "of BEIR."
        )
    return queries


def _reader(file: CorpusFile) -> Callable[[CorpusFile], Iterator[Question]]:
    if unzipped_name(file.name).suffix.lower() in _LINE_SUFFIXES:
        return read_json_lines
    first = JsonCursor(file).peek()
    if first == "{":
        return _object_reader(file)
    if first == "[":
        return read_json_list
    line = _first_line(file).rstrip("\r\n")
    if is_judgement_header(line):
        return read_judged_queries
    if "\t" in line:
        return read_numbered_queries if is_numbered_query(line) else read_tabbed_questions
    raise Place(file.path).error(f"found neither JSON nor a tab in the first line; {_ACCEPTED}")


def _object_reader(file: CorpusFile) -> Callable[[CorpusFile], Iterator[Question]]:
    """Tell SQuAD json and TriviaQA from JSON lines, whose first line is an object with a question.

    Raises CorpusError if the file begins with neither.
    """
    cursor, keys = JsonCursor(file), list[str]()
    cursor.peek()
    begin = cursor.place
    try:
        for key in cursor.walk_object():
            if key in _LISTS and cursor.peek() == "[":
                return _LISTS[key]
            keys.append(key)
            cursor.value()
    except CorpusError as error:
        raise CorpusError(f"{error}; {_ACCEPTED}") from error
    if cursor.place != begin or not holds_question(keys):
        raise begin.error(f"found an object with the keys {keys}; {_ACCEPTED}")
    return read_json_lines


def _first_line(file: CorpusFile) -> str:
    for _, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if line.strip():
            return line
    return ""
