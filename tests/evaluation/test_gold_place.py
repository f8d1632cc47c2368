"""Right paragraphs: by hand-made places of gold answers."""

from __future__ import annotations

import pytest

from densephrase.data import Answer, Document, Evidence, Question, ScoreParts
from densephrase.evaluation.gold_place import gold_places, is_right_paragraph, overlaps

TEXT = "The mill stands\nin Orlan.  Aas built it.\n\nOslo is a town. Aas was born there."
CONTEXT = "The mill stands in Orlan. Aas built it."
PARTS = ScoreParts(0.0, 0.0, 0.0, 0.0, 0.0)


def answer(first: int, last: int, text: str = TEXT, document: str = "d") -> Answer:
    return Answer((Evidence(Document(document, text), first, first + 1, first, last, 0.0, PARTS),))


def ask(answers: tuple[str, ...] = ("Aas",), starts: tuple[int, ...] = (26,), **fields: str | None) -> Question:
    return Question("q", "who built it", answers, starts, **{"context": CONTEXT, **fields})  # type: ignore[arg-type]


BUILT = TEXT.index("Aas built")

CASES = {
    "the whole context": (ask(), [answer(0, TEXT.index("\n\n"))], True),
    "the part with the answer": (ask(), [answer(BUILT, TEXT.index("\n\n"))], True),
    "the part without": (ask(), [answer(0, BUILT)], False),
    "one that ends where the answer begins": (ask(), [answer(0, BUILT + 1)], True),
    "another paragraph that says it": (ask(), [answer(TEXT.index("Oslo"), len(TEXT))], False),
    "another document that says it": (ask(), [answer(0, 9, "Aas built.")], False),
    "a second reference": (ask(("Finn", "mill"), (-1, 4)), [answer(0, 9)], True),
    "offsets unknown": (ask(starts=(-1,)), [answer(0, 9)], True),
    "no answer to the question": (ask((), ()), [answer(0, 9)], True),
    "the same context twice": (
        ask(context="Aas built it.", starts=(0,)),
        [answer(16, 29, "Aas built it.\n\n\nAas built it.")],
        True,
    ),
    "nothing found": (ask(), [], False),
    "no context": (ask(context=None), [answer(0, 9)], None),
    "a named document": (ask(context=None, document="d", starts=(BUILT,)), [answer(BUILT, BUILT + 9)], True),
    "another place of a named document": (ask(context=None, document="d", starts=(BUILT,)), [answer(0, 9)], False),
    "another document than the named one": (
        ask(context=None, document="d", starts=(BUILT,)),
        [answer(BUILT, BUILT + 9, document="e")],
        False,
    ),
    "a named document without offsets": (ask(context=None, document="d", starts=(-1,)), [answer(0, 9)], None),
    "a context in a document that is not the named one": (ask(document="d"), [answer(BUILT, 40, document="e")], False),
}


@pytest.mark.parametrize("name", CASES)
def test_right_paragraphs(name: str) -> None:
    question, answers, expected = CASES[name]
    assert is_right_paragraph(question, answers) is expected


@pytest.mark.parametrize("name", CASES)
def test_passages_have_the_same_rule(name: str) -> None:
    question, answers, expected = CASES[name]
    places = {item.document.id: gold_places(question, item.document) for item in answers}
    found = [
        overlaps(places[item.document.id], item.evidence[0].paragraph_start, item.evidence[0].paragraph_end)
        for item in answers
    ]
    assert any(found) is bool(expected)


def test_all_places_of_a_context_are_found() -> None:
    question = ask(context="Aas built it.", starts=(0,))
    assert gold_places(question, Document("d", "Aas built it.\nAas  built it.")) == [(0, 3)]
    assert gold_places(question, Document("d", "Aas built it. Aas built it.")) == [(0, 3), (14, 17)]
    assert gold_places(ask(context=None, starts=(-1,)), Document("d", TEXT)) == []
