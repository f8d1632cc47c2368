"""TriviaQA as its authors publish it: an object whose list `Data` holds questions with aliases of their answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from densephrase.corpus.files.articles import walk_list
from densephrase.corpus.files.records import CorpusFile
from densephrase.corpus.questions.question_fields import as_object, text_of
from densephrase.corpus.questions.question_row import make_question
from densephrase.data import Question

TRIVIA_KEY = "Data"
_EXPECTED = 'TriviaQA is {"Data": [{"Question": ..., "QuestionId": ..., "Answer": {"Value": ..., "Aliases": [...]}}]}'


def read_trivia_qa(file: CorpusFile) -> Iterator[Question]:
    """Yield the questions; the answer comes first among its aliases, normalised aliases are left out."""
    for number, (place, row) in enumerate(walk_list(file, TRIVIA_KEY, _EXPECTED)):
        where = f"{place}, Data[{number}]"
        yield _read_row(as_object(row, where, "the entry"), where, number)


def _read_row(row: Mapping[str, Any], where: str, number: int) -> Question:
    plain: dict[str, Any] = {"question": text_of(row, "Question", where)}
    if row.get("QuestionId") is not None:
        plain["id"] = row["QuestionId"]
    if row.get("Answer") is not None:  # the questions of the test set have none
        answer = as_object(row["Answer"], where, "'Answer'")
        plain["answer"] = {"value": answer.get("Value"), "aliases": answer.get("Aliases")}
    return make_question(plain, where, str(number))
