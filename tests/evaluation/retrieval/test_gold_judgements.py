"""Gold passages of a whole index, against asking each question of each paragraph."""

from __future__ import annotations

import random

from densephrase.data import Document, Passage, Question
from densephrase.evaluation.gold_place import gold_places, overlaps
from densephrase.evaluation.retrieval.gold_judgements import gold_judgements

TEXT = "The old mill stands in Orlan, by the river.\n\nNils  Aas built it in 1905.\n\nIt burnt down."
SECOND = TEXT.index("Nils")
THIRD = TEXT.index("It burnt")
MILL = Document("mill", TEXT)
COPY = Document("copy", "Once more: Nils Aas built it in 1905.")
PARAGRAPHS = [(MILL, 0, 43), (MILL, SECOND, SECOND + 27), (MILL, THIRD, len(TEXT)), (COPY, 0, len(COPY.text))]


def ask(answers: tuple[str, ...], starts: tuple[int, ...], context: str | None, document: str = "") -> Question:
    return Question("q", "?", answers, starts, context=context, document=document)


def test_passages_by_hand() -> None:
    by_context = ask(("Nils Aas",), (0,), "Nils Aas built it in 1905.")
    whole = {"mill:45-72": 1, "copy:0-37": 1}
    assert gold_judgements([by_context], PARAGRAPHS) == {"q": whole}
    assert gold_judgements([ask(("1905",), (21,), "Nils Aas built it in 1905.", "copy")], PARAGRAPHS) == {
        "q": {"copy:0-37": 1}
    }
    two = ask(("Orlan", "1905", "never"), (23, SECOND + 22, -1), None, "mill")
    assert gold_judgements([two], PARAGRAPHS) == {"q": {"mill:0-43": 1, "mill:45-72": 1}}
    short = ask(("burnt",), (3,), "It burnt down.")
    assert gold_judgements([short], PARAGRAPHS) == {"q": {f"mill:{THIRD}-{len(TEXT)}": 1}}


def test_unknown_gold_paragraphs_have_no_judgements() -> None:
    nowhere = ask(("Oslo",), (0,), "Oslo is the capital of Norway.")
    unknown = ask(("Oslo",), (-1,), None)
    blank = ask(("Oslo",), (-1,), " ")
    assert gold_judgements([nowhere, unknown, blank], PARAGRAPHS) == {}
    assert gold_judgements([nowhere], []) == {}


def test_what_is_found_is_what_every_question_finds_in_every_paragraph(soak: int) -> None:
    rng = random.Random(11)
    for _ in range(20 * soak):
        words = ["mill", "Aas", "Zoë", "1905", "x"]
        documents = [
            Document(f"d{number}", "".join(rng.choice(words) + rng.choice([" ", "  ", "\n", ""]) for _ in range(30)))
            for number in range(6)
        ]
        paragraphs = [
            (document, start, min(start + 25, len(document.text)))
            for document in documents
            for start in range(0, len(document.text), 25)
        ]
        questions = [random_question(rng, str(number), documents) for number in range(20)]
        expected = {
            question.id: found
            for question in questions
            if (found := {Passage(*one, 0.0).id: 1 for one in paragraphs if is_gold(question, *one)})
        }
        assert gold_judgements(questions, paragraphs) == expected != {}


def random_question(rng: random.Random, identity: str, documents: list[Document]) -> Question:
    document = rng.choice(documents)
    begin = rng.randrange(len(document.text) - 3)
    part = document.text[begin : begin + rng.randint(3, 60)]
    context = rng.choice([part, " ".join(part.split()), part + "!", None])
    place = rng.randrange(len(document.text if context is None else context) or 1)
    answer = (document.text if context is None else context)[place : place + 2]
    name = rng.choice(["", document.id])
    return Question(identity, "?", (answer,), (rng.choice([-1, place]),), context=context, document=name)


def is_gold(question: Question, document: Document, start: int, end: int) -> bool:
    return overlaps(gold_places(question, document), start, end)
