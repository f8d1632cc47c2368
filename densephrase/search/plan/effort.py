"""Effort of a search: numbers of candidates and of inverted lists that are probed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from densephrase.index.lists.list_rule import choose_probed_groups, choose_probes
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import COMPACT, DEFAULTS

_EVERYTHING = 2**62
_STARTS_OF_AN_ANSWER = 10  # several starts say the same
_STARTS_OF_A_PARAGRAPH = 10  # on average, out of about forty


@dataclass(frozen=True, slots=True)
class Effort:
    """What both sides propose.

    starts: of the dense side, out of `probes` inverted lists, which are chosen among those of the best `groups`.
    paragraphs: of the sparse side.
    most_starts: of all these, those with the best start vectors and terms get their ends and sparse scores.
    """

    starts: int
    probes: int
    groups: int
    paragraphs: int
    most_starts: int

    @classmethod
    def choose(
        cls, options: SearchOptions, rows: int, lists: int, groups: int, is_compact: bool = False, growth: int = 1
    ) -> Effort:
        """Return what the options ask for, with `growth` times the strategy's defaults where they leave it open.

        A side that the strategy does not use proposes nothing. Exhaustive search takes every start; sparse-first every
        paragraph that shares a term with the question. `rows`, `lists` and `groups` are those of the index, whose rows
        are product-quantised if it `is_compact`.
        """
        default = (COMPACT if is_compact else DEFAULTS)[options.strategy]
        if options.exhaustive:
            starts, paragraphs = (_EVERYTHING, 0) if default.starts else (0, _EVERYTHING)
            return cls(starts, 0, 0, paragraphs, _EVERYTHING)
        return cls(
            (options.dense_candidates or growth * default.starts) if default.starts else 0,
            options.probes or growth * max(1, round(default.probed * choose_probes(rows, lists))),
            growth * _probed_groups(options, default.probed, lists, groups),
            (options.paragraph_candidates or growth * default.paragraphs) if default.paragraphs else 0,
            _most_starts(options, growth * default.most_starts),
        )


def _most_starts(options: SearchOptions, default: int) -> int:
    """Return how many starts get ends: all that are asked for, some of each paragraph, and enough for the answers."""
    return max(
        default,
        options.dense_candidates or 0,
        _STARTS_OF_A_PARAGRAPH * (options.paragraph_candidates or 0),
        _STARTS_OF_AN_ANSWER * options.top_k,
        options.evidence_spans,
    )


def _probed_groups(options: SearchOptions, probed: float, lists: int, groups: int) -> int:
    """Return out of how many groups the lists are chosen; more than by the rule where more lists are asked for."""
    if options.probes is None:
        return max(1, round(min(1.0, probed) * choose_probed_groups(groups)))
    return max(choose_probed_groups(groups), math.ceil(2 * groups * min(1.0, options.probes / max(1, lists))))
