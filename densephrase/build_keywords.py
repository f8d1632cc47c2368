"""The options of a build as editors and mypy know them; the facade has them without loading the builder."""

from __future__ import annotations

from typing import TypedDict

from densephrase.index.format.profile import Profile
from densephrase.terms.language import Language


class BuildKeywords(TypedDict, total=False):
    """The fields of `densephrase.build_index.run.options.BuildOptions`, which says what each means."""

    shard_characters: int
    flat_limit: int
    lists: int | None
    list_dimensions: int
    profile: Profile
    language: Language
    seed: int
    skip_bad: bool
    document_bytes: int
    quotes: bool


class PassageBuildKeywords(TypedDict, total=False):
    """The fields of `densephrase.build_index.passages.passage_options.PassageBuildOptions`."""

    shard_characters: int
    flat_limit: int
    lists: int | None
    language: Language
    seed: int
    skip_bad: bool
    document_bytes: int
    quotes: bool
