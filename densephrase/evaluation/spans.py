"""The best span of one paragraph for each of its questions, over all of its stored rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder


def best_spans(
    encoder: PhraseEncoder, paragraph: EncodedParagraph, start: NDArray[np.float32], end: NDArray[np.float32]
) -> list[tuple[int, int, float] | None]:
    """Return (first character, character after the last, score) for each row of the question vectors.

    `start` and `end` are float32 [questions, vector_size]. Ties go to the smallest start, then to the smallest end;
    None where no start has an end within `max_answer_tokens`. Score: DenSPI (Seo et al. 2019), section 3.
    """
    size = encoder.config.vector_size
    first, stop = _reach(paragraph, encoder.config.max_answer_tokens)
    width = int((stop - first).max(initial=0))
    if not width:
        return [None] * len(start)
    ends = first[:, None] + np.arange(width)
    reachable = ends < stop[:, None]
    ends[~reachable] = 0
    start_rows = encoder.start_quantiser.decode(paragraph.start_codes)
    end_rows = encoder.end_quantiser.decode(paragraph.end_codes)
    coherency = np.einsum("sr,swr->sw", start_rows[:, size:], end_rows[ends, size:])
    coherency[~reachable] = -np.inf
    start_scores = start @ start_rows[:, :size].T
    end_scores = end @ end_rows[:, :size].T
    found: list[tuple[int, int, float] | None] = []
    for of_starts, of_ends in zip(start_scores, end_scores, strict=True):
        scores = of_starts[:, None] + of_ends[ends] + coherency
        i, w = divmod(int(scores.argmax()), width)
        found.append((int(paragraph.start_char[i]), int(paragraph.end_char[ends[i, w]]), float(scores[i, w])))
    return found


def _reach(paragraph: EncodedParagraph, max_answer_tokens: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each start, the range of end rows that its spans may use."""
    first = np.searchsorted(paragraph.end_token, paragraph.start_token)
    stop = np.searchsorted(paragraph.end_token, paragraph.start_token + np.int32(max_answer_tokens))
    return first, stop
