"""Kinds of wrong answers of a search, counted over all of them, and some of them to read.

    python -m benchmarks wrong_answers INDEX QUESTIONS [--limit N] [--show 100]

QUESTIONS have contexts. A best answer that is no exact match is put in one of four kinds: from the paragraph with the
marked answer or from another, and with words of a reference answer (the boundary or the wording is wrong) or without.
For each kind the table says how many had a right answer among their first ten. Read the examples before changing
anything: questions such as "What happened after the battle?" mean nothing away from their paragraph, and many phrases
that share words with the reference is as good.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from densephrase import PhraseIndex
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Answer, Question
from densephrase.evaluation.gold_place import is_right_paragraph
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import exact_match_and_f1

KINDS = (
    "own paragraph, shares words",
    "own paragraph, another phrase",
    "other paragraph, shares words",
    "other paragraph, another phrase",
    "no answer",
)
_AROUND = 100  # code points shown before and after a phrase


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """A question, its best answer (None for no answer), one of KINDS, and the rank of the first right answer."""

    question: Question
    answer: Answer | None
    kind: str
    right_rank: int | None


def main() -> None:
    """Print the table, then the examples."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("questions")
    parser.add_argument("--limit", type=int, help="ask this many random questions")
    parser.add_argument("--show", type=int, default=100, help="how many random wrong answers to print")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    index = PhraseIndex.open(options.index)
    questions = sample_questions(read_questions(options.questions), options.limit, 0)
    wrong = find_wrong(lambda text: index.search(text, top_k=10), questions)
    print("\n".join(table(wrong, len(questions))))
    for item in random.Random(0).sample(wrong, min(options.show, len(wrong))):
        print("\n" + describe(item))


def find_wrong(search: Callable[[str], Sequence[Answer]], questions: Sequence[Question]) -> list[WrongAnswer]:
    """Return what is wrong of the best answers of `search` (text to answers, best first)."""
    wrong = []
    for question in questions:
        answers = search(question.text)
        right = [rank for rank, item in enumerate(answers, 1) if exact_match_and_f1(item.text, question.answers)[0]]
        if right[:1] != [1]:
            best = answers[0] if answers else None
            wrong.append(WrongAnswer(question, best, _kind(question, best), right[0] if right else None))
    return wrong


def _kind(question: Question, answer: Answer | None) -> str:
    if answer is None:
        return KINDS[4]
    own = is_right_paragraph(question, [answer])
    shares = exact_match_and_f1(answer.text, question.answers)[1] > 0
    return KINDS[2 * (not own) + (not shares)]


def table(wrong: Sequence[WrongAnswer], questions: int) -> list[str]:
    """Return the rows of the table, in Markdown."""
    lines = [
        f"{len(wrong)} of {questions} best answers are no exact match.",
        "",
        "| kind | of the wrong ones | right answer in first 10 |",
        "|---|---|---|",
    ]
    for kind in KINDS:
        mine = [item for item in wrong if item.kind == kind]
        if mine:
            found = sum(item.right_rank is not None for item in mine) / len(mine)
            lines.append(f"| {kind} | {len(mine) / len(wrong):.1%} | {found:.1%} |")
    return lines


def describe(item: WrongAnswer) -> str:
    """Return a wrong answer for people to read, with the reference beside it."""
    question, text = item.question, item.question.context or ""
    lines = [f"Q: {question.text} ({question.title})", f"   right: {', '.join(dict.fromkeys(question.answers))}"]
    if question.answer_starts:
        lines.append("      in: " + _marked(text, question.answer_starts[0], len(question.answers[0])))
    if item.answer is not None:
        best = item.answer.evidence[0]
        place = best.start - best.paragraph_start
        lines.append(f"   given: {item.answer.text} ({best.document.title}; {item.kind})")
        lines.append("      in: " + _marked(best.context, place, len(best.text)))
    rank = "not in the first 10" if item.right_rank is None else f"rank {item.right_rank}"
    return "\n".join([*lines, f"   first right answer: {rank}"])


def _marked(text: str, start: int, length: int) -> str:
    stop = start + length
    parts = text[max(0, start - _AROUND) : start], text[start:stop], text[stop : stop + _AROUND]
    return " ".join(f"{parts[0]}[[{parts[1]}]]{parts[2]}".split())


if __name__ == "__main__":
    main()
