"""From text to terms."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.errors import IndexFormatError
from densephrase.terms import analyser as analyser_module
from densephrase.terms.analyser import LANGUAGES, Analyser


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Who wrote Hamlet?", ["wrote", "hamlet"], id="question word"),
        pytest.param("running runs run", ["run", "run", "run"], id="inflections"),
        pytest.param("Shakespeare's plays", ["shakespear", "play"], id="possessive"),
        pytest.param("What is it?", [], id="only stop words"),
        pytest.param("", [], id="empty"),
        pytest.param("Beyoncé 1981", ["beyonc", "1981"], id="accent and number"),
    ],
)
def test_english_terms(text: str, expected: list[str]) -> None:
    assert Analyser("english").terms(text) == expected


def test_without_a_language_every_word_is_a_term() -> None:
    assert Analyser("none").terms("Who was RUNNING?") == ["who", "was", "running"]


def test_a_question_in_chinese_shares_terms_with_its_text() -> None:
    analyser = Analyser("none")
    question, text = analyser.terms("誰寫了紅樓夢？"), analyser.terms("《紅樓夢》是曹雪芹寫的小說。")
    assert {"紅樓", "樓夢"} <= set(question) & set(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_gives_the_same_analyser_back(language: str) -> None:
    assert Analyser.from_name(Analyser(language).name).language == language


@pytest.mark.parametrize("name", ["", "english", "english-0", "klingon-1"])
def test_an_unknown_name_says_what_is_known(name: str) -> None:
    with pytest.raises(IndexFormatError, match="english-1, none-1"):
        Analyser.from_name(name)


def test_an_unknown_language_names_the_choices() -> None:
    with pytest.raises(ValueError, match="english, none"):
        Analyser("klingon")


@given(st.lists(st.sampled_from(["running", "quickly", "the", "generously", "x"])))
def test_a_full_cache_changes_nothing(words: list[str]) -> None:
    text = " ".join(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analyser_module, "_CACHED_STEMS", 2)
        small = Analyser("english").terms(text)
    assert small == Analyser("english").terms(text)


def test_threads_share_an_analyser() -> None:
    analyser = Analyser("english")
    texts = [" ".join(f"words{i} running{i % 7}" for i in range(start, start + 50)) for start in range(0, 400, 10)]
    with ThreadPoolExecutor(4) as pool:
        shared = list(pool.map(analyser.terms, texts))
    assert shared == [Analyser("english").terms(text) for text in texts]
