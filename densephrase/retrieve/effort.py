"""How many inverted lists a search of passages looks into."""

from __future__ import annotations

import math

from densephrase.index.lists.list_rule import choose_probed_groups, choose_probes
from densephrase.kernels.passages import ListEffort

PROBED = 2.0  # times the lists of the rule for phrases


def choose_passage_effort(rows: int, lists: int, groups: int, probes: int | None = None) -> ListEffort:
    """Return in how many of the best lists, among those of how many groups, a question is looked for.

    probes: lists that are asked for; any number, and all lists where it is not below theirs (None: by rule).
    """
    if probes is None:
        chosen = min(lists, round(PROBED * choose_probes(rows, lists)))
        return ListEffort(chosen, choose_probed_groups(groups))
    chosen = min(probes, lists)
    return ListEffort(chosen, max(choose_probed_groups(groups), math.ceil(2 * groups * chosen / max(1, lists))))
