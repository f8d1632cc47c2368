"""Long counts: `make soak` runs every test that counts fifty times as far as `make test` does."""

from __future__ import annotations

import os

TIMES = 50 if os.environ.get("SOAK") else 1


def examples(count: int) -> int:
    """Return how many examples a property test tries that tries `count` of them in `make test`."""
    return count * TIMES
