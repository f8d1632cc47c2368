"""Stored forms that become encoders of their own, to build a whole index with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.tuning.storage_curve import hidden_states, refitted
from benchmarks.tuning.stored_form import StoredForm, unrounded
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from tests.conftest import make_encoder
from tests.training.facts import make_facts

TEXT = [ParagraphInput("the king of the city was born in paris by the river", "king")]


@pytest.mark.parametrize("shift", [float("-inf"), -0.5, 0.0, 0.5], ids="thresholds {:+}".format)
def test_a_saved_form_stores_what_the_form_stores(shift: float, tiny_encoder: PhraseEncoder, tmp_path: Path) -> None:
    form = StoredForm(tiny_encoder, shift=shift)
    form.save(str(tmp_path))
    [expected] = form.encode_paragraphs(TEXT)
    [found] = PhraseEncoder.from_pretrained(tmp_path, bf16=False).encode_paragraphs(TEXT)
    np.testing.assert_array_equal(found.start_token, expected.start_token)
    np.testing.assert_array_equal(found.start_codes, expected.start_codes)
    np.testing.assert_array_equal(found.end_codes, expected.end_codes)


@pytest.mark.parametrize("changes", [{"rounding": unrounded}, {"dimensions": 8}], ids=["float32", "fewer dimensions"])
def test_a_form_that_no_index_has_is_refused(
    changes: dict[str, object], tiny_encoder: PhraseEncoder, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="choose such a form"):
        StoredForm(tiny_encoder, **changes).save(str(tmp_path))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_factors_of_another_rank_keep_the_rest() -> None:
    encoder = make_encoder(sparc_size=8, sparc_rank=8)
    other = refitted(encoder, hidden_states(encoder, make_facts()), 2)
    assert (other.config.sparse_rank, encoder.config.sparse_rank) == (2, 8)
    one, two = (made.encode_questions(["who was the king?"]) for made in (encoder, other))
    np.testing.assert_array_equal(one.start, two.start)
