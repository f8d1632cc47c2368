"""A process that tries damaged folders: it may crash, hang or eat memory, and takes no other along.

Reads the path of a folder a line, and writes what came of it, a line of JSON each.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import DensePhraseError
from densephrase.search.plan.options import SearchOptions, Unit
from densephrase.search.plan.strategies import Strategy

if TYPE_CHECKING:
    from densephrase.encoder.question.question_encoder import QuestionEncoder

_MEMORY = 3 << 30  # bytes that a damaged folder may take beside what a sound one does
_LONGEST_MESSAGE = 4000
_ENCODERS = "the encoder's tokenizer makes"  # other word pieces of a text: only with the encoder it can be seen


@dataclass
class Outcome:
    """What came of a folder: what refused it, how many problems `verify` named, and what should never happen."""

    refused: str = ""
    problems: int | None = None
    seconds: float = 0.0
    unexpected: list[str] = field(default_factory=list)

    def attempt(self, step: str, action: Callable[[], Any]) -> Any:
        """Do a step; an error of ours refuses the folder, any other is unexpected."""
        try:
            return action()
        except DensePhraseError as error:
            self.refused = self.refused or f"{type(error).__name__}: {error}"
            if len(str(error)) > _LONGEST_MESSAGE:
                self.unexpected.append(f"{step}: a message of {len(str(error))} characters")
        except BaseException as error:  # a panic of a library in Rust is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.unexpected.append(
                f"{step}: {type(error).__name__}: {str(error)[:200]} ({place.filename.split('/')[-1]}:{place.lineno})"
            )
        return None


class IndexProbe:
    """Verifies an index, opens it, and asks it questions in every way; its encoder is that of the sound index."""

    def __init__(self, sound: Path) -> None:
        from densephrase.encoder.question.question_encoder import load_question_encoder
        from densephrase.index.index_reader import IndexReader

        self._encoder: QuestionEncoder = load_question_encoder(sound / "encoder")
        document = IndexReader.open(sound).document(0)
        self._questions = [f"Who was born in the city? {document.text[:80]}", ""]

    def __call__(self, folder: Path, outcome: Outcome) -> None:
        """Try the index in `folder`."""
        _verify_and_search(folder, outcome, lambda: self._search(folder))

    def _search(self, folder: Path) -> None:
        from densephrase.index.index_reader import IndexReader
        from densephrase.index.info import describe_index
        from densephrase.search.searcher import Searcher

        reader = IndexReader.open(folder)
        json.dumps(describe_index(reader))
        searcher = Searcher(reader, self._encoder)
        for unit in get_args(Unit):
            for strategy in get_args(Strategy)[: None if unit == "phrase" else 1]:
                options = SearchOptions(strategy=strategy, unit=unit, top_k=4, explain=unit == "sentence")
                self._read(searcher.search(self._questions, options))
        excluded = [reader.document(0).id] if reader.bases.documents[-1] else []
        options = SearchOptions(exhaustive=True, top_k=10, exclude_documents=tuple(excluded))
        self._read(searcher.search(self._questions[:1], options))

    @staticmethod
    def _read(found: list[list[Any]]) -> None:
        """Look at everything that an answer shows."""
        for answers in found:
            for answer in answers:
                json.dumps([answer.text, answer.context, answer.score, answer.confidence, answer.document.id])
                _ = answer.document.text[answer.start : answer.end], answer.document.metadata
                _ = [(evidence.context, evidence.parts.total) for evidence in answer.evidence[:3]]


class PassageProbe:
    """Verifies an index of passages, opens it, and searches it in every way, with made-up vectors of questions."""

    def __init__(self, sound: Path) -> None:
        from densephrase.index.passages.passage_reader import PassageReader

        reader = PassageReader.open(sound)
        self._size = 0 if reader.vectors is None else reader.vectors.codes.shape[1]
        self._questions = [f"Who was born in the city? {reader.document(0).text[:80]}", ""]

    def __call__(self, folder: Path, outcome: Outcome) -> None:
        """Try the index in `folder`."""
        _verify_and_search(folder, outcome, lambda: self._search(folder))

    def _search(self, folder: Path) -> None:
        from densephrase.index.passages.passage_info import describe_passages
        from densephrase.index.passages.passage_reader import PassageReader
        from densephrase.retrieve.options import PassageStrategy
        from densephrase.retrieve.passage_searcher import PassageSearcher

        reader = PassageReader.open(folder)
        json.dumps(describe_passages(reader))
        searcher = PassageSearcher(reader, self._encode, term_weight=1.0)
        for strategy in get_args(PassageStrategy) if self._size else ("bm25",):
            for found in searcher.search(self._questions, 7, strategy=strategy, explain=True):
                json.dumps([passage.to_dict() for passage in found])

    def _encode(self, questions: Sequence[str]) -> NDArray[np.float32]:
        return np.random.default_rng(0).normal(size=(len(questions), self._size)).astype(np.float32)


def _verify_and_search(folder: Path, outcome: Outcome, search: Callable[[], None]) -> None:
    from densephrase.index.verify import verify

    problems = outcome.attempt("verify", lambda: verify(folder))
    outcome.problems = None if problems is None else len(problems)
    outcome.attempt("search", search)
    is_ours = outcome.refused.startswith("IndexFormatError") and _ENCODERS not in outcome.refused
    if is_ours and problems == []:
        outcome.unexpected.append(f"verify finds nothing, but: {outcome.refused}")


PROBES: dict[str, Callable[[Path], Callable[[Path, Outcome], None]]] = {
    "index": IndexProbe,
    "passages": PassageProbe,
}


def serve(kind: str, sound: Path) -> None:
    """Try the sound folder, then each that stdin names; stdout says what came of them."""
    probe = PROBES[kind](sound)
    first = Outcome()
    probe(sound, first)
    print(json.dumps(asdict(first)), flush=True)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, resource.RLIM_INFINITY))
    for line in sys.stdin:
        outcome, began = Outcome(), time.perf_counter()
        probe(Path(line.rstrip("\n")), outcome)
        outcome.seconds = time.perf_counter() - began
        print(json.dumps(asdict(outcome)), flush=True)
