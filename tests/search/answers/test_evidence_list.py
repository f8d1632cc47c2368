"""The evidence of an answer against the tuple that it stands for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from densephrase.data import Answer, Document, Evidence, ScoreParts
from densephrase.search.answers.evidence_list import EvidenceList
from densephrase.search.plan.options import SearchOptions
from tests.search.conftest import MakeSearcher, random_documents

TEXT = "Hamlet was written by William Shakespeare."


def make(row: int) -> Evidence:
    """Return a piece of evidence that can be told from others."""
    parts = ScoreParts(float(row), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return Evidence(Document("d", TEXT), row, row + 1, 0, len(TEXT), parts.total, parts)


class Counted:
    """Makes evidence and remembers of which rows."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, row: int) -> Evidence:
        self.rows.append(row)
        return make(row)


ROWS = (4, 1, 3)
EVIDENCE = tuple(map(make, ROWS))


def test_it_reads_as_the_tuple() -> None:
    made = EvidenceList(ROWS, make)
    assert len(made) == 3
    assert tuple(made) == tuple(iter(made)) == EVIDENCE
    assert [made[place] for place in (0, 1, 2, -1, -3)] == [EVIDENCE[place] for place in (0, 1, 2, -1, -3)]
    assert repr(made) == repr(EVIDENCE)
    assert EVIDENCE[1] in made
    assert make(7) not in made
    assert made.index(EVIDENCE[2]) == 2
    assert list(reversed(made)) == list(reversed(EVIDENCE))


@pytest.mark.parametrize(
    "part", [slice(None), slice(1, None), slice(0, 1), slice(None, None, -1), slice(5, 9)], ids=str
)
def test_slices_are_tuples(part: slice) -> None:
    assert EvidenceList(ROWS, make)[part] == EVIDENCE[part]


@pytest.mark.parametrize("place", [3, -4])
def test_there_is_nothing_beyond(place: int) -> None:
    with pytest.raises(IndexError):
        EvidenceList(ROWS, make)[place]


def test_equal_members_are_equal_however_they_are_held() -> None:
    made = EvidenceList(ROWS, make)
    assert made == EVIDENCE
    assert EVIDENCE == made  # noqa: SIM300
    assert made == EvidenceList(list(ROWS), make)
    others: list[object] = [EVIDENCE[:2], EVIDENCE[::-1], list(EVIDENCE), EvidenceList((4, 1), make), None]
    assert all(made != other for other in others)


def test_only_the_first_member_is_made_before_it_is_looked_at() -> None:
    counted = Counted()
    made = EvidenceList(ROWS, counted)
    assert counted.rows == [4]
    assert (len(made), made[0]) == (3, EVIDENCE[0])
    assert counted.rows == [4]
    assert made[-1] == EVIDENCE[2]
    assert list(made) == list(EVIDENCE)
    assert sorted(counted.rows) == sorted(ROWS)  # each of them once


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_are_plain_tuples(copied: Callable[[Sequence[Evidence]], Sequence[Evidence]]) -> None:
    made = copied(EvidenceList(ROWS, make))
    assert type(made) is tuple
    assert made == EVIDENCE


def test_answers_hold_it_like_a_tuple(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3, documents=12))
    options = SearchOptions(exhaustive=True)
    [answers], [again] = (searcher.search(["Who wrote Hamlet?"], options) for _ in range(2))
    assert any(len(answer.evidence) > 1 for answer in answers)
    assert answers == again
    assert copy.deepcopy(answers) == answers
    for answer in answers:
        assert replace(answer, confidence=answer.confidence) == Answer(tuple(answer.evidence), answer.confidence)
        assert answer.score == answer.evidence[0].score == max(item.score for item in answer.evidence)
