"""Hard negatives: passages that a retriever ranks high for a question, without its answer (DPR, section 3.2)."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import TrainingError
from densephrase.kernels.coarse import best_columns
from densephrase.metrics import has_answer
from densephrase.terms.analyser import Analyser
from densephrase.training.data.term_scores import bm25_weights, count_terms, make_vocabulary
from densephrase.training.retriever.config import GIVEN, RetrieverTrainingConfig
from densephrase.training.retriever.examples import PassagePool, PoolExample

_log = logging.getLogger(__name__)
_CHUNK = 256  # questions whose scores of all passages are held at a time
_Scores = Callable[[Sequence[str]], NDArray[np.float32]]


def mine_negatives(
    pool: PassagePool, examples: Sequence[PoolExample], config: RetrieverTrainingConfig, cache: Path, device: str
) -> NDArray[np.int32]:
    """Return the hard negatives of each example, numbers of the pool, int32 [examples, sources * kept], -1 for none.

    The best `negatives_depth` passages by each source, less the gold one and those that hold an answer; the first
    `negatives_kept` of what is left. What a source gives is kept in the folder `cache`, and mined once.

    Raises EncoderError for an encoder that cannot be used, TrainingError for a damaged file of the cache.
    """
    columns = [np.full((len(examples), 0), -1, np.int32)]
    sources = {  # all are opened before the first is asked: one that is missing shows now and not after hours
        source: None if source == "bm25" else PassageEncoder.from_pretrained(source, device)
        for source in config.sources
        if source != GIVEN
    }
    for source, encoder in sources.items():
        identity = _identity(pool, examples, config, "bm25" if encoder is None else encoder.fingerprint)
        path = cache / f"negatives-{identity[:16]}.safetensors"
        mined = _read(path, identity)
        if mined is None:
            _log.info("mining hard negatives of %d questions by %s", len(examples), source)
            scores = _term_scores(pool) if encoder is None else _dense_scores(pool, encoder)
            # Without a term of the question, a passage is not taken for an answer.
            mined = _mine(pool, examples, config, scores, 0.0 if encoder is None else -np.inf)
            temporary = path.with_suffix(".tmp")
            save_file({"negatives": mined}, temporary, {"identity": identity})
            os.replace(temporary, path)
        columns.append(mined)
    return np.concatenate(columns, 1)


def _mine(
    pool: PassagePool,
    examples: Sequence[PoolExample],
    config: RetrieverTrainingConfig,
    scores: _Scores,
    least: float,
) -> NDArray[np.int32]:
    """Return the negatives among the passages that score more than `least`."""
    mined = np.full((len(examples), config.negatives_kept), -1, np.int32)
    best = np.empty((_CHUNK, min(config.negatives_depth, len(pool.passages))), np.int64)
    for first in range(0, len(examples), _CHUNK):
        members = examples[first : first + _CHUNK]
        scored = scores([example.text for example in members])
        best_columns(scored, best[: len(members)])
        for row, example in enumerate(members):
            ranked = best[row][scored[row, best[row]] > least]
            found = list(islice(_wrong(pool, example, ranked), config.negatives_kept))
            mined[first + row, : len(found)] = found
    return mined


def _wrong(pool: PassagePool, example: PoolExample, ranked: NDArray[np.int64]) -> Iterator[int]:
    """Yield the passages, best first, that are not known to answer the question and hold none of the answers."""
    known = {example.positive, *example.others, *example.negatives}
    for number in ranked.tolist():
        if number not in known and not has_answer(pool.passages[number].text, example.answers):
            yield number


def _term_scores(pool: PassagePool) -> _Scores:
    """Score by BM25 of title and text, as the term index of the same passages would."""
    analyser = Analyser()
    texts = [[*analyser.terms(passage.title), *analyser.terms(passage.text)] for passage in pool.passages]
    vocabulary = make_vocabulary(texts)
    weights = bm25_weights(count_terms(texts, vocabulary)).T.tocsr()

    def scores(questions: Sequence[str]) -> NDArray[np.float32]:
        asked = count_terms([analyser.terms(question) for question in questions], vocabulary)
        found: NDArray[np.float32] = (asked @ weights).toarray()
        return found

    return scores


def _dense_scores(pool: PassagePool, encoder: PassageEncoder) -> _Scores:
    vectors = encoder.encode_passages(pool.passages)
    return lambda questions: encoder.encode_questions(questions) @ vectors.T


def _identity(pool: PassagePool, examples: Sequence[PoolExample], config: RetrieverTrainingConfig, source: str) -> str:
    """Return a digest of everything that the negatives depend on."""
    digest = hashlib.sha256(repr((source, config.negatives_depth, config.negatives_kept)).encode())
    for item in (*pool.passages, *examples):
        digest.update(repr(item).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _read(path: Path, identity: str) -> NDArray[np.int32] | None:
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), "numpy") as file:
            known, mined = (file.metadata() or {}).get("identity"), file.get_tensor("negatives")
    except (SafetensorError, OSError) as error:
        raise TrainingError(f"{path} cannot be read ({error}); remove it to mine the negatives again.") from error
    negatives: NDArray[np.int32] = mined
    return negatives if known == identity else None
