"""Errors of the library: each says what was found, where, what was expected and what to do."""


class DensePhraseError(Exception):
    """Base of every error raised on purpose by this library."""


class CorpusError(DensePhraseError, ValueError):
    """A corpus file holds something that cannot be indexed."""


class QuestionError(DensePhraseError, ValueError):
    """A question file holds something that cannot be asked."""


class EncoderError(DensePhraseError, ValueError):
    """An encoder's files or settings are missing, damaged or inconsistent."""


class DeviceError(DensePhraseError, ValueError):
    """A device was asked for that is not there, or that cannot hold what it is given."""


class TrainingError(DensePhraseError, ValueError):
    """Training data, settings or a checkpoint do not fit."""


class IndexFormatError(DensePhraseError, ValueError):
    """An index on disk is missing, damaged or of another format version."""


class SearchError(DensePhraseError, ValueError):
    """A search was asked for with options that make no sense."""


class EvaluationError(DensePhraseError, ValueError):
    """A run, judgements or results are damaged or do not fit together."""


class BuildError(DensePhraseError, RuntimeError):
    """An index build cannot start or continue."""


class DiskSpaceError(BuildError, OSError):
    """The index would not fit on the disk."""


class MissingExtraError(DensePhraseError, ImportError):
    """An optional dependency is not installed; the message names the `pip install` that cures it."""

    def __init__(self, package: str, purpose: str, extra: str, instead_of: str | None = None) -> None:
        """`instead_of` is an installed package that stands in the way."""
        cure = (f"pip uninstall {instead_of} && " if instead_of else "") + f"pip install 'densephrase[{extra}]'"
        super().__init__(f"{purpose} needs the package {package!r}. Install it with: {cure}")
