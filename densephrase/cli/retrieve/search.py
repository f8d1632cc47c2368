"""What the commands that search for passages share: arguments, options, and either kind of index behind one search."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from densephrase.cli.arguments import positive
from densephrase.cli.usage import UsageError
from densephrase.errors import SearchError
from densephrase.retrieve.options import Fusion, PassageStrategy
from densephrase.search.plan.strategies import Strategy

if TYPE_CHECKING:
    from densephrase.data import Passage
    from densephrase.passage_index import PassageIndex
    from densephrase.retrieve.options import PassageOptions
    from densephrase.retrieve.passage_searcher import PassageSearcher
    from densephrase.retrieve.phrase_paragraphs import PhraseSearch
    from densephrase.retrieve.retriever import Retriever

_OPTIONS = ("strategy", "fusion", "term_weight", "candidates", "probes", "explain")
_OF_PHRASES = ("strategy", "explain")


def add_passage_search(parser: argparse.ArgumentParser, top_k: int) -> None:
    """Add what a search for passages can be told."""
    parser.add_argument(
        "--top-k", type=positive, default=top_k, metavar="K", help=f"passages a question (default: {top_k})"
    )
    parser.add_argument(
        "--strategy",
        choices=[*get_args(PassageStrategy), *(name for name in get_args(Strategy) if name != "hybrid")],
        help="of a passage index: bm25, dense or hybrid (default: hybrid where it has vectors, else bm25); of a phrase "
        "index: dense-first, sparse-first or hybrid (default: hybrid)",
    )
    parser.add_argument(
        "--fusion",
        choices=get_args(Fusion),
        help="how hybrid search joins terms and vectors: the sum of weighted scores, or of reciprocal ranks (default: "
        "weighted where the weight was tuned, else reciprocal-rank)",
    )
    parser.add_argument("--term-weight", type=float, metavar="X", help="weight of BM25 (default: as tuned)")
    parser.add_argument(
        "--candidates", type=positive, metavar="N", help="passages that each side proposes (default: 100)"
    )
    parser.add_argument("--probes", type=positive, metavar="N", help="inverted lists looked into (default: by rule)")


@dataclass(frozen=True, slots=True)
class OpenIndex:
    """An index of either kind that finds passages.

    search: the options of each search. facts: what `info` says of it. runtime: what encodes questions, None where
    nothing does.
    """

    retriever: Retriever
    search: dict[str, Any]
    facts: dict[str, Any]
    runtime: str | None


@contextmanager
def open_index(options: argparse.Namespace) -> Iterator[OpenIndex]:
    """Open the index that was named, whichever kind it is, with the search options that were given.

    Raises UsageError where options do not go with the kind of index.
    """
    from densephrase.index.format.manifest_file import PASSAGES, index_kind

    given = {name: getattr(options, name, None) for name in _OPTIONS}
    chosen = {name: value for name, value in given.items() if value is not None}
    kind = index_kind(Path(options.index))
    with ExitStack() as stack:
        try:
            opened = _open_passages(options, chosen) if kind == PASSAGES else _open_phrases(options, chosen)
            index = stack.enter_context(opened)
        except SearchError as error:
            raise UsageError(str(error)) from error
        yield index


@contextmanager
def _open_passages(options: argparse.Namespace, chosen: dict[str, Any]) -> Iterator[OpenIndex]:
    from densephrase.passage_index import PassageIndex
    from densephrase.retrieve.options import PassageOptions

    options_used = PassageOptions.of(top_k=options.top_k, **chosen)
    with PassageIndex.open(options.index, options.device, options.runtime, getattr(options, "threads", None)) as index:
        strategy = index.searcher.strategy(options_used)
        encoder = None if strategy == "bm25" else index.encoder
        if strategy != "bm25" and encoder is None:
            raise SearchError(f"{options.index} holds no vectors: search it by bm25, or build it with an encoder")
        used = asdict(options_used) | {"strategy": strategy} | _fusion(index.searcher, strategy, options_used)
        runtime = None if encoder is None else encoder.runtime
        yield OpenIndex(_Passages(index, chosen), used, index.info(), runtime)


def _fusion(searcher: PassageSearcher, strategy: PassageStrategy, options: PassageOptions) -> dict[str, Any]:
    """Return how a search joins terms and vectors, which is nothing where it has one of them alone."""
    if strategy != "hybrid":
        return {"fusion": None, "term_weight": None}
    weight = searcher.term_weight(options)
    return {"fusion": "reciprocal-rank" if weight is None else "weighted", "term_weight": weight}


@contextmanager
def _open_phrases(options: argparse.Namespace, chosen: dict[str, Any]) -> Iterator[OpenIndex]:
    from densephrase.phrase_index import PhraseIndex
    from densephrase.retrieve.phrase_paragraphs import PhraseParagraphs
    from densephrase.search.plan.options import SearchOptions

    foreign = sorted(chosen.keys() - set(_OF_PHRASES))
    if foreign:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in foreign)
        raise UsageError(f"{options.index} is an index of phrases, whose search has no {names}")
    used = asdict(SearchOptions.of(unit="paragraph", top_k=options.top_k, **chosen))
    with PhraseIndex.open(
        options.index, options.device, runtime=options.runtime, threads=getattr(options, "threads", None)
    ) as index:
        search = cast("PhraseSearch", index.search)  # of the overloads, that of a list
        yield OpenIndex(PhraseParagraphs(search, **chosen), used, index.info(), index.encoder.runtime)


class _Passages:
    """A passage index with the options of each search."""

    def __init__(self, index: PassageIndex, chosen: dict[str, Any]) -> None:
        self._index, self._chosen = index, chosen

    def search(self, questions: Sequence[str], top_k: int) -> list[list[Passage]]:
        """Return the best passages of each question."""
        return self._index.search(list(questions), top_k, **self._chosen)
