"""Index the bundled sample of Wikipedia and answer a few questions from it, offline."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from densephrase.cli.answers import render
from densephrase.cli.arguments import add_encoder, add_json, positive
from densephrase.cli.output import console, note, write_json

if TYPE_CHECKING:
    from densephrase.phrase_index import PhraseIndex

# Ids of sample/questions.json.
QUESTIONS = (
    "56be4eafacb8001400a50302",
    "56dddf4066d3e219004dad5f",
    "56df9e2838dc4217001520f6",
    "5727f44c2ca10214002d9a32",
    "5725b41838643c19005acb7f",
    "5726a00d708984140094cc25",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `demo`."""
    parser.add_argument("--index", metavar="FOLDER", help="keep the index in this folder (default: a temporary one)")
    parser.add_argument("--top-k", type=positive, default=1, metavar="K", help="answers a question (default: 1)")
    add_encoder(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Build or reuse the index, ask, and say how long it took; `--json`: an object a question and one at the end."""
    began = perf_counter()
    with _folder(options.index) as folder, _sample_index(folder, options.encoder) as index:
        index.warm_up()
        ready = perf_counter() - began
        seconds = [_ask(index, question, options) for question in demo_questions()]
        facts = index.info()
    summary = {name: facts[name] for name in ("documents", "paragraphs", "tokens", "bytes")}
    mean = sum(seconds) / len(seconds)
    if options.json:
        write_json({**summary, "seconds_until_ready": ready, "seconds_per_question": mean})
        return 0
    note(
        f"{summary['documents']} documents, {summary['paragraphs']} paragraphs and {summary['tokens']:,} tokens were"
        f" ready after {ready:.1f} s; an answer took {1000 * mean:.1f} ms."
    )
    if options.index:
        note(f'Ask more: densephrase ask {options.index} "When was Harvard founded?"')
    return 0


def demo_questions() -> list[str]:
    """Return the questions of the demo."""
    from densephrase.corpus.questions.reader import read_questions

    with _sample("questions.json") as path:
        texts = {question.id: question.text.strip() for question in read_questions(path)}
    return [texts[identity] for identity in QUESTIONS]


def _ask(index: PhraseIndex, question: str, options: argparse.Namespace) -> float:
    """Ask and show one question; return the seconds that the answer took."""
    began = perf_counter()
    answers = index.search(question, top_k=options.top_k)
    seconds = perf_counter() - began
    if options.json:
        found = [answer.to_dict() for answer in answers]
        write_json({"question": question, "answers": found, "seconds": seconds})
    else:
        console().print(render(question, answers))
    return seconds


@contextmanager
def _folder(kept: str | None) -> Iterator[Path]:
    """Give the folder that was asked for, or one that is removed at the end."""
    if kept is not None:
        yield Path(kept)
        return
    with TemporaryDirectory(prefix="densephrase-demo-") as temporary:
        yield Path(temporary) / "index"


@contextmanager
def _sample_index(folder: Path, encoder: str) -> Iterator[PhraseIndex]:
    """Open the index in the folder, after building it there if there is none yet."""
    from densephrase.index.format.manifest_file import MANIFEST_FILE
    from densephrase.phrase_index import PhraseIndex

    if (folder / MANIFEST_FILE).exists():
        note(f"Using the index in {folder}.")
    else:
        note("Indexing the bundled sample: 16 articles of Wikipedia, six paragraphs of each.")
        with _sample("corpus.jsonl") as corpus:
            PhraseIndex.build(corpus, folder, encoder).close()
    with PhraseIndex.open(folder) as index:
        yield index


@contextmanager
def _sample(name: str) -> Iterator[Path]:
    """Give the path of a bundled file."""
    with as_file(files("densephrase") / "sample" / name) as path:
        yield path
