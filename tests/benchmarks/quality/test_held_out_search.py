"""The in-memory search of benchmarks against the closed evaluation and against scores added up by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.quality.held_out_search import HeldOutSearch
from benchmarks.tuning.stored_form import StoredForm, unrounded
from densephrase.encoder.encoded import ParagraphInput
from densephrase.evaluation.closed import evaluate_closed
from densephrase.evaluation.spans import paragraph_spans
from tests.conftest import make_encoder
from tests.training.facts import make_facts


@pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "with sparse vectors"])
def test_the_best_span_of_each_paragraph_is_that_of_the_closed_evaluation(sparc_size: int) -> None:
    encoder, questions = make_encoder(sparc_size=sparc_size), make_facts()
    search = HeldOutSearch(encoder, questions)
    paragraphs = list(dict.fromkeys(ParagraphInput(q.context or "", q.title) for q in questions))
    stored = encoder.encode_paragraphs(paragraphs)
    vectors = encoder.encode_questions([question.text for question in questions])
    for number, paragraph in enumerate(stored):
        for row, spans in enumerate(paragraph_spans(encoder, paragraph, vectors)):
            best = spans.best()
            assert best is not None
            assert search.full[0][row, number] == pytest.approx(float(spans.score[best]), rel=1e-4, abs=1e-4)


def test_closed_figures_are_those_of_the_closed_evaluation() -> None:
    encoder, questions = make_encoder(sparc_size=8), make_facts()
    results = list(evaluate_closed(encoder, questions))
    found = HeldOutSearch(encoder, questions).closed()
    assert found.exact_match == pytest.approx(100 * np.mean([result.exact_match for result in results]))
    assert found.f1 == pytest.approx(100 * np.mean([result.f1 for result in results]))


def test_terms_join_the_score_with_their_weight() -> None:
    search = HeldOutSearch(make_encoder(), make_facts())
    everything = search.open(term_weight=1e6)
    chosen = search.terms.argmax(1)
    by_terms = search._figures(chosen, search.full)
    assert everything.exact_match == by_terms.exact_match


def test_a_stored_form_without_changes_is_the_encoder_itself() -> None:
    encoder, questions = make_encoder(sparc_size=8), make_facts()
    plain = HeldOutSearch(encoder, questions)
    form = HeldOutSearch(StoredForm(encoder), questions)  # type: ignore[arg-type]
    np.testing.assert_array_equal(form.full[0], plain.full[0])


def test_a_stored_form_keeps_what_it_is_told_to() -> None:
    encoder, questions = make_encoder(sparc_size=8), make_facts()
    whole = StoredForm(encoder, shift=float("-inf"), rounding=unrounded)
    item = whole.encode_paragraphs([ParagraphInput(questions[0].context or "", "")])[0]
    assert len(item.start_token) == item.tokens
    assert item.start_codes.dtype == np.float32
    fewer = StoredForm(encoder, dimensions=5)
    rows = fewer.encode_paragraphs([ParagraphInput(questions[0].context or "", "")])[0].start_codes
    assert rows.shape[1] == 5 + encoder.config.coherency_rank == fewer.config.row_size
    assert fewer.encode_questions(["who"]).start.shape == (1, 5)
