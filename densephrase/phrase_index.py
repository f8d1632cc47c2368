"""The index as users see it: build, open, search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from densephrase.build_keywords import BuildKeywords
from densephrase.data import Answer, Document
from densephrase.errors import SearchError
from densephrase.index.index_reader import IndexReader
from densephrase.index.info import describe_index
from densephrase.search.plan.options import SearchKeywords, SearchOptions, Unit
from densephrase.search.plan.question_checks import check_questions
from densephrase.search.plan.strategies import Strategy

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
    from densephrase.encoder.question.question_encoder import QuestionEncoder
    from densephrase.encoder.question.runtime import Runtime
    from densephrase.search.searcher import Searcher


class PhraseIndex:
    """A phrase index on disk, ready to be asked.

    >>> index = PhraseIndex.open("my-index")                       # doctest: +SKIP
    >>> index.search("Who wrote Hamlet?", top_k=1)[0].text         # doctest: +SKIP
    'William Shakespeare'
    """

    def __init__(
        self,
        reader: IndexReader,
        device: str = "cpu",
        encoder_path: Path | None = None,
        runtime: Runtime = "auto",
        threads: int | None = None,
    ) -> None:
        """Wrap an opened index; `open` says what the rest is."""
        self._reader: IndexReader | None = reader
        self._device, self._runtime, self._threads = device, runtime, threads
        self._other_encoder = encoder_path

    @classmethod
    def open(
        cls,
        path: str | Path,
        device: str = "cpu",
        encoder: str | Path | None = None,
        runtime: Runtime = "auto",
        threads: int | None = None,
    ) -> Self:
        """Open a finished index; its encoder is loaded with the first search.

        device: "cpu", "cuda", "cuda:1", ... On a CUDA device questions are encoded and the rows of inverted lists are
            scanned, in a copy made with the first search (`pip install 'densephrase[gpu]'`). The choice of lists,
            terms, sparse vectors and the exact scores of candidates stay on the processor, and so does an index too
            small to have lists.
        encoder: the name or folder of another one to encode questions with, whose phrase side must be the same
            (`tune-questions` makes such encoders).
        runtime: what computes the questions' vectors: "onnx", which is fast on a processor and does not load torch,
            "torch", or "auto", which takes onnx for device "cpu" where it knows the encoder's architecture.
        threads: how many share the questions of a list (None: one for each processor); a single question takes one.

        Raises:
            IndexFormatError: if the index is missing, damaged or of another format version.
            EncoderError: if the other encoder is missing or damaged.
            SearchError: if the other encoder could not have made the rows of the index; names what is different.
        """
        reader = IndexReader.open(path)
        if encoder is None:
            return cls(reader, device, runtime=runtime, threads=threads)
        from densephrase.encoder.files.location import find_encoder_folder
        from densephrase.encoder.phrase.phrase_side import check_same_phrase_side

        folder = find_encoder_folder(encoder)
        check_same_phrase_side(reader.path, reader.checked_encoder(), folder)
        return cls(reader, device, folder, runtime, threads)

    @classmethod
    def build(
        cls,
        corpus: str | Path | Iterable[Document],
        path: str | Path,
        encoder: str | Path | PhraseEncoder = "default",
        device: str = "cpu",
        **options: Unpack[BuildKeywords],
    ) -> Self:
        """Build an index of the corpus at `path` and open it.

        corpus: a file or folder of documents (jsonl, csv, txt, md, SQuAD json; .gz of each), or an iterable of
            `Document`, which is asked for each once.
        encoder: a loaded encoder, or the name or folder of one. Inverted lists are fitted on the encoder's device.
        device: where an encoder that is named is loaded, and where the index is opened, as in `open`.
        options: fields of `densephrase.build_index.run.options.BuildOptions`, which says what each means.

        Raises:
            CorpusError, EncoderError, DeviceError, BuildError: as reading, loading and building do.
        """
        from densephrase.build_index.pipeline import build
        from densephrase.build_index.run.options import BuildOptions
        from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

        if isinstance(encoder, str | Path):
            encoder = PhraseEncoder.from_pretrained(encoder, device)
        build(corpus, path, encoder=encoder, options=BuildOptions.of(**options))
        return cls.open(path, device)

    @overload  # a string is a sequence of strings as well: the first of these counts for it
    def search(  # type: ignore[overload-overlap]
        self,
        question: str,
        top_k: int = ...,
        strategy: Strategy = ...,
        unit: Unit = ...,
        **options: Unpack[SearchKeywords],
    ) -> list[Answer]: ...

    @overload
    def search(
        self,
        question: Sequence[str],
        top_k: int = ...,
        strategy: Strategy = ...,
        unit: Unit = ...,
        **options: Unpack[SearchKeywords],
    ) -> list[list[Answer]]: ...

    def search(
        self,
        question: str | Sequence[str],
        top_k: int = 10,
        strategy: Strategy = "hybrid",
        unit: Unit = "phrase",
        **options: Unpack[SearchKeywords],
    ) -> list[Answer] | list[list[Answer]]:
        """Return the best answers to a question, best first; a list of questions gives a list of lists.

        options: further fields of `SearchOptions`, which says what each means.

        Raises:
            SearchError: if an option is unknown or makes no sense, a question is not a string, is empty or holds half
                of a surrogate pair, or the index is closed.
            MissingExtraError, DeviceError: with the first search, if its lists cannot go to the device.
        """
        chosen = SearchOptions.of(top_k=top_k, strategy=strategy, unit=unit, **options)
        answers = self.searcher.search(check_questions(question), chosen)
        return answers[0] if isinstance(question, str) else answers

    def warm_up(self) -> None:
        """Load the encoder, compile the kernels and read the vectors, so that the first question is not slow."""
        self.searcher.warm_up()

    def info(self) -> dict[str, Any]:
        """Return counts of documents, paragraphs, tokens, starts and ends, and where the bytes go."""
        return describe_index(self.reader)

    @property
    def path(self) -> Path:
        """The folder of the index."""
        return self.reader.path

    @property
    def reader(self) -> IndexReader:
        """The files of the index: what they hold, row by row.

        Raises:
            SearchError: if the index is closed.
        """
        if self._reader is None:
            raise SearchError("The index is closed; open it again with PhraseIndex.open.")
        return self._reader

    @cached_property
    def encoder(self) -> QuestionEncoder:
        """The question side of the encoder that the index was built with, or of the one that it was opened with.

        Raises:
            IndexFormatError: if the index's own is missing, or not the one that it was built with.
            EncoderError: if it is damaged.
        """
        from densephrase.encoder.question.question_encoder import load_question_encoder
        from densephrase.search.plan.threads import check_threads

        reader = self.reader
        folder = self._other_encoder or reader.checked_encoder()
        threads = check_threads(self._threads)
        return load_question_encoder(folder, self._device, self._runtime, threads)

    @cached_property
    def searcher(self) -> Searcher:
        """The search behind `search`, which can be taken step by step (`densephrase.search.trace`).

        Raises:
            SearchError, IndexFormatError, EncoderError, MissingExtraError, DeviceError: as the first search does.
        """
        from densephrase.search.searcher import Searcher

        return Searcher(self.reader, self.encoder, self._threads, self._device)

    def close(self) -> None:
        """Let go of the mapped files and the encoder; answers already returned stay valid."""
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
        return type(self).open, (self.path, self._device, self._other_encoder, self._runtime, self._threads)

    def __repr__(self) -> str:
        if self._reader is None:
            return "PhraseIndex(closed)"
        counts = self._reader.manifest.counts
        return f"PhraseIndex({str(self._reader.path)!r}, documents={counts.documents}, starts={counts.starts})"
