"""The pruned exhaustive search gives what the plain one does, and leaves paragraphs out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.exhaustive import exact_search
from benchmarks.exhaustive.exact_search import ExactSearcher
from benchmarks.exhaustive.paragraph_bounds import ParagraphBounds
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.index.index_reader import IndexReader
from densephrase.search.plan.options import SearchOptions
from densephrase.search.searcher import Searcher
from tests.build_index.samples import random_documents, write_corpus

QUESTIONS = ["Paris Berlin?", "river?", "Who was born in Paris?", "", "the war of the king"]


@pytest.fixture(scope="module", params=["default", "compact"])
def opened(
    request: pytest.FixtureRequest, small_index: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[IndexReader, PhraseEncoder]:
    encoder = PhraseEncoder.from_pretrained(small_index.parent / "encoder", bf16=False)
    if request.param == "default":
        return IndexReader.open(small_index), encoder
    folder = tmp_path_factory.mktemp("compact")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(60))
    build(corpus, folder / "index", encoder=encoder, options=BuildOptions(profile="compact", flat_limit=0))
    return IndexReader.open(folder / "index"), encoder


@pytest.mark.parametrize(
    "options",
    [
        SearchOptions(top_k=3, evidence_spans=5),
        SearchOptions(top_k=40),
        SearchOptions(unit="paragraph", top_k=5),
        SearchOptions(paragraph_weight=0.0, document_weight=0.0),
        SearchOptions(sparc=False, top_k=2, evidence_spans=2),
    ],
    ids=["few", "many", "paragraphs", "no terms", "no sparse vectors"],
)
def test_answers_are_those_of_an_exhaustive_search(
    opened: tuple[IndexReader, PhraseEncoder], options: SearchOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, encoder = opened
    monkeypatch.setattr(exact_search, "_FIRST", 2)
    monkeypatch.setattr(exact_search, "_GROWTH", 2)
    pruned, plain = ExactSearcher(reader, encoder), Searcher(reader, encoder)
    for question in QUESTIONS:  # alone: a question's last bits depend on those that it is encoded with
        assert pruned.search([question], options) == plain.search([question], replace(options, exhaustive=True))


def test_excluded_documents_give_no_answers(opened: tuple[IndexReader, PhraseEncoder]) -> None:
    reader, encoder = opened
    left_out = tuple(reader.document(row).id for row in range(3))
    options = SearchOptions(top_k=5, exclude_documents=left_out)
    expected = Searcher(reader, encoder).search(QUESTIONS[:1], replace(options, exhaustive=True))
    assert ExactSearcher(reader, encoder).search(QUESTIONS[:1], options) == expected


def test_paragraphs_are_left_out(opened: tuple[IndexReader, PhraseEncoder], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, encoder = opened
    monkeypatch.setattr(exact_search, "_FIRST", 1)
    searcher = ExactSearcher(reader, encoder)
    searcher.search(["Paris Berlin?"], SearchOptions(top_k=1, evidence_spans=1))
    assert 0 < searcher.scored < len(reader.terms.paragraph_document)


def test_a_bound_that_is_too_small_is_noticed(
    opened: tuple[IndexReader, PhraseEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, encoder = opened
    of = ParagraphBounds.of
    monkeypatch.setattr(ParagraphBounds, "of", lambda self, vectors: of(self, vectors) / 2)
    with pytest.raises(RuntimeError, match="more than the bound"):
        ExactSearcher(reader, encoder).search(["Paris Berlin?"], SearchOptions())
