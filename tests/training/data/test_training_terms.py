"""Training adds the term scores to a phrase's score that search adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.plain_terms import score_terms
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.terms.analyser import Analyser
from densephrase.terms.term_index import TermIndex
from densephrase.terms.term_writer import write_term_index
from densephrase.training.data.examples import TrainingQuestion, make_examples
from densephrase.training.data.term_scores import WindowBM25
from tests.conftest import make_config, make_tokenizer
from tests.training.facts import make_facts


def test_scores_are_those_of_a_term_index_of_the_paragraphs(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    facts = make_facts()
    windows = make_examples(facts, PhraseTokeniser(tokenizer, make_config(tokenizer, max_tokens=64)), 6).windows
    paragraphs = dict.fromkeys((fact.title, fact.context or "") for fact in facts)
    assert len(windows) == len(paragraphs)
    write_term_index(tmp_path / "terms.h5", [(row, *pair) for row, pair in enumerate(paragraphs)], Analyser())
    index, scores = TermIndex.open(tmp_path / "terms.h5"), WindowBM25(windows)
    title = TrainingQuestion([], 0, 0, terms=Analyser().terms("which queen"))
    for asked in (title, *(question for window in windows for question in window.questions)):
        expected = score_terms(index, asked.terms).paragraph
        assert scores.of(range(len(windows)), [asked])[0] == pytest.approx(expected, rel=1e-5)
        assert np.ptp(expected) > 0
