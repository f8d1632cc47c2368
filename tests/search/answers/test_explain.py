"""What an explained answer shares with its question, against the parts of its score and its text."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from densephrase.data import Answer, Document
from densephrase.errors import IndexFormatError
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.options import SearchOptions
from tests.conftest import make_encoder
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

QUESTION = "Which city lies at the river Seine in Paris ?"
SPARC = pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "sparc"])


def ask(make_searcher: MakeSearcher, sparc_size: int = 8, **options: Any) -> list[Answer]:
    """Return the explained answers to the question over an index of several shards."""
    encoder = FakeEncoder(sparc_size=sparc_size, vocabulary=8)
    searcher, _ = make_searcher(random_documents(2, documents=30, words=40), encoder, shard_characters=700)
    [answers] = searcher.search([QUESTION], SearchOptions(explain=True, **options))
    return answers


@SPARC
@pytest.mark.parametrize(
    "options",
    [{}, {"unit": "document"}, {"strategy": "dense-first", "paragraph_weight": 0, "document_weight": 0}],
    ids=["phrases", "documents", "no terms"],
)
def test_contributions_add_up_to_the_parts(
    options: dict[str, Any], sparc_size: int, make_searcher: MakeSearcher
) -> None:
    evidence = [one for answer in ask(make_searcher, sparc_size, **options) for one in answer.evidence]
    for one in evidence:
        assert one.sparse_matches is not None
        assert one.term_matches is not None
        for side, part in (("start", one.parts.sparc_start), ("end", one.parts.sparc_end)):
            assert sum(match.contribution for match in one.sparse_matches if match.side == side) == pytest.approx(part)
        assert sum(match.paragraph for match in one.term_matches) == pytest.approx(one.parts.paragraph_terms, rel=1e-5)
        assert sum(match.document for match in one.term_matches) == pytest.approx(one.parts.document_terms, rel=1e-5)
    assert any(one.sparse_matches for one in evidence) == bool(sparc_size)
    assert any(one.term_matches for one in evidence) == ("paragraph_weight" not in options)


def test_ngrams_are_pieces_of_the_paragraph_with_their_weights(make_searcher: MakeSearcher) -> None:
    answers = ask(make_searcher, unit="paragraph")
    tokenise = FakeEncoder(sparc_size=8, vocabulary=8).tokeniser.tokenizer.encode
    asked = set(tokenise(QUESTION).ids)
    orders = set()
    for one in (one for answer in answers for one in answer.evidence):
        assert one.sparse_matches is not None
        for match in one.sparse_matches:
            assert one.document.text[match.start : match.end] == match.ngram
            assert one.paragraph_start <= match.start < match.end <= one.paragraph_end
            assert match.contribution == pytest.approx(match.text_weight * match.question_weight)
            assert match.contribution > 0
            words = tokenise(match.ngram).ids
            assert len(words) == match.order
            assert asked >= set(words)
            orders.add(match.order)
        assert all(a.contribution >= b.contribution for a, b in pairwise(one.sparse_matches))
    assert orders == {1, 2}


def test_no_sparse_part_shows_no_ngrams(make_searcher: MakeSearcher) -> None:
    assert all(one.sparse_matches == () for answer in ask(make_searcher, sparc=False) for one in answer.evidence)


def test_terms_are_those_of_the_analyser(make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder(kept_starts=1, kept_ends=1)
    searcher, _ = make_searcher([Document("d", "cities cities\n\nthe river"), Document("e", "walls")], encoder)
    [answers] = searcher.search(["Which city at the rivers of x ?"], SearchOptions(unit="paragraph", explain=True))
    found = {answer.context: answer.evidence[0].term_matches for answer in answers}
    assert [match.term for match in found["cities cities"] or ()] == ["citi", "river"]
    assert [match.paragraph > 0 for match in found["cities cities"] or ()] == [True, False]
    assert found["walls"] == ()


def test_nothing_is_explained_unasked(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(2), FakeEncoder(sparc_size=8))
    explained = searcher.search([QUESTION], SearchOptions(explain=True))[0]
    plain = searcher.search([QUESTION], SearchOptions())[0]
    assert [answer.parts for answer in plain] == [answer.parts for answer in explained]
    for one, other in zip(plain, explained, strict=True):
        assert one.evidence[0].sparse_matches is one.evidence[0].term_matches is None
        assert set(other.to_dict()) - set(one.to_dict()) == {"sparse_matches", "term_matches"}


def test_a_text_that_was_not_encoded_is_named(make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder(sparc_size=8)
    searcher, _ = make_searcher(random_documents(2), encoder)
    encoder.tokeniser.tokenizer.encode = lambda text, add_special_tokens: FakeEncoder().tokeniser.tokenizer.encode(
        "a b"
    )
    with pytest.raises(IndexFormatError, match=r"word pieces, the encoder's tokenizer makes 2 of its text"):
        searcher.search([QUESTION], SearchOptions(explain=True))


def test_a_real_tokenizer_gives_the_ngrams_their_text(tmp_path: Path) -> None:
    """Over a paragraph of several windows, whose word pieces are smaller than words."""
    make_encoder(sparc_size=8).save_pretrained(tmp_path / "encoder")
    text = " ".join(f"The king of Paris was born in {year} by the river." for year in range(1901, 1908))
    (tmp_path / "corpus.txt").write_text("London is a city.\n\n" + text, encoding="utf-8")
    with PhraseIndex.build(tmp_path / "corpus.txt", tmp_path / "index", tmp_path / "encoder") as index:
        answers = index.search("When was the king of Paris born?", unit="paragraph", explain=True)
        shared = [one for answer in answers for one in answer.evidence if one.sparse_matches]
    assert shared
    for one in shared:
        for side, part in (("start", one.parts.sparc_start), ("end", one.parts.sparc_end)):
            matches = [match for match in one.sparse_matches or () if match.side == side]
            assert sum(match.contribution for match in matches) == pytest.approx(part)
        for match in one.sparse_matches or ():
            assert one.document.text[match.start : match.end] == match.ngram
            assert match.ngram.lower() in "when was the king of paris born"
