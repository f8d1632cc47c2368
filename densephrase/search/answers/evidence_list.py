"""The evidence of an answer, made when it is looked at: most of it never is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, overload

from densephrase.data import Evidence


class EvidenceList(Sequence[Evidence]):
    """Behaves as the tuple of its members, which `make` makes of rows; the first one exists from the beginning.

    It keeps the index mapped for as long as it has members to make.
    """

    def __init__(self, rows: Sequence[int], make: Callable[[int], Evidence]) -> None:
        """Take the rows, at least one."""
        self._rows, self._make = rows, make
        self._first = make(rows[0])

    @cached_property
    def _members(self) -> tuple[Evidence, ...]:
        return (self._first, *map(self._make, self._rows[1:]))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Evidence: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Evidence]: ...

    def __getitem__(self, place: int | slice) -> Evidence | Sequence[Evidence]:
        """Return a member, or a tuple of some; IndexError where there is none."""
        return self._first if place == 0 else self._members[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple | EvidenceList) and self._members == tuple(other)

    def __hash__(self) -> int:
        """Return the hash of the tuple that it equals."""
        return hash(self._members)

    def __repr__(self) -> str:
        return repr(self._members)

    def __reduce__(self) -> Any:
        """Turn copies and pickles into plain tuples: they hold no index."""
        return tuple, (self._members,)
