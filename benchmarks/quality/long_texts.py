"""Exact match of an index before and after long texts without blank lines are added to it.

    python -m benchmarks long_texts CORPUS QUESTIONS [--work FOLDER]

CORPUS has the articles of QUESTIONS, which have contexts (squad-21k and SQuAD dev). The index holds the first twelve
documents, each cut at 9,000 characters, and 300 questions about them are asked. Then one more text is added that says
nothing of them, as pdftotext, web pages and programs write it: twenty other articles joined by spaces, a page of HTML
and a log of about 40,000 tokens each. Whatever is added up over a paragraph without a bound makes such a text win
everywhere: look at the exact match, the largest sparse part of a first answer, and how many first answers come out of
the added text, with which confidence.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

from benchmarks.speed.build_speed import write_documents
from densephrase import PhraseIndex
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.corpus.cutting.sentences import sentence_ends
from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document, Question
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import exact_match_and_f1

ASKED_ABOUT, CUT_AT, JOINED, QUESTIONS = 12, 9_000, 20, 300
ADDED = "added"  # id of the document that is added
_PAGE = 180_000  # characters: about 40,000 tokens


def main() -> None:
    """Print a row for each text that is added, and one for none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("questions")
    parser.add_argument("--work", help="keep the indexes in this folder, and go on where an earlier run stopped")
    options = parser.parse_args()
    documents = list(islice(read_corpus(options.corpus), ASKED_ABOUT + JOINED))
    kept = [replace(document, text=document.text[:CUT_AT]) for document in documents[:ASKED_ABOUT]]
    asked = sample_questions(questions_about(kept, read_questions(options.questions)), QUESTIONS, 0)
    print(
        "| added | paragraphs | EM | EM without Sparc | largest sparse part | answers out of it | highest confidence |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(options.work or scratch)
        for name, write in TEXTS.items():
            added = [] if write is None else [Document(ADDED, write(documents[ASKED_ABOUT:]), "A long text")]
            print(_row(name, _index(work / name.replace(" ", "-"), [*kept, *added]), asked), flush=True)


def questions_about(documents: Sequence[Document], questions: Sequence[Question]) -> list[Question]:
    """Return the questions whose context stands in one of the documents."""
    return [question for question in questions if any((question.context or "") in item.text for item in documents)]


def joined(documents: Sequence[Document]) -> str:
    """Return the paragraphs of all documents as one line."""
    return " ".join(" ".join(document.text.split()) for document in documents)


def page(documents: Sequence[Document]) -> str:
    """Return a page of HTML without blank lines."""
    paragraphs = (item.text for document in documents for item in split_paragraphs(document.text))
    lines = "\n".join(f'<p class="text" id="p{number}">{text}</p>' for number, text in enumerate(paragraphs))
    return f"<html><head><title>Articles</title></head><body>\n{lines[:_PAGE]}"


def log(documents: Sequence[Document]) -> str:
    """Return a log of a program, a sentence a line."""
    text = joined(documents)[:_PAGE]
    return "\n".join(
        f"2026-03-01 {number // 60 % 24:02}:{number % 60:02}:07,{number % 1000:03} INFO {text[start:end].strip()}"
        for number, (start, end) in enumerate(pairwise([0, *sentence_ends(text)]))
    )


TEXTS: dict[str, Callable[[Sequence[Document]], str] | None] = {
    "nothing": None,
    "articles joined by spaces": joined,
    "HTML page": page,
    "log": log,
}


def _index(folder: Path, documents: Sequence[Document]) -> PhraseIndex:
    folder.mkdir(parents=True, exist_ok=True)
    corpus = write_documents(folder / "corpus.jsonl", documents)
    return PhraseIndex.build(corpus, folder / "index")


def _row(name: str, index: PhraseIndex, questions: Sequence[Question]) -> str:
    right, right_without, largest, confidences = 0, 0, 0.0, []
    for question in questions:
        [best] = index.search(question.text, top_k=1)
        [without] = index.search(question.text, top_k=1, sparc=False)
        right += exact_match_and_f1(best.text, question.answers)[0]
        right_without += exact_match_and_f1(without.text, question.answers)[0]
        largest = max(largest, best.parts.sparc_start, best.parts.sparc_end)
        if best.document.id == ADDED:
            confidences.append(best.confidence or 0.0)
    figures = (
        f"{index.info()['paragraphs']:,}",
        f"{right / len(questions):.1%}",
        f"{right_without / len(questions):.1%}",
        f"{largest:.2f}",
        str(len(confidences)),
        f"{max(confidences):.2f}" if confidences else "",
    )
    return f"| {name} | " + " | ".join(figures) + " |"


if __name__ == "__main__":
    main()
