"""Folders in the form of BEIR: `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`, each perhaps gzipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from densephrase.corpus.files.records import CorpusFile
from densephrase.corpus.files.source import read_lines
from densephrase.errors import CorpusError

JUDGEMENTS_FOLDER = "qrels"
_CORPUS, _QUERIES, _SUFFIX = "corpus.jsonl", "queries.jsonl", ".tsv"
_ID = '"_id"'


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """A folder that may be in the form of BEIR (Thakur et al. 2021), and the files that it then has."""

    path: Path

    @property
    def queries(self) -> Path | None:
        """The file of all queries, None where there is none."""
        return _plain_or_zipped(self.path / _QUERIES)

    @property
    def corpus(self) -> Path | None:
        """The file of documents; None where there are no queries beside it, or its first document has no `_id`."""
        corpus = _plain_or_zipped(self.path / _CORPUS)
        return corpus if corpus is not None and self.queries is not None and _ID in _first_line(corpus) else None

    @property
    def judgements(self) -> dict[str, Path]:
        """The files of judgements by the names of their splits, sorted; empty where there are none."""
        names = sorted({file.name.removesuffix(".gz") for file in (self.path / JUDGEMENTS_FOLDER).glob(f"*{_SUFFIX}*")})
        found = {name.removesuffix(_SUFFIX): _plain_or_zipped(self.path / JUDGEMENTS_FOLDER / name) for name in names}
        return {split: file for split, file in found.items() if file is not None}


def _plain_or_zipped(path: Path) -> Path | None:
    return next((file for file in (path, path.with_name(f"{path.name}.gz")) if file.is_file()), None)


def _first_line(path: Path) -> str:
    """Return the first line that is not blank, "" where it cannot be read: whoever reads the file is told why."""
    try:
        for _, line in read_lines(CorpusFile(path, path.name)):
            if not isinstance(line, CorpusError) and line.strip():
                return line
    except CorpusError:
        pass
    return ""
