"""Options of a build; all but how to read is stored in the manifest, because the index's bytes depend on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from densephrase.corpus.files.records import DOCUMENT_BYTES
from densephrase.errors import BuildError
from densephrase.terms.analyser import LANGUAGES

PROFILES = ("default", "compact")
_READING = ("skip_bad", "document_bytes", "quotes")  # what they change shows in the documents' checksums
_LARGEST_SEED = 2**31 - 1  # FAISS's is an int of C
_RANGES = {
    "shard_characters": (1, None),
    "flat_limit": (0, None),
    "lists": (1, None),
    "list_dimensions": (1, None),
    "seed": (0, _LARGEST_SEED),
    "document_bytes": (1, None),
}


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """Options of a build.

    Raises:
        BuildError: if a value is of another type, or makes no sense.
    """

    shard_characters: int = 4_000_000  # characters of text in a shard, the unit of restart (about a million tokens)
    flat_limit: int = 400_000  # up to so many start vectors are scanned flat (about 15 ms); more get inverted lists
    lists: int | None = None  # number of inverted lists; None: chosen from the number of start vectors
    list_dimensions: int = 64  # first dimensions of a start vector that its list holds; more than there are: all
    profile: str = "default"  # one of PROFILES: rows in 8 bits, or all of an index in a sixth of the bytes
    language: str = "english"  # of the term index: one of densephrase.terms.analyser.LANGUAGES
    seed: int = 0  # of the sample that the inverted lists are trained on
    skip_bad: bool = False  # leave out documents that cannot be read instead of stopping
    document_bytes: int = DOCUMENT_BYTES  # in UTF-8 that a document (record, row, article, text file) may have
    quotes: bool = True  # fields of csv and tsv in double quotes are quoted; without it, quotes are text

    @classmethod
    def of(cls, **given: Any) -> Self:
        """Return the options of these names; BuildError for a name that there is not."""
        known = [field.name for field in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise BuildError(f"There is no build option {unknown[0]!r}; there are {', '.join(known)}.")
        return cls(**given)

    def __post_init__(self) -> None:
        for name, (least, most) in _RANGES.items():
            if not (name == "lists" and self.lists is None):
                _check_whole_number(name, getattr(self, name), least, most)
        for name, known in (("language", LANGUAGES), ("profile", PROFILES)):
            value = getattr(self, name)
            if value not in known:
                raise BuildError(f"The build option {name} is {value!r}; choose one of {', '.join(known)}.")
        for name in ("skip_bad", "quotes"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise BuildError(f"The build option {name} is {value!r}; expected True or False.")

    def stored(self) -> dict[str, int | str | None]:
        """Return the options that the bytes of the index depend on."""
        return {name: value for name, value in asdict(self).items() if name not in _READING}

    def reading(self) -> dict[str, Any]:
        """Return the options of `densephrase.corpus.reader.read_corpus`."""
        return {name: getattr(self, name) for name in _READING}


def _check_whole_number(name: str, value: object, least: int, most: int | None) -> None:
    """Raise BuildError for what the manifest could not hold: 4e6, True and numpy's numbers are no whole numbers."""
    if type(value) is int and least <= value and (most is None or value <= most):
        return
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    found = f"{value!r}" if type(value) is int else f"{value!r} ({type(value).__name__})"
    raise BuildError(f"The build option {name} is {found}; expected a whole number {limits}.")
