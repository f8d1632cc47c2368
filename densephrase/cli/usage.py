"""Wrong usage that only a command itself can see, after its arguments were read."""

from pathlib import Path

from densephrase.errors import DensePhraseError


class UsageError(DensePhraseError, ValueError):
    """Arguments that do not go together; the command line shows the usage and exits with 2."""


def check_outside_index(output: str, index: str) -> None:
    """Raise UsageError for an output folder inside the index that a command reads."""
    if Path(output).resolve().is_relative_to(Path(index).resolve()):
        raise UsageError(f"--output {output} lies in the index; an index keeps the encoder it was built with")
