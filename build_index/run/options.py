"""Options of a build; all but how to read is stored in the manifest, because the index's bytes depend on it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from densephrase.corpus.files.records import DOCUMENT_BYTES
from densephrase.errors import BuildError
from densephrase.index.format.profile import Profile
from densephrase.option_checks import check_choices, unknown_option
from densephrase.terms.language import Language

_READING = ("skip_bad", "document_bytes", "quotes")  # what they change shows in the documents' checksums
_ABSENT = object()
_LARGEST_SEED = 2**31 - 1  # FAISS's is an int of C
_RANGES = {
    "shard_characters": (1, None),
    "flat_limit": (0, None),
    "lists": (1, None),
    "list_dimensions": (1, None),
    "seed": (0, _LARGEST_SEED),
    "document_bytes": (1, None),
}


class CheckedOptions:
    """What options of a build have in common: where they come from, and what is done with them."""

    __slots__ = ()

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Return the options of these names; BuildError for a name that there is not."""
        if unknown := unknown_option(cls, given):
            raise BuildError(f"There is no build option {unknown[0]!r}; there are {unknown[1]}.")
        return cls(**given)

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name, _ABSENT)
            if value is not _ABSENT and not (name == "lists" and value is None):
                _check_whole_number(name, value, least, most)
        check_choices(self, _wrong)

    def stored(self) -> dict[str, int | str | None]:
        """Return the options that the bytes of the index depend on."""
        names = (item.name for item in fields(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if name not in _READING}

    def reading(self) -> dict[str, Any]:
        """Return the options of `densephrase.corpus.reader.read_corpus`."""
        return {name: getattr(self, name) for name in _READING}


@dataclass(frozen=True, slots=True)
class BuildOptions(CheckedOptions):
    """Options of a build.

    Raises:
        BuildError: if a value is of another type, or makes no sense.
    """

    shard_characters: int = 4_000_000  # characters of text in a shard, the unit of restart (about a million tokens)
    flat_limit: int = 400_000  # up to so many start vectors are scanned flat (about 15 ms); more get inverted lists
    lists: int | None = None  # number of inverted lists; None: chosen from the number of start vectors
    list_dimensions: int = 64  # first dimensions of a start vector that its list holds; more than there are: all
    profile: Profile = "default"  # rows in 8 bits, or all of an index in a sixth of the bytes
    language: Language = "english"  # of the term index
    seed: int = 0  # of the sample that the inverted lists are trained on
    skip_bad: bool = False  # leave out documents that cannot be read instead of stopping
    document_bytes: int = DOCUMENT_BYTES  # in UTF-8 that a document (record, row, article, text file) may have
    quotes: bool = True  # fields of csv and tsv in double quotes are quoted; without it, quotes are text


def _check_whole_number(name: str, value: object, least: int, most: int | None) -> None:
    """Raise BuildError for what the manifest could not hold: 4e6, True and numpy's numbers are no whole numbers."""
    if type(value) is int and least <= value and (most is None or value <= most):
        return
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    found = f"{value!r}" if type(value) is int else f"{value!r} ({type(value).__name__})"
    raise BuildError(f"The build option {name} is {found}; expected a whole number {limits}.")


def _wrong(name: str, found: object, expected: str) -> BuildError:
    return BuildError(f"The build option {name} is {found!r}; expected {expected}.")
