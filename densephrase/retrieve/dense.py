"""Paragraphs by their vectors: the largest dot products with a question's (DPR, section 3.1).

Products are sums of integers: the same rows and scores come out on every machine, alone and in any batch. They differ
from those of the decoded vectors by less than a millionth of what scores range over.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import SearchError
from densephrase.index.lists.list_rule import choose_probed_groups, choose_probes
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.passages import ListEffort, RankedRows, rank_by_vectors
from densephrase.retrieve.ranking import by_block, no_ranking
from densephrase.retrieve.rows import VectorRows
from densephrase.search.prepare.fixed_point import FixedPointVectors, to_fixed_point
from densephrase.search.prepare.tables import at_address, list_table

# Measured over 20,000 passages of 384 dimensions in 128 lists of 16 groups: 40 lists of all groups find as much as 65
# of the 12 groups of the rule for phrases. Where vectors hardly cluster (64 dimensions), 1.25 times the lists find 0.92
# of the best hundred.
_PROBED = 2.0  # times the lists of the rule for phrases
_GROUPS = 2  # times its groups, whose comparison costs next to nothing


class VectorRanking:
    """Ranks the rows of an index by their dot products with questions."""

    def __init__(self, rows: VectorRows, threads: int = 1) -> None:
        """Take the vectors of an index; `threads` share the questions of a batch.

        Raises:
            SearchError: if the codes, the quantiser and the lists are not of one size.
        """
        self.count, self.size = rows.codes.shape
        self._rows = rows  # what kernels read by address stays mapped as long as this lives
        self._codes, self._lists = at_address(rows.codes), list_table(rows.lists)
        self._threads = threads
        if len(rows.quantiser.scale) != self.size:
            raise SearchError(
                f"The quantiser is for vectors of {len(rows.quantiser.scale)} dimensions, the codes have {self.size}; "
                "search with the encoder of the index."
            )
        if rows.lists is not None and self._lists.codes.shape != (self.count, self.size):
            raise SearchError(
                f"The inverted lists hold codes {self._lists.codes.shape}; expected {(self.count, self.size)}, all of "
                "each row. Build the index again."
            )

    def prepare(self, vectors: NDArray[np.float32]) -> FixedPointVectors:
        """Return vectors float32 [Q, D] as integers.

        Raises:
            SearchError: if they have another size, or one is not finite.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise SearchError(
                f"The encoder gave question vectors of shape {vectors.shape}; expected [questions, {self.size}] as in "
                "the index. Search with the encoder of the index."
            )
        return to_fixed_point(vectors, self._rows.quantiser)

    def rank(self, batch: FixedPointVectors, top_k: int, probes: int | None = None) -> RankedRows:
        """Return the best rows of each question, at most `top_k`, with scores float64.

        probes: inverted lists that a question looks into, where the index has any (None: see
            `choose_passage_effort`); then rows may be missed, and fewer come back where the lists hold fewer.
        """
        questions, lists = len(batch.step), self._lists
        ranked = no_ranking(questions, min(top_k, self.count), np.float64)
        effort = choose_passage_effort(self.count, len(lists.list_codes), len(lists.group_codes), probes)

        def step(first: int, last: int) -> None:
            rank_by_vectors(
                first=first,
                last=last,
                codes=self._codes,
                lists=lists,
                effort=effort,
                weights=batch.weights,
                low_bits=batch.low_bits,
                step=batch.step,
                bias=batch.bias,
                ranked=ranked,
            )

        by_block(step, questions, self._threads)
        return ranked

    def scores(self, batch: FixedPointVectors, question: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the dot products of some rows int64 [n] with one question of a batch, as `rank` gives them."""
        dots = np.empty(len(rows), np.int64)
        gather_dots(self._codes, rows, batch.weights[question], batch.low_bits, dots)
        scores: NDArray[np.float64] = dots * batch.step[question] + batch.bias[question]
        return scores


def choose_passage_effort(rows: int, lists: int, groups: int, probes: int | None = None) -> ListEffort:
    """Return in how many of the best lists, among those of how many groups, a question is looked for.

    probes: lists that are asked for; any number, and all lists where it is not below theirs (None: by rule).
    """
    if probes is None:
        chosen = min(lists, round(_PROBED * choose_probes(rows, lists)))
        return ListEffort(chosen, _GROUPS * choose_probed_groups(groups))
    chosen = min(probes, lists)
    share = math.ceil(2 * groups * chosen / max(1, lists))
    return ListEffort(chosen, max(_GROUPS * choose_probed_groups(groups), share))
