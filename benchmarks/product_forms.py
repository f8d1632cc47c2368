"""Stored forms of a compact index for `benchmarks.storage_curve`: product-quantised rows and factors.

Quantisers are fitted to paragraphs and questions that training saw, the questions of held-out articles judge them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.stored_form import StoredForm, unrounded
from densephrase.data import Question
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.encoder.phrase.sparc import HEADS
from densephrase.quantise.product import ProductQuantiser

if TYPE_CHECKING:
    from benchmarks.held_out_search import HeldOutSearch
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)  # of the filter's thresholds
GROUPS = ((48, 4), (36, 5), (32, 6), (24, 8), (16, 12))  # bytes of a row and the dimensions of each
_COMPACT = (36, 5)
_Rows = NDArray[np.float32]


class ProductSample:
    """Rows, factors and questions of some training paragraphs, to fit quantisers to."""

    def __init__(self, encoder: PhraseEncoder, questions: Sequence[Question]) -> None:
        paragraphs = list(dict.fromkeys(ParagraphInput(item.context or "", item.title) for item in questions))
        exact = StoredForm(encoder, rounding=unrounded)
        stored = [
            item for at in range(0, len(paragraphs), 256) for item in exact.encode_paragraphs(paragraphs[at : at + 256])
        ]
        self.encoder = encoder
        self.rows = tuple(
            np.concatenate([getattr(item, name) for item in stored]) for name in ("start_codes", "end_codes")
        )
        self.queries = tuple(
            np.concatenate([getattr(item, name) for item in stored]).astype(np.float32)
            for name in ("start_sparse", "end_sparse")
        )
        self.keys = np.concatenate([item.token_keys for item in stored]).astype(np.float32)
        vectors = encoder.encode_questions([question.text for question in questions])
        self.questions = (vectors.start, vectors.end)

    def row_quantisers(self, groups: int, dimensions: int) -> tuple[ProductQuantiser, ProductQuantiser]:
        """Return those of start rows and of end rows.

        The vector of a row is asked by questions, its coherency by the rows of the other side; one code serves both, as
        a coherency says little that the vector does not.
        """
        size = self.encoder.config.vector_size
        start, end = (
            ProductQuantiser.fit(rows, _asked(questions, other[:, size:]), groups, dimensions)
            for rows, questions, other in zip(self.rows, self.questions, self.rows[::-1], strict=True)
        )
        return start, end

    def factor_quantisers(self) -> list[tuple[ProductQuantiser, ProductQuantiser]]:
        """Return those of queries and keys, a byte each, for each of the four HEADS."""
        rank = self.encoder.config.sparse_rank
        pairs = []
        for head in range(len(HEADS)):
            queries = self.queries[head // 2][:, head % 2 * rank : (head % 2 + 1) * rank]
            keys = self.keys[:, head * rank : (head + 1) * rank]
            pairs.append((ProductQuantiser.fit(queries, keys, 1, rank), ProductQuantiser.fit(keys, queries, 1, rank)))
        return pairs


class ProductForm(StoredForm):
    """Rows, and if asked for factors, in the codes of product quantisers."""

    def __init__(
        self,
        sample: ProductSample,
        rows: tuple[ProductQuantiser, ProductQuantiser],
        *,
        shift: float = 0.0,
        factors: list[tuple[ProductQuantiser, ProductQuantiser]] | None = None,
    ) -> None:
        """Move the filter's thresholds by `shift` logits; what has no quantiser stays as it is, in 8 bits."""
        super().__init__(sample.encoder, shift=shift, rounding=unrounded)
        self._rows, self._factors = rows, factors

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return paragraphs with the values that their codes stand for."""
        return [self._rounded(item) for item in super().encode_paragraphs(paragraphs)]

    def row_bytes(self, search: HeldOutSearch) -> int:
        """Return the bytes of start rows, end rows and their sparse vectors."""
        rank = self.config.sparse_rank
        dense = self._rows[0].groups
        # The first head, unigrams around a start, says nothing in the shipped encoder: a compact index leaves it out.
        of_start, of_end, of_token = (1, 2, 3) if self._factors else (2 * rank, 2 * rank, 4 * rank)
        return search.starts * (dense + of_start) + search.ends * (dense + of_end) + search.tokens * of_token

    def _rounded(self, item: EncodedParagraph) -> EncodedParagraph:
        item = replace(
            item,
            start_codes=_round_trip(self._rows[0], item.start_codes),  # type: ignore[arg-type]
            end_codes=_round_trip(self._rows[1], item.end_codes),  # type: ignore[arg-type]
        )
        if self._factors is None or item.start_sparse is None or item.end_sparse is None or item.token_keys is None:
            return item
        queries, keys = zip(*self._factors, strict=True)
        silenced = _by_head(keys, item.token_keys)
        silenced[:, : self.config.sparse_rank] = 0
        return replace(
            item,
            start_sparse=_by_head(queries[:2], item.start_sparse),  # type: ignore[arg-type]
            end_sparse=_by_head(queries[2:], item.end_sparse),  # type: ignore[arg-type]
            token_keys=silenced,  # type: ignore[arg-type]
        )


def product_forms(sample: ProductSample) -> dict[str, StoredForm]:
    """Return the forms by name."""
    forms: dict[str, StoredForm] = {}
    compact = sample.row_quantisers(*_COMPACT)
    for groups, dimensions in GROUPS:
        rows = compact if (groups, dimensions) == _COMPACT else sample.row_quantisers(groups, dimensions)
        forms[f"rows of {groups} bytes"] = ProductForm(sample, rows)
    factors = sample.factor_quantisers()
    for shift in SHIFTS:
        name = f"rows of {_COMPACT[0]} bytes, heads of 1, thresholds {shift:+}"
        forms[name] = ProductForm(sample, compact, shift=shift, factors=factors)
    return forms


def _asked(questions: _Rows, coherencies: _Rows) -> _Rows:
    """Return the questions and as many coherencies as rows of their own, so that errors of both count alike."""
    chosen = coherencies[np.linspace(0, len(coherencies) - 1, len(questions)).astype(np.int64)]
    size = questions.shape[1]
    asked = np.zeros((2 * len(questions), size + chosen.shape[1]), np.float32)
    asked[: len(questions), :size] = questions
    asked[len(questions) :, size:] = chosen
    return asked


def _round_trip(quantiser: ProductQuantiser, rows: _Rows) -> _Rows:
    return quantiser.decode(quantiser.encode(rows))


def _by_head(quantisers: Sequence[ProductQuantiser], factors: NDArray[np.int8]) -> _Rows:
    parts = np.split(factors.astype(np.float32), len(quantisers), axis=1)
    return np.concatenate([_round_trip(*pair) for pair in zip(quantisers, parts, strict=True)], axis=1)
