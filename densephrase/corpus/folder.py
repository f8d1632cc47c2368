"""Scan of a corpus folder: which of its files are documents, and what else lies there."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from densephrase.corpus.files.records import Place, shorten
from densephrase.corpus.files.source import unzipped_name

_SHOWN, _LONGEST_NAME = 5, 80


@dataclass(slots=True)
class Names:
    """Names that have something in common: how many there are, and the first ones."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count a name."""
        self.count += 1
        if len(self.first) < _SHOWN:
            self.first.append(shorten(name.encode("utf-8", "backslashreplace").decode("utf-8"), _LONGEST_NAME))

    def __str__(self) -> str:
        return ", ".join([*self.first, *(["..."] if self.count > len(self.first) else [])])


@dataclass(slots=True)
class FolderContent:
    """The files of a folder that are read, as posix paths below it in sorted order, and what is passed over."""

    path: Path
    files: list[str] = field(default_factory=list)
    outside: Names = field(default_factory=Names)  # links that are read although they lead out of the folder
    passed: dict[str, Names] = field(default_factory=dict)  # what is not read, by the reason

    @classmethod
    def of(cls, path: Path, suffixes: Container[str]) -> FolderContent:
        """Look through a folder and all below it, however deep, for files of these suffixes.

        Raises CorpusError where a folder cannot be read.
        """
        content, inside = cls(path), Path(os.path.realpath(path))
        waiting = [_entries(path, "")]
        while waiting:
            name, entry = next(waiting[-1], ("", None))
            if entry is None:
                waiting.pop()
            elif entry.name.startswith("."):
                content._pass("hidden", name)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(_entries(Path(entry.path), f"{name}/"))
            elif _leads_to_folder(entry):
                content._pass("links to folders", name)
            elif format_of(name) not in suffixes:
                content._pass("of unknown suffix", name)
            else:
                content.files.append(name)
                if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(inside):
                    content.outside.add(name)
        return content

    @property
    def passed_over(self) -> str:
        """What is not read, to stand behind something; empty where all is."""
        kinds = [f"{names.count} {reason} ({names})" for reason, names in sorted(self.passed.items())]
        return f": passed over {', '.join(kinds)}" if kinds else ""

    def remarks(self) -> Iterator[str]:
        """Yield what somebody who thinks that just the files of the folder are read should know."""
        if self.passed:
            yield f"{Place(self.path)}{self.passed_over}"
        if self.outside.count:
            yield (
                f"{Place(self.path)}: {self.outside.count} links lead to files outside the folder, which are read too "
                f"({self.outside}); remove those that should not be there"
            )

    def _pass(self, reason: str, name: str) -> None:
        self.passed.setdefault(reason, Names()).add(name)


def format_of(name: str) -> str:
    """Return the suffix, in small letters and without `.gz`, that tells a file's format."""
    return unzipped_name(name).suffix.lower()


def _entries(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Return what a folder holds, sorted, with the posix paths below the corpus folder."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise Place(folder).error(f"the folder cannot be read ({error.strerror})") from error
    return ((prefix + entry.name, entry) for entry in entries)


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere or in a circle: whoever opens it is told
        return False
