"""Stored forms that become encoders of their own, to build a whole index with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.product_forms import ProductForm
from benchmarks.stored_form import StoredForm, unrounded
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.quantise.product import ProductQuantiser

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


def test_a_product_quantised_form_stores_what_its_codes_say(tiny_encoder: PhraseEncoder) -> None:
    size = tiny_encoder.config.row_size
    rows = np.random.default_rng(0).normal(size=(300, size)).astype(np.float32)
    quantisers = tuple(ProductQuantiser.fit(rows, rows, size // 4, 4, seed=seed) for seed in (0, 1))
    sample = SimpleNamespace(encoder=tiny_encoder)
    form = ProductForm(sample, quantisers)  # type: ignore[arg-type]
    [found] = form.encode_paragraphs(TEXT)
    [exact] = StoredForm(tiny_encoder, rounding=unrounded).encode_paragraphs(TEXT)
    pairs = ((found.start_codes, exact.start_codes), (found.end_codes, exact.end_codes))
    for (codes, vectors), quantiser in zip(pairs, quantisers, strict=True):
        np.testing.assert_array_equal(codes, quantiser.decode(quantiser.encode(vectors)))
