"""Turn text into the terms that are indexed and asked for."""

from __future__ import annotations

from threading import local
from typing import get_args

import Stemmer

from densephrase.errors import IndexFormatError
from densephrase.terms.language import Language
from densephrase.terms.stop_words import ENGLISH_STOP_WORDS
from densephrase.terms.words import words

LANGUAGES: tuple[Language, ...] = get_args(Language)
_RULES = 1  # raised whenever the same text would give other terms; an index records it in the analyser's name
_CACHED_STEMS = 200_000


class Analyser:
    """Deterministic text analysis of one language, safe to share between threads.

    "english" drops function words and question words and stems with Snowball's English stemmer; "none" keeps every
    word as it is, for any language. Both fold accents and case and cut unspaced scripts into bigrams (`words`).
    """

    def __init__(self, language: str = "english") -> None:
        """Prepare the analysis of `language`; ValueError for one that is not in `LANGUAGES`."""
        if language not in LANGUAGES:
            raise ValueError(f"No analyser for the language {language!r}. Choose one of: {', '.join(LANGUAGES)}.")
        self.language = language
        self._stems = _EnglishStems() if language == "english" else None

    @classmethod
    def from_name(cls, name: str) -> Analyser:
        """Return the analyser that an index was built with; IndexFormatError where this version has none."""
        language, _, rules = name.rpartition("-")
        if language not in LANGUAGES or rules != str(_RULES):
            known = ", ".join(f"{language}-{_RULES}" for language in LANGUAGES)
            raise IndexFormatError(
                f"The index was built with the text analyser {name!r}, but this version knows only {known}. "
                "Build the index again, or use the version of densephrase that built it."
            )
        return cls(language)

    @property
    def name(self) -> str:
        """The language and the version of the rules; equal names give equal terms."""
        return f"{self.language}-{_RULES}"

    def terms(self, text: str) -> list[str]:
        """Return the terms of `text` in order, repeated ones repeated; empty where nothing but stop words is left."""
        if self._stems is None:
            return words(text)
        return [term for term in map(self._stems.__getitem__, words(text)) if term]


class _EnglishStems(dict[str, str]):
    """Word to stem ("" for a stop word), computed once; forgets everything when full, so that it stays bounded."""

    def __init__(self) -> None:
        super().__init__()
        # A stemmer has inner state and is not re-entrant. Each thread has its own: a lock that another thread holds
        # while the process is forked would stay closed in the new one.
        self._thread = local()

    def __missing__(self, word: str) -> str:
        stem = "" if word in ENGLISH_STOP_WORDS else self._stemmer().stemWord(word)
        if len(self) >= _CACHED_STEMS:
            self.clear()
        self[word] = stem
        return stem

    def _stemmer(self) -> Stemmer.Stemmer:
        stemmer = getattr(self._thread, "stemmer", None)
        if stemmer is None:
            stemmer = self._thread.stemmer = Stemmer.Stemmer("english", 0)
        return stemmer
