"""Candidates: starts with the largest dot products, and paragraphs with the best term scores.

Sources: Sparc, section 4; DenSPI, section 5. "dense-first" takes the former, "sparse-first" all starts of the latter,
"hybrid" both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.candidates import Chosen, Probed
from densephrase.kernels.question import QuestionBatch
from densephrase.search.find.faiss_lists import FaissLists
from densephrase.search.plan.effort import Effort
from densephrase.search.plan.exclusion import Exclusion
from densephrase.search.plan.threads import Stages
from densephrase.search.prepare.scoring import ScoreSettings
from densephrase.search.prepare.tables import IndexTables

RESCORED = 4  # times as many starts as are wanted get their exact products, where lists hold only the first dimensions


@dataclass(frozen=True, slots=True)
class CandidateFinder:
    """Finds the candidates of a batch of questions over the tables of an index, and its lists on a CUDA device."""

    tables: IndexTables
    device_lists: FaissLists | None = None

    def starts(
        self, batch: QuestionBatch, vectors: NDArray[np.float32], effort: Effort, excluded: Exclusion, stages: Stages
    ) -> Chosen:
        """Return the start rows with the largest products, ascending for each question.

        Among all rows; or, with inverted lists, among those of the lists whose centroids have the largest products.
        """
        questions, total = len(batch.step), int(self.tables.reader.bases.starts[-1])
        wanted = min(effort.starts, total)
        if effort.starts >= total:
            everything = _members(excluded.remaining(0, total))
            rows = np.broadcast_to(everything, (questions, everything.size)) if wanted else _nothing(questions).rows
            return Chosen(np.ascontiguousarray(rows), np.full(questions, rows.shape[1]))
        chosen = Chosen(np.empty((questions, wanted), np.int64), np.zeros(questions, np.int64))
        if not wanted:
            return chosen
        lists = self._lists(batch, effort, stages)
        likely = None
        if self.device_lists is not None and lists is not None:
            likely = self.device_lists.choose(vectors, lists, RESCORED * wanted, excluded)
        if likely is not None:
            stages.rescore_starts(batch, self.tables.shards, likely, chosen)
        else:
            probed = self._probed(questions, lists, excluded)
            stages.choose_starts(batch, self.tables.shards, self.tables.lists, probed, RESCORED * wanted, chosen)
        return chosen

    def paragraphs(
        self, batch: QuestionBatch, effort: Effort, scoring: ScoreSettings, excluded: Exclusion, stages: Stages
    ) -> Chosen:
        """Return the paragraphs with the best term scores, best first for each question.

        Only paragraphs that share a term with the question are proposed. Where term scores have no weight, paragraphs
        are still chosen by their own.

        Raises:
            IndexFormatError: if the postings of a term are damaged.
        """
        questions, total = len(batch.step), int(self.tables.reader.bases.paragraphs[-1])
        wanted = min(effort.paragraphs, total)
        chosen = Chosen(np.empty((questions, wanted), np.int64), np.zeros(questions, np.int64))
        if not wanted:
            return chosen
        weights = (scoring.paragraph_weight, scoring.document_weight) if scoring.uses_terms else (1.0, 0.0)
        damaged = np.empty(questions, np.int64)
        stages.choose_paragraphs(
            batch=batch,
            paragraphs=self.tables.paragraphs,
            documents=self.tables.documents,
            paragraph_document=self.tables.paragraph_document,
            paragraph_weight=np.float32(weights[0]),
            document_weight=np.float32(weights[1]),
            excluded=excluded.paragraphs,
            damaged=damaged,
            chosen=chosen,
        )
        self.tables.reader.terms.paragraphs.check(int(damaged.max()))
        return chosen

    def _lists(self, batch: QuestionBatch, effort: Effort, stages: Stages) -> Chosen | None:
        """Return the lists that each question looks into, ascending; None where the index has none."""
        table = self.tables.lists
        if self.tables.reader.lists is None:
            return None
        questions, wanted = len(batch.step), min(effort.probes, len(table.list_codes))
        chosen = Chosen(np.empty((questions, wanted), np.int64), np.zeros(questions, np.int64))
        stages.choose_lists(batch, table, min(effort.groups, len(table.group_codes)), chosen)
        return chosen

    def _probed(self, questions: int, chosen: Chosen | None, excluded: Exclusion) -> Probed:
        """Return the ranges of rows that each question looks into: those of its lists, or all where there are none."""
        lists, table = self.tables.reader.lists, self.tables.lists
        if lists is None or chosen is None:
            ranges = excluded.remaining(0, int(self.tables.reader.bases.starts[-1]))
            return Probed(np.arange(questions + 1) * len(ranges), np.tile(ranges, (questions, 1)))
        if not excluded.starts.size:
            rows = chosen.rows[np.arange(chosen.rows.shape[1]) < chosen.found[:, None]]
            ranges = np.stack([table.ptr[rows], table.ptr[rows + 1]], axis=1)
            return Probed(np.append(0, np.cumsum(chosen.found)), ranges)
        cut = [
            excluded.cut(lists, np.stack([table.ptr[rows[:count]], table.ptr[rows[:count] + 1]], axis=1))
            for rows, count in zip(chosen.rows, chosen.found.tolist(), strict=True)
        ]
        return Probed(np.cumsum([0, *map(len, cut)]), np.concatenate(cut))


def _nothing(questions: int) -> Chosen:
    return Chosen(np.empty((questions, 0), np.int64), np.zeros(questions, np.int64))


def _members(ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of half-open ranges [R, 2], one range after the other."""
    return np.concatenate([np.arange(first, last) for first, last in ranges.tolist()])
