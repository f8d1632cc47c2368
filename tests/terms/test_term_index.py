"""The inverted index: written, mapped, and scored as a plain BM25 over counters does."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.plain_terms import score_terms
from densephrase.errors import BuildError, IndexFormatError
from densephrase.storage.columns import checksum_columns, map_columns, write_columns
from densephrase.terms.analyser import Analyser
from densephrase.terms.bm25 import BM25
from densephrase.terms.term_index import TermIndex, write_term_index
from tests.soaking import examples

Paragraph = tuple[int, str, str]

PARAGRAPHS: list[Paragraph] = [
    (0, "Hamlet", "Hamlet is a tragedy written by William Shakespeare."),
    (0, "Hamlet", "The play is set in Denmark."),
    (2, "Beyoncé", "Beyoncé was born in Houston; Beyoncé sings."),
    (3, "紅樓夢", "《紅樓夢》是曹雪芹寫的小說。"),
]
PARAMETERS = [BM25(k1=0.9, b=0.4), BM25(k1=1.5, b=1.0)]

text = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=8).map(" ".join)
corpus = st.lists(st.tuples(st.integers(0, 2), text, text), max_size=10)


def built(path: Path, paragraphs: Sequence[Paragraph], language: str = "english") -> TermIndex:
    write_term_index(path, paragraphs, Analyser(language))
    return TermIndex.open(path, *PARAMETERS)


def bm25(question: list[str], texts: list[list[str]], parameters: BM25) -> list[float]:
    """Score every text by the formula, term by term."""
    average = sum(map(len, texts)) / len(texts) if texts else 0
    scores = []
    for terms in texts:
        tf, score = Counter(terms), 0.0
        norm = parameters.k1 * (1 - parameters.b + parameters.b * len(terms) / average) if average else 0.0
        for term in question:
            n = sum(term in other for other in texts)
            idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            score += idf * tf[term] * (parameters.k1 + 1) / (tf[term] + norm) if tf[term] else 0.0
        scores.append(score)
    return scores


def texts_of(paragraphs: Sequence[Paragraph], analyser: Analyser) -> tuple[list[list[str]], list[list[str]]]:
    documents: list[list[str]] = [[] for _ in range(max((row for row, _, _ in paragraphs), default=-1) + 1)]
    seen: set[int] = set()
    for row, title, body in paragraphs:
        documents[row] += analyser.terms(body) if row in seen else analyser.terms(f"{title} {body}")
        seen.add(row)
    return [analyser.terms(f"{title} {body}") for _, title, body in paragraphs], documents


def ascending(steps: list[tuple[int, str, str]]) -> list[Paragraph]:
    rows = np.cumsum([step for step, _, _ in steps])
    return [(int(row), title, body) for row, (_, title, body) in zip(rows, steps, strict=True)]


@settings(max_examples=examples(60), deadline=None)
@given(steps=corpus, question=st.lists(st.sampled_from(["a", "b", "c", "d", "x"]), max_size=6))
def test_scores_equal_plain_bm25(
    steps: list[tuple[int, str, str]], question: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    paragraphs = ascending(steps)
    scores = score_terms(built(tmp_path_factory.mktemp("terms") / "terms.h5", paragraphs, "none"), question)
    paragraph_texts, document_texts = texts_of(paragraphs, Analyser("none"))
    np.testing.assert_allclose(scores.paragraph, bm25(question, paragraph_texts, PARAMETERS[0]), rtol=1e-5)
    np.testing.assert_allclose(scores.document, bm25(question, document_texts, PARAMETERS[1]), rtol=1e-5)


@settings(max_examples=examples(40), deadline=None)
@given(steps=corpus, question=st.lists(st.sampled_from(["a", "b", "c", "d", "x"]), max_size=6))
def test_contributions_are_plain_bm25_of_one_term(
    steps: list[tuple[int, str, str]], question: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    paragraphs = ascending(steps)
    index = built(tmp_path_factory.mktemp("terms") / "terms.h5", paragraphs, "none")
    paragraph_texts, document_texts = texts_of(paragraphs, Analyser("none"))
    for row, (document, _, _) in enumerate(paragraphs):
        found = index.contributions(question, row)
        assert {term for term, _, _ in found} == set(question) & {term for text in paragraph_texts for term in text}
        for term, paragraph_score, document_score in found:
            asked = [term] * question.count(term)
            assert paragraph_score == pytest.approx(bm25(asked, paragraph_texts, PARAMETERS[0])[row], rel=1e-5)
            assert document_score == pytest.approx(bm25(asked, document_texts, PARAMETERS[1])[document], rel=1e-5)


@settings(max_examples=examples(40), deadline=None)
@given(steps=corpus, question=st.lists(st.sampled_from(["a", "b", "c"]), max_size=4), k=st.integers(1, 12))
def test_top_is_the_start_of_the_full_order(
    steps: list[tuple[int, str, str]], question: list[str], k: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paragraphs = ascending(steps)
    scores = score_terms(built(tmp_path_factory.mktemp("terms") / "terms.h5", paragraphs, "none"), question)
    totals = np.float32(0.7) * scores.paragraph + np.float32(0.3) * scores.document[scores.paragraph_document]
    expected = sorted(np.flatnonzero(scores.paragraph > 0), key=lambda row: (-totals[row], row))[:k]
    rows = scores.top(k, 0.7, 0.3)
    assert rows.dtype == np.int64
    assert rows.tolist() == expected


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        pytest.param("Who wrote the tragedies of Shakespeare?", [0], id="stemmed"),
        pytest.param("Where was Beyonce born?", [2], id="accent left out"),
        pytest.param("hamlet", [0, 1], id="a title counts in each paragraph"),
        pytest.param("紅樓夢的作者是誰", [3], id="Chinese"),
        pytest.param("Who is it?", [], id="only stop words"),
        pytest.param("", [], id="empty question"),
        pytest.param("zebra", [], id="unknown term"),
    ],
)
def test_questions_find_their_paragraphs(question: str, rows: list[int], tmp_path: Path) -> None:
    index = built(tmp_path / "terms.h5", PARAGRAPHS)
    assert score_terms(index, index.analyser.terms(question)).top(10, 1.0, 0.0).tolist() == rows


def test_a_question_without_known_terms_scores_nothing(tmp_path: Path) -> None:
    scores = score_terms(built(tmp_path / "terms.h5", PARAGRAPHS), ["zebra"])
    assert not scores.paragraph.any()
    assert not scores.document.any()
    assert (scores.paragraph.dtype, scores.document.dtype) == (np.float32, np.float32)


def test_a_repeated_term_counts_as_often_and_order_does_not_matter(tmp_path: Path) -> None:
    index = built(tmp_path / "terms.h5", PARAGRAPHS)
    np.testing.assert_array_equal(
        score_terms(index, ["play", "play"]).paragraph, 2 * score_terms(index, ["play"]).paragraph
    )
    terms = ["play", "denmark", "hamlet", "play"]
    np.testing.assert_array_equal(score_terms(index, terms).paragraph, score_terms(index, terms[::-1]).paragraph)


def test_equal_paragraphs_keep_their_order(tmp_path: Path) -> None:
    index = built(tmp_path / "terms.h5", [(row, "", "the same words") for row in range(9)])
    assert score_terms(index, ["same"]).top(5, 1.0, 1.0).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("paragraphs", [[], [(0, "", "")], [(0, "", "one word")]], ids=["none", "one empty", "one"])
def test_the_smallest_collections_can_be_searched(paragraphs: list[Paragraph], tmp_path: Path) -> None:
    scores = score_terms(built(tmp_path / "terms.h5", paragraphs), ["word"])
    assert scores.paragraph.size == len(paragraphs)
    assert scores.top(5, 1.0, 1.0).tolist() == [row for row, _, body in paragraphs if body]


@pytest.mark.parametrize(("rows", "place"), [((0, 2, 1), 2), ((-1,), 0)], ids=["descending", "negative"])
def test_rows_out_of_order_are_refused(rows: tuple[int, ...], place: int, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"Paragraph {place} belongs to document row {rows[place]}"):
        write_term_index(tmp_path / "terms.h5", [(row, "", "text") for row in rows], Analyser())
    assert not (tmp_path / "terms.h5").exists()


def test_the_same_paragraphs_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.h5", tmp_path / "second.h5"
    checksums = write_term_index(first, PARAGRAPHS, Analyser())
    assert write_term_index(second, iter(PARAGRAPHS), Analyser()) == checksums == checksum_columns(first)
    assert first.read_bytes() == second.read_bytes()


def test_the_vocabulary_is_sorted_and_holds_no_weights(tmp_path: Path) -> None:
    index = built(tmp_path / "terms.h5", PARAGRAPHS)
    vocabulary = list(index.vocabulary)
    assert vocabulary == sorted(set(vocabulary))
    assert index.paragraphs.tf.dtype == np.uint16
    assert index.documents.length.tolist()[1] == 0  # row 1 has no paragraph


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        pytest.param("paragraph_ptr", [5, 5], "paragraph_ptr", id="pointers of another size"),
        pytest.param("paragraph_ptr", None, "does not divide", id="pointers that run back"),
        pytest.param("paragraph_document", [0, 0, 2, 9], "names document rows 0 to 9", id="document out of range"),
        pytest.param("document_tf", [1], "document_tf", id="too few frequencies"),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    column: str, value: list[int] | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "terms.h5"
    built(path, PARAGRAPHS)
    columns = dict(map_columns(path))
    columns[column] = columns[column][::-1].copy() if value is None else np.array(value, columns[column].dtype)
    write_columns(path, columns, {"analyser": "english-1"})
    with pytest.raises(IndexFormatError, match=message):
        TermIndex.open(path)


def test_a_posting_of_no_paragraph_is_found_when_it_is_scored(tmp_path: Path) -> None:
    path = tmp_path / "terms.h5"
    built(path, PARAGRAPHS)
    columns = dict(map_columns(path))
    columns["paragraph_ids"] = np.full_like(columns["paragraph_ids"], 4)
    write_columns(path, columns, {"analyser": "english-1"})
    with pytest.raises(IndexFormatError, match="names text 4 of 4"):
        score_terms(TermIndex.open(path), ["hamlet"])


def test_an_index_of_another_analyser_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "terms.h5"
    built(path, PARAGRAPHS)
    write_columns(path, dict(map_columns(path)), {})
    with pytest.raises(IndexFormatError, match="text analyser ''"):
        TermIndex.open(path)
