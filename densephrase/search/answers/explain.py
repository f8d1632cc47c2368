"""Explanations of a phrase's score: the n-grams and terms that it shares with the question, and what each adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from densephrase.data import Document, SparseMatch, TermMatch
from densephrase.encoder.encoded import QuestionNgrams
from densephrase.errors import IndexFormatError
from densephrase.index.compact.codebooks import plain_factors
from densephrase.index.format.shard_format import SIDES, Side
from densephrase.index.index_reader import IndexReader
from densephrase.index.shards.shard import Shard
from densephrase.search.find.spans import Spans
from densephrase.search.prepare.scoring import ScoreSettings
from densephrase.search.prepare.sparse_vectors import ngram_weights, sparse_weights


class Explanation(NamedTuple):
    """What a span shares with the question, strongest first."""

    sparse: tuple[SparseMatch, ...]
    terms: tuple[TermMatch, ...]


@dataclass(frozen=True)
class Explainer:
    """Explains the spans of one search.

    `ngrams` and `scale` are None where the score has no sparse part; `terms` are those that were searched for.
    """

    reader: IndexReader
    tokenizer: Tokenizer
    document: Callable[[int], Document]
    spans: Spans
    terms: Sequence[str]
    scoring: ScoreSettings
    ngrams: QuestionNgrams | None
    scale: NDArray[np.float32] | None

    def explain(self, row: int) -> Explanation:
        """Explain the span in `row`.

        Raises:
            IndexFormatError: if the text of its paragraph is not the one that was encoded.
        """
        return Explanation(self._sparse_matches(row), self._term_matches(row))

    def _term_matches(self, row: int) -> tuple[TermMatch, ...]:
        found = self.reader.terms.contributions(self.terms, int(self.spans.paragraph[row]))
        weights = self.scoring.paragraph_weight, self.scoring.document_weight
        matches = [TermMatch(term, weights[0] * first, weights[1] * second) for term, first, second in found]
        matches = [match for match in matches if match.paragraph or match.document]
        return tuple(sorted(matches, key=lambda match: -match.paragraph - match.document))

    def _sparse_matches(self, row: int) -> tuple[SparseMatch, ...]:
        if self.ngrams is None or self.scale is None:
            return ()
        number = int(np.searchsorted(self.reader.bases.paragraphs, self.spans.paragraph[row], side="right")) - 1
        shard, bases = self.reader.shards[number], self.reader.bases
        paragraph = int(self.spans.paragraph[row] - bases.paragraphs[number])
        rows = {
            "start": int(self.spans.start_row[row] - bases.starts[number]),
            "end": int(self.spans.end_row[row] - bases.ends[number]),
        }
        places = self._places(row, shard, paragraph)
        matches = [
            match for side in SIDES for match in self._side_matches(shard, side, rows[side], paragraph, places, row)
        ]
        return tuple(sorted(matches, key=lambda match: -match.contribution))

    def _places(self, row: int, shard: Shard, paragraph: int) -> list[tuple[int, int]]:
        """Return the code points of the document at which the paragraph's word pieces begin and end."""
        first, last = int(self.spans.paragraph_start[row]), int(self.spans.paragraph_end[row])
        text = self.document(int(self.spans.document[row])).passage(first, last)
        offsets = self.tokenizer.encode(text, add_special_tokens=False).offsets
        stored = int(shard.paragraph_tokens[paragraph])
        if len(offsets) != stored:
            raise IndexFormatError(
                f"{shard.path}: paragraph {paragraph} has {stored} word pieces, the encoder's tokenizer makes "
                f"{len(offsets)} of its text; the index is damaged or has another encoder, rebuild it"
            )
        return [(first + begin, first + end) for begin, end in offsets]

    def _side_matches(
        self, shard: Shard, side: Side, side_row: int, paragraph: int, places: list[tuple[int, int]], row: int
    ) -> list[SparseMatch]:
        if self.ngrams is None or self.scale is None:
            return []
        stored = shard.sparse(side)
        mine = slice(*stored.piece_ptr[paragraph : paragraph + 2])
        place = side_row - int(getattr(shard, f"paragraph_{side}_ptr")[paragraph])
        token = shard.row_tokens(side, paragraph)[place : place + 1]
        queries, keys = stored.queries[side_row : side_row + 1], stored.keys[mine]
        if stored.books.queries.shape[1]:
            heads = slice(2 * stored.side, 2 * stored.side + 2)
            queries = plain_factors(queries, stored.books.queries[heads], stored.books.query_column[heads])
            keys = plain_factors(keys, stored.books.keys, stored.books.key_column)
        weights = sparse_weights(queries, token, keys, self.scale, stored.side)[:, 0].T
        asked = ngram_weights(shard.token_ids[mine].astype(np.int32), self.ngrams, stored.side).T
        document = self.document(int(self.spans.document[row]))
        matches = []
        for place, order in np.argwhere(weights * asked).tolist():
            start, end = places[place][0], places[place + order][1]
            text_weight, question_weight = float(weights[place, order]), float(asked[place, order])
            matches.append(
                SparseMatch(
                    ngram=document.passage(start, end),
                    side=side,
                    order=order + 1,
                    start=start,
                    end=end,
                    text_weight=text_weight,
                    question_weight=question_weight,
                    contribution=text_weight * question_weight,
                )
            )
        return matches
