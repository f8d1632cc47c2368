"""Smoke test of an encoder that is loaded: a first text, and results that are finite numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import DensePhraseError, EncoderError

# Words, digits, marks, an accent in two parts, other scripts, a character without a meaning: what tokenizers differ in.
PROBE = (
    "Who wrote \u201cHamlet\u201d in 1,600? cafe\u0301 \u0441\u043b\u043e\u0432\u043e \u6771\u4eac \ufdfa \U0010fffd"
)
_LONGEST = 500  # characters of an error of a library, which may list whatever a file holds


def check_finite(*results: NDArray[np.float32]) -> None:
    """Raise EncoderError for results of an encoder that are no numbers; search would compare them all the same."""
    for values in results:
        if not math.isfinite(np.vdot(values, values)):  # the fastest that sees them all
            raise EncoderError(
                "The encoder gives what is no number, as damaged or overflowing weights do; take another."
            )


@contextmanager
def library_errors(what: str) -> Iterator[None]:
    """Raise EncoderError, beginning with `what`, for whatever the libraries below raise.

    The tokenizers library raises bare Exception, and the panics of its own language, which are no Exception;
    architectures and onnxruntime have errors of their own. Interruptions and a lack of memory pass.
    """
    try:
        yield
    except (DensePhraseError, MemoryError):
        raise
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime":
            raise EncoderError(f"{what}: {type(error).__name__}: {str(error)[:_LONGEST]}") from error
        raise
