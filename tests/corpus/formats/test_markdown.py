"""Markdown files: one document each, to the letter, titled by the first heading."""

import pytest

from densephrase.corpus.formats.markdown import first_heading
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document

TEXT = "intro\r\n\r\n## The *Guide* ##\r\n\r\n- item\r\n# Later\r\n"


@pytest.mark.parametrize("name", ["guide.md", "guide.markdown", "guide.md.gz", "guide.markdown.gz"])
def test_golden_file_is_kept_to_the_letter(write, name):
    assert list(read_corpus(write(name, TEXT))) == [Document(name, TEXT, "The *Guide*")]


def test_without_a_heading_the_title_is_the_stem(write):
    assert next(read_corpus(write("guide.md.gz", "just text"))).title == "guide"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("# One\n# Two", "One", id="first-of-two"),
        pytest.param("a\r\r   ###### Deep\r", "Deep", id="carriage-returns"),
        pytest.param("One\n===\n", "One", id="underlined"),
        pytest.param("One\n\n===\n# Two", "Two", id="a-blank-line-parts-the-underline"),
        pytest.param("#hash\n####### seven\n# One", "One", id="no-headings"),
        pytest.param("    # code\n# One", "One", id="indented-code"),
        pytest.param("```sh\n# comment\n```\n# One", "One", id="fenced-code"),
        pytest.param("~~~~\n# a\n~~~\n# b\n```\n~~~~~ \n# One", "One", id="nested-fences"),
        pytest.param("```\n# never closed", "", id="open-fence"),
        pytest.param("---\n# yaml comment\ntitle: x\n---\n# One", "One", id="front-matter"),
        pytest.param("---\n# One\n", "One", id="ruler"),
        pytest.param("#\n# #\n# \n# One", "One", id="empty-headings"),
        pytest.param("# C#", "C#", id="hash-in-a-word"),
        pytest.param("# One #  ", "One", id="closing-hash"),
        pytest.param("---", "", id="only-a-ruler"),
        pytest.param("", "", id="empty"),
    ],
)
def test_first_heading(text, expected):
    assert first_heading(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("# " + " " * 5_000_000, id="spaces"),
        pytest.param("# x" + " #" * 2_500_000, id="hashes"),
        pytest.param("`" * 5_000_000, id="backticks"),
        pytest.param("\r" * 300_000, id="line-ends"),
    ],
)
def test_large_hostile_texts_are_no_trouble(text):
    assert len(first_heading(text)) <= len(text)
