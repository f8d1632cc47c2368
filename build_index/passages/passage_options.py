"""Options of a build of passages; all but how to read is stored in the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from densephrase.build_index.run.options import CheckedOptions
from densephrase.corpus.files.records import DOCUMENT_BYTES
from densephrase.terms.language import Language


@dataclass(frozen=True, slots=True)
class PassageBuildOptions(CheckedOptions):
    """Options of a build of passages.

    Raises:
        BuildError: if a value is of another type, or makes no sense.
    """

    shard_characters: int = 4_000_000  # characters of text in a shard, the unit of restart
    flat_limit: int = 400_000  # up to so many vectors are scanned flat (4 to 10 ms); more get inverted lists
    lists: int | None = None  # number of inverted lists; None: chosen from the number of vectors
    language: Language = "english"  # of the term index
    seed: int = 0  # of the sample that the inverted lists are trained on
    skip_bad: bool = False  # leave out documents that cannot be read instead of stopping
    document_bytes: int = DOCUMENT_BYTES  # in UTF-8 that a document (record, row, article, text file) may have
    quotes: bool = True  # fields of csv and tsv in double quotes are quoted; without it, quotes are text
