"""An index of passages as users see it: build, open, search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, cast, overload

from densephrase.build_keywords import PassageBuildKeywords
from densephrase.data import Document, Passage
from densephrase.errors import SearchError
from densephrase.index.passages.passage_checks import verify_passages
from densephrase.index.passages.passage_info import describe_passages
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.retrieve.options import PassageKeywords
from densephrase.search.plan.question_checks import check_questions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from densephrase.encoder.passage.passage_encoder import PassageEncoder
    from densephrase.encoder.passage.passage_question_encoder import PassageQuestionEncoder
    from densephrase.encoder.question.runtime import Runtime
    from densephrase.retrieve.passage_searcher import PassageSearcher


class PassageIndex:
    """An index of passages on disk, ready to be asked.

    >>> index = PassageIndex.open("my-passages")                     # doctest: +SKIP
    >>> index.search("Who wrote Hamlet?", top_k=1)[0].text           # doctest: +SKIP
    'Hamlet is a play that was written by William Shakespeare.'
    """

    def __init__(
        self, reader: PassageReader, device: str = "cpu", runtime: Runtime = "auto", threads: int | None = None
    ) -> None:
        """Wrap an opened index; `open` says what the rest is."""
        self._reader: PassageReader | None = reader
        self._device, self._runtime, self._threads = device, runtime, threads

    @classmethod
    def open(cls, path: str | Path, device: str = "cpu", runtime: Runtime = "auto", threads: int | None = None) -> Self:
        """Open a finished index; its encoder is loaded with the first search that needs it.

        device: where questions are encoded: "cpu", "cuda", "cuda:1", ... Rows are scanned on the processor.
        runtime: what computes the questions' vectors: "onnx", which is fast on a processor and does not load torch,
            "torch", or "auto", which takes onnx for device "cpu" where it knows the encoder's architecture.
        threads: how many share the questions of a list (None: one for each processor); a single question takes one.

        Raises:
            IndexFormatError: if the index is missing, damaged, of another kind or of another format version.
        """
        return cls(PassageReader.open(path), device, runtime, threads)

    @classmethod
    def build(
        cls,
        corpus: str | Path | Iterable[Document],
        path: str | Path,
        encoder: str | Path | PassageEncoder | None = "minilm",
        device: str = "cpu",
        **options: Unpack[PassageBuildKeywords],
    ) -> Self:
        """Build an index of the corpus at `path` and open it.

        corpus: a file or folder of documents (jsonl, csv, txt, md, SQuAD json; .gz of each), an iterable of `Document`,
            which is asked for each once, or the folder of a phrase index, whose documents and paragraphs are taken.
        encoder: a loaded encoder, or the name or folder of one; None: an index of terms only, which needs no model.
        device: where an encoder that is named is loaded, and where the index is opened, as in `open`.
        options: fields of `densephrase.build_index.passages.passage_options.PassageBuildOptions`.

        Raises:
            CorpusError, EncoderError, DeviceError, BuildError: as reading, loading and building do.
            MissingExtraError: if MiniLM, or FAISS for inverted lists, is not installed.
        """
        from densephrase.build_index.passages.passage_options import PassageBuildOptions
        from densephrase.build_index.passages.passage_pipeline import build_passages

        chosen = PassageBuildOptions.of(**options)
        if isinstance(encoder, str | Path):
            from densephrase.encoder.passage.passage_encoder import PassageEncoder

            encoder = PassageEncoder.from_pretrained(encoder, device)
        build_passages(corpus, path, encoder=encoder, options=chosen)
        return cls.open(path, device)

    @overload  # a string is a sequence of strings as well: the first of these counts for it
    def search(  # type: ignore[overload-overlap]
        self, question: str, top_k: int = ..., **options: Unpack[PassageKeywords]
    ) -> list[Passage]: ...

    @overload
    def search(
        self, question: Sequence[str], top_k: int = ..., **options: Unpack[PassageKeywords]
    ) -> list[list[Passage]]: ...

    def search(
        self, question: str | Sequence[str], top_k: int = 20, **options: Unpack[PassageKeywords]
    ) -> list[Passage] | list[list[Passage]]:
        """Return the best passages for a question, best first; a list of questions gives a list of lists.

        options: fields of `densephrase.retrieve.options.PassageOptions`, which says what each means: `strategy`,
            `explain`, ... Where nothing is said, an index with vectors is searched by both these and terms.

        Raises:
            SearchError: if an option is unknown or makes no sense, a question is not a string, is empty or holds half
                of a surrogate pair, or the index is closed.
            IndexFormatError, EncoderError, DeviceError: with the first search, if the encoder cannot be loaded.
        """
        found = self.searcher.search(check_questions(question), top_k, **options)
        return found[0] if isinstance(question, str) else found

    def info(self) -> dict[str, Any]:
        """Return counts of documents, passages and tokens, and where the bytes go."""
        return describe_passages(self.reader)

    def verify(self) -> list[str]:
        """Return every problem of the index, naming file, column and row; an empty list means none. Reads all of it."""
        return verify_passages(self.path)

    @property
    def path(self) -> Path:
        """The folder of the index."""
        return self.reader.path

    @property
    def reader(self) -> PassageReader:
        """The files of the index: what they hold, row by row.

        Raises:
            SearchError: if the index is closed.
        """
        if self._reader is None:
            raise SearchError("The index is closed; open it again with PassageIndex.open.")
        return self._reader

    @cached_property
    def encoder(self) -> PassageQuestionEncoder | None:
        """The encoder that the index was built with, None for an index of terms only.

        Raises:
            IndexFormatError: if it is missing, or not the one that the index was built with.
            EncoderError: if it is damaged.
        """
        folder = self.reader.checked_encoder()
        if folder is None:
            return None
        from densephrase.encoder.passage.passage_question_encoder import load_passage_question_encoder
        from densephrase.search.plan.threads import check_threads

        return load_passage_question_encoder(folder, self._device, self._runtime, check_threads(self._threads))

    @cached_property
    def searcher(self) -> PassageSearcher:
        """The search behind `search`; its encoder is loaded when a search first needs it, which BM25 does not.

        Raises:
            SearchError, IndexFormatError: as the first search does.
        """
        from densephrase.retrieve.passage_searcher import PassageSearcher

        manifest = self.reader.manifest
        encode = None if manifest.encoder is None else self._encode_questions
        return PassageSearcher(self.reader, encode, manifest.term_weight, self._threads)

    def _encode_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        return cast("PassageQuestionEncoder", self.encoder).encode_questions(questions)

    def close(self) -> None:
        """Let go of the mapped files and the encoder; passages already returned stay valid."""
        self._reader = None
        for name in ("encoder", "searcher"):
            self.__dict__.pop(name, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path and what `open` was told: whoever unpickles opens the index there, in any process."""
        return type(self).open, (self.path, self._device, self._runtime, self._threads)

    def __repr__(self) -> str:
        if self._reader is None:
            return "PassageIndex(closed)"
        counts = self._reader.manifest.counts
        return f"PassageIndex({str(self._reader.path)!r}, documents={counts.documents}, passages={counts.paragraphs})"
