"""The truth that every search is compared with: plain loops over the stored rows of an index.

It shares no code with the search but the analyser and the answer normalisation: BM25 is computed from the texts,
vectors are decoded to float64, and every pair of a start and an end is tried.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.index.shard import Shard
from densephrase.metrics import normalise_answer

_DECIMALS = 7  # scores this close are taken for equal, because they were added up in different orders


@dataclass(frozen=True)
class Hit:
    """A start with its best end: rows and offsets, the score and its parts in the order of `ScoreParts`."""

    document: int
    start: int
    end: int
    text: str
    parts: tuple[float, ...]

    @property
    def score(self) -> float:
        """The sum of the parts."""
        return sum(self.parts)

    @property
    def order(self) -> tuple[float, int, int, int]:
        """Best score first, then the order of the corpus."""
        return (-round(self.score, _DECIMALS), self.document, self.start, self.end)


def oracle_answers(
    reader: IndexReader,
    encoder: Any,
    question: str,
    *,
    top_k: int,
    max_answer_tokens: int,
    paragraph_weight: float,
    document_weight: float,
    sparc: bool = True,
) -> list[list[Hit]]:
    """Return the best groups of identical answers, best first, each with all its members, best first."""
    paragraph_terms, document_terms = _term_scores(reader, question)
    vectors = encoder.encode_questions([question])
    hits = []
    for number, shard in enumerate(reader.shards):
        starts = _decode(shard.start_codes, encoder.start_quantiser)
        ends = _decode(shard.end_codes, encoder.end_quantiser)
        sparse = [_sparse_scores(shard, side, vectors, encoder, sparc) for side in ("start", "end")]
        for paragraph in range(shard.counts.paragraphs):
            document = int(shard.paragraph_document[paragraph] + reader.bases.documents[number])
            terms = (
                paragraph_weight * paragraph_terms[int(reader.bases.paragraphs[number]) + paragraph],
                document_weight * document_terms[document],
            )
            text = reader.document(document).text
            for start in range(shard.paragraph_start_ptr[paragraph], shard.paragraph_start_ptr[paragraph + 1]):
                best = _best_end(shard, paragraph, start, starts, ends, sparse[1], vectors, max_answer_tokens)
                if best is not None:
                    origin = int(shard.paragraph_start[paragraph])
                    first, last = origin + int(shard.start_char[start]), origin + int(shard.end_char[best[0]])
                    parts = (*best[1:], *terms, sparse[0][start], sparse[1][best[0]])
                    hits.append(Hit(document, first, last, text[first:last], parts))
    return _groups(sorted(hits, key=lambda hit: hit.order), top_k)


def _decode(codes: NDArray[np.int8], quantiser: Any) -> NDArray[np.float64]:
    return codes.astype(np.float64) * quantiser.scale.astype(np.float64) + quantiser.offset.astype(np.float64)


def _best_end(
    shard: Shard,
    paragraph: int,
    start: int,
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    sparse: Sequence[float],
    vectors: Any,
    max_answer_tokens: int,
) -> tuple[int, float, float, float] | None:
    """Return end row, start score, end score and coherency; the first of the best ends."""
    size = vectors.start.shape[1]
    start_score = _product(starts[start, :size], vectors.start[0])
    best, best_score = None, 0.0
    for end in range(shard.paragraph_end_ptr[paragraph], shard.paragraph_end_ptr[paragraph + 1]):
        if not 0 <= int(shard.end_token[end]) - int(shard.start_token[start]) < max_answer_tokens:
            continue
        end_score = _product(ends[end, :size], vectors.end[0])
        coherency = _product(starts[start, size:], ends[end, size:])
        score = round(end_score + coherency + sparse[end], _DECIMALS)
        if best is None or score > best_score:
            best, best_score = (end, start_score, end_score, coherency), score
    return best


def _product(left: NDArray[np.float64], right: NDArray[Any]) -> float:
    return math.fsum((left * right.astype(np.float64)).tolist())


def _sparse_scores(shard: Shard, side: str, vectors: Any, encoder: Any, sparc: bool) -> list[float]:
    """Return the product of each row's sparse vector with the question's, n-gram by n-gram; 0 without any."""
    tokens = getattr(shard, f"{side}_token").tolist()
    if not sparc or vectors.sparse is None:
        return [0.0] * len(tokens)
    question = _question_weights(vectors.sparse[0], ("start", "end").index(side), encoder.sparse_scale)
    number = ("start", "end").index(side)
    queries, keys = getattr(shard, f"{side}_sparse").astype(int), shard.token_keys.astype(int)
    rank, pieces = queries.shape[1] // 2, shard.token_ids.tolist()
    scores, first = [], 0
    for paragraph, length in enumerate(shard.paragraph_tokens.tolist()):
        mine = pieces[first : first + length]
        for row in range(*getattr(shard, f"paragraph_{side}_ptr")[paragraph : paragraph + 2]):
            score = []
            for order in (0, 1):
                for place in range(length - order):
                    head = (2 * number + order) * rank
                    product = int(queries[row, order * rank :][:rank] @ keys[first + place, head : head + rank])
                    ngram = tuple(mine[place : place + 1 + order])
                    if product > 0 and tokens[row] not in range(place, place + order + 1):
                        score.append(product * question.get(ngram, 0.0))
            scores.append(math.fsum(score))
        first += length
    return scores


def _question_weights(ngrams: Any, side: int, scale: NDArray[np.float32]) -> dict[tuple[int, ...], float]:
    """Return what each n-gram of a question adds for each unit of a product of codes."""
    weights: dict[tuple[int, ...], float] = {}
    for piece, weight in zip(ngrams.unigrams.tolist(), ngrams.unigram_weights[side].tolist(), strict=True):
        weights[(piece,)] = weight * float(scale[2 * side])
    for pair, weight in zip(ngrams.bigrams.tolist(), ngrams.bigram_weights[side].tolist(), strict=True):
        weights[divmod(pair, 2**32)] = weight * float(scale[2 * side + 1])
    return weights


def _term_scores(reader: IndexReader, question: str) -> tuple[list[float], list[float]]:
    """Return BM25 of each paragraph (title and text) and each document (title and all paragraphs)."""
    analyse = reader.terms.analyser.terms
    paragraphs: list[list[str]] = []
    documents: list[list[str]] = []
    for number, shard in enumerate(reader.shards):
        for row in range(shard.counts.documents):
            document = reader.document(int(reader.bases.documents[number]) + row)
            title = analyse(document.title)
            mine = range(shard.document_paragraph_ptr[row], shard.document_paragraph_ptr[row + 1])
            texts = [analyse(document.text[shard.paragraph_start[p] : shard.paragraph_end[p]]) for p in mine]
            paragraphs += [title + text for text in texts]
            documents.append(sum(texts, title))
    terms = analyse(question)
    return _bm25(paragraphs, terms, reader.terms.paragraphs.bm25), _bm25(documents, terms, reader.terms.documents.bm25)


def _bm25(texts: Sequence[Sequence[str]], terms: Sequence[str], parameters: Any) -> list[float]:
    k1, b = parameters.k1, parameters.b
    counts = [Counter(text) for text in texts]
    average = sum(map(len, texts)) / max(len(texts), 1) or 1.0
    scores = [0.0] * len(texts)
    for term in terms:
        containing = sum(term in count for count in counts)
        idf = math.log(1 + (len(texts) - containing + 0.5) / (containing + 0.5))
        for row, (text, count) in enumerate(zip(texts, counts, strict=True)):
            norm = k1 * (1 - b + b * len(text) / average)
            scores[row] += idf * (k1 + 1) * count[term] / (count[term] + norm) if count[term] else 0.0
    return scores


def _groups(hits: Sequence[Hit], top_k: int) -> list[list[Hit]]:
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(normalise_answer(hit.text) or hit.text.casefold(), []).append(hit)
    return list(groups.values())[:top_k]
