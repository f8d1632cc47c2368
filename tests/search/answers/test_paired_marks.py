"""Halves of pairs against cases made by hand, and properties that hold for any text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.search.answers.paired_marks import paired
from tests.soaking import examples


def phrase_of(marked: str) -> str:
    """Return what becomes of the phrase between two bars."""
    before, phrase, after = marked.split("|")
    text = before + phrase + after
    first, last = paired(text, len(before), len(before) + len(phrase))
    return text[first:last]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        pytest.param("is `|8143`|.", "8143", id="backtick"),
        pytest.param("is |`8143`|.", "`8143`", id="both backticks"),
        pytest.param("by [|Nils Aas](https://example.org/~nils|) in", "Nils Aas", id="address of a link"),
        pytest.param("by |[Nils Aas](https://example.org/~nils)| in", "Nils Aas", id="whole link"),
        pytest.param("see [our |guide](https://example.org/a|#b)", "guide", id="beginning of an address"),
        pytest.param("by |Edwin Marlowe[^1]| in", "Edwin Marlowe", id="footnote"),
        pytest.param("by |Edwin Marlowe[^1|] in", "Edwin Marlowe", id="beginning of a footnote"),
        pytest.param("by |Edwin Marlowe[^|1] in", "Edwin Marlowe", id="first marks of a footnote"),
        pytest.param("was **|written by** [Nils Aas|](u)", "Nils Aas", id="halves of two pairs"),
        pytest.param("the **|bold**| one", "bold", id="asterisks"),
        pytest.param("the *|*bold*|* one", "bold", id="asterisks cut in two"),
        pytest.param("the |**bold**| one", "**bold**", id="both asterisks"),
        pytest.param("in |_1999|_.", "1999", id="underscore"),
        pytest.param("in |_1999_|.", "_1999_", id="both underscores"),
        pytest.param("(|1921)|", "1921", id="closing bracket"),
        pytest.param("|(1921|)", "1921", id="opening bracket"),
        pytest.param("call |f(x|) now", "f(x)", id="a call that lacks its end"),
        pytest.param("the |VPC\\\\)|, and", "VPC", id="escaped bracket"),
        pytest.param("the |\\\\(primary node|, and", "primary node", id="escaped bracket before it"),
        pytest.param("|a (b (c))|", "a (b (c))", id="nested brackets"),
        pytest.param("a |x[0][1|] = 2", "x[0][1]", id="subscripts"),
        pytest.param("of |mutilation (including circumcision| and", "including circumcision", id="half inside"),
        pytest.param("in |Cow Ford), the village of Eye Cross|", "the village of Eye Cross", id="joint after a cut"),
        pytest.param('said |"yes|" and', "yes", id="quote"),
        pytest.param('the |Acme "Turbo|" car', 'Acme "Turbo"', id="a quote that ends beside the phrase"),
        pytest.param('("|Hello|")', "Hello", id="nothing to do"),
        pytest.param("« |Les Misérables »| de", "Les Misérables", id="French"),
        pytest.param("|»Der Prozess| und", "Der Prozess", id="German, inward"),
        pytest.param("„|Der Prozess“| von", "Der Prozess", id="German, low and high"),
        pytest.param("|„Der Prozess“| von", "„Der Prozess“", id="both German quotes"),
        pytest.param("”|Gösta”| av", "Gösta", id="Swedish"),
        pytest.param("“|Moby-Dick”|.", "Moby-Dick", id="English"),
        pytest.param("「|東京」|は", "東京", id="Japanese"),
        pytest.param("by |Tim O'Brien| in", "Tim O'Brien", id="apostrophe"),
        pytest.param("by |Tim O’Brien| in", "Tim O’Brien", id="curly apostrophe"),
        pytest.param("the |students'| union", "students'", id="genitive"),
        pytest.param("the |students’| union", "students’", id="curly genitive"),
        pytest.param("in the |'90s| only", "'90s", id="shortened year"),
        pytest.param("play '|Hamlet'| of", "Hamlet", id="single quote"),
        pytest.param("play |'Hamlet| of Denmark' of", "Hamlet", id="single quote that ends later"),
        pytest.param("play ‘|Hamlet’| of", "Hamlet", id="curly single quote"),
        pytest.param("is |5'11\"| tall", "5'11\"", id="feet and inches"),
        pytest.param('a |19"| rack', '19"', id="inches"),
        pytest.param('made "in |1921"| there', "1921", id="a quote that ends with a number"),
        pytest.param("all of |3 * 4| is", "3 * 4", id="product"),
        pytest.param("all |*.txt| files", "*.txt", id="file pattern"),
        pytest.param("use |COUNT(*)| here", "COUNT(*)", id="asterisk alone in brackets"),
        pytest.param("set |max_open_files| to", "max_open_files", id="underscores in a name"),
        pytest.param("the |__init__| file", "__init__", id="underscores around a name"),
        pytest.param("the |_private| name", "_private", id="underscore before a name"),
        pytest.param('|["a","b"]|', '["a","b"]', id="list of strings"),
        pytest.param("say |(|) now", "(", id="nothing but a half"),
        pytest.param("say |( ,|) now", ",", id="next to nothing"),
        pytest.param("Who |wrote it|?", "wrote it", id="no mark"),
    ],
)
def test_halves_of_pairs(marked: str, expected: str) -> None:
    assert phrase_of(marked) == expected


TEXTS = st.text(alphabet="ab1 .,()[]\"'`*_“”„«»‘’^\u0301", min_size=1, max_size=30)


@given(TEXTS, st.data())
def test_a_phrase_stays_inside_the_text_and_is_never_empty(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = paired(text, start, end)
    assert 0 <= first < last <= len(text)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        pytest.param(" ]([a", "a", id="the end of a link without words"),
        pytest.param("b(.'*[^)]", "b(.'*[^)]", id="a bracket in what is no footnote"),
        pytest.param(". `'](b[", "b", id="nothing but halves around a word"),
    ],
)
def test_what_is_left_of_halves_alone(text: str, phrase: str) -> None:
    first, last = paired(text, 0, len(text))
    assert text[first:last] == phrase


@settings(max_examples=examples(1000), deadline=None)
@given(st.text(alphabet="ab ()[]{}^*`\"'.", min_size=1, max_size=30), st.data())
def test_brackets_come_as_pairs(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = paired(text, start, end)
    if any(character.isalpha() for character in text[start:end]):
        for opening, closing in ("()", "[]", "{}"):
            depth = 0
            for character in text[first:last]:
                depth += (character == opening) - (character == closing)
                assert depth >= 0
            assert depth == 0
