"""Wrong usage that only a command itself can see, after its arguments were read."""

from densephrase.errors import DensePhraseError


class UsageError(DensePhraseError, ValueError):
    """Arguments that do not go together; the command line shows the usage and exits with 2."""
