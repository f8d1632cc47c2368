"""Train the codebooks of a compact index (product quantisation) on paragraphs from all over the corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.compact.cloze import cloze_question
from densephrase.build_index.lists.residuals import MOST_ROWS
from densephrase.data import Document
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.index.compact.codebooks import Codebooks
from densephrase.index.compact.spelling import WordPieces
from densephrase.index.format.index_parts import HEAD_COUNT
from densephrase.quantise.product import CENTROIDS, ProductQuantiser

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

FITTED_PARAGRAPHS = 2048
_ENCODED_TOGETHER = 256
_LEAST_SHARE = 0.05  # of the strongest head's mean weight: a head below is not stored
_COMPARED = 2_048  # queries and keys, to find out

_Rows = NDArray[np.float32]


def fit_codebooks(
    documents: Iterable[Document], characters: int, encoder: PhraseEncoder, seed: int
) -> tuple[Codebooks, dict[str, _Rows]]:
    """Return codebooks for what `encoder` makes of a corpus of `characters`, and by side what rows are multiplied with.

    The same corpus, encoder and seed give the same codebooks. A small corpus is enough to build an index, though its
    codes say less.

    Raises:
        MissingExtraError: if FAISS is not installed.
    """
    sample = list(_spread(documents, max(1, characters), encoder))
    encoded = [
        item
        for first in range(0, len(sample), _ENCODED_TOGETHER)
        for item in encoder.encode_paragraphs(sample[first : first + _ENCODED_TOGETHER])
    ]
    random = np.random.default_rng(seed)
    asked = encoder.encode_questions([cloze_question(paragraph.text, random) for paragraph in sample] or [""])
    size = encoder.config.vector_size
    starts = encoder.start_quantiser.decode(_joined(encoded, "start_codes", encoder.config.row_size))
    ends = encoder.end_quantiser.decode(_joined(encoded, "end_codes", encoder.config.row_size))
    heads = _head_factors(encoded, encoder)
    codebooks = Codebooks(
        {head: ProductQuantiser.fit(queries, keys, 1, queries.shape[1], seed=seed) for head, queries, keys in heads},
        {head: ProductQuantiser.fit(keys, queries, 1, keys.shape[1], seed=seed) for head, queries, keys in heads},
        WordPieces.of(encoder.tokeniser.tokenizer.get_vocab()),
    )
    return codebooks, {"start": _asked(asked.start, ends[:, size:]), "end": _asked(asked.end, starts[:, size:])}


def _spread(documents: Iterable[Document], characters: int, encoder: PhraseEncoder) -> Iterator[ParagraphInput]:
    """Yield about FITTED_PARAGRAPHS paragraphs that lie equally far from each other in a corpus of `characters`."""
    passed = 0
    for document in documents:
        [paragraphs] = encoder.split_paragraphs([document.text])
        for paragraph in paragraphs:
            before, after = passed + paragraph.start, passed + paragraph.end
            if before * FITTED_PARAGRAPHS // characters != after * FITTED_PARAGRAPHS // characters:
                yield ParagraphInput(paragraph.text, document.title)
        passed += len(document.text)


def _asked(questions: _Rows, others: _Rows) -> _Rows:
    """Return what rows are multiplied with: questions, and the other side's coherency columns, which count alike.

    One code serves both: a coherency says little that the vector does not.
    """
    chosen = _thinned(others, len(questions))
    size = questions.shape[1]
    asked = np.zeros((len(questions) + len(chosen), size + others.shape[1]), np.float32)
    asked[: len(questions), :size] = questions
    asked[len(questions) :, size:] = chosen
    return asked


def _head_factors(encoded: Sequence[EncodedParagraph], encoder: PhraseEncoder) -> list[tuple[int, _Rows, _Rows]]:
    """Return (head, queries, keys) of the heads of sparse vectors that say anything."""
    rank, scale = encoder.config.sparse_rank, encoder.sparse_scale
    if scale is None:
        return []
    keys = _joined(encoded, "token_keys", HEAD_COUNT * rank)
    queries = [_joined(encoded, f"{side}_sparse", 2 * rank) for side in ("start", "end")]
    factors: list[tuple[_Rows, _Rows]] = []
    for head in range(HEAD_COUNT):
        order = head % 2
        query, key = queries[head // 2][:, order * rank : (order + 1) * rank], keys[:, head * rank : (head + 1) * rank]
        factors.append((_sample(query), _sample(key)))
    weights = [
        float(scale[head] * np.maximum(_thinned(query, _COMPARED) @ _thinned(key, _COMPARED).T, 0).mean())
        for head, (query, key) in enumerate(factors)
    ]
    return [(head, *factors[head]) for head in range(HEAD_COUNT) if weights[head] >= _LEAST_SHARE * max(weights)]


def _sample(factors: NDArray[np.int8]) -> _Rows:
    return _thinned(factors, MOST_ROWS).astype(np.float32)


def _joined(encoded: Sequence[EncodedParagraph], name: str, columns: int) -> NDArray[np.int8]:
    """Return one column of all paragraphs, of at least as many rows as there are centroids: some come repeatedly."""
    pieces: list[Any] = [getattr(item, name) for item in encoded]
    rows = np.concatenate([np.empty((0, columns), np.int8), *pieces])
    if not len(rows):
        return np.zeros((CENTROIDS, columns), np.int8)
    return rows if len(rows) >= CENTROIDS else np.resize(rows, (CENTROIDS, columns))


def _thinned(rows: NDArray[Any], most: int) -> NDArray[Any]:
    """Return at most so many rows, equally far from each other."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
