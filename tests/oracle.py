"""The truth that every search is compared with: plain loops over the stored rows of an index.

It shares no code with the search but the analyser, the borders of phrases and the names of answers: BM25 is computed
from the texts, vectors are decoded to float64, and every pair of a start and an end is tried. In a compact index, bytes
are decoded with its codebooks, and tokens get their places from the encoder's tokeniser.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.index.shards.shard import Shard
from densephrase.metrics import answer_name
from densephrase.search.answers.phrase_borders import phrase_borders

_DECIMALS = 7  # scores this close are taken for equal, because they were added up in different orders


@dataclass(frozen=True)
class Hit:
    """A start with its best end: the span of tokens, the phrase that is cited, the score's parts as in `ScoreParts`."""

    document: int
    span: tuple[int, int]
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
        return (-round(self.score, _DECIMALS), self.document, *self.span)


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
        starts, ends = start_rows(reader, number, encoder), end_rows(reader, number, encoder)
        tokens = [_tokens(shard, side) for side in ("start", "end")]
        sparse = [_sparse_scores(shard, side, vectors, encoder, sparc) for side in ("start", "end")]
        for paragraph in range(shard.counts.paragraphs):
            document = int(shard.paragraph_document[paragraph] + reader.bases.documents[number])
            terms = (
                paragraph_weight * paragraph_terms[int(reader.bases.paragraphs[number]) + paragraph],
                document_weight * document_terms[document],
            )
            text = reader.document(document).text
            starts_at, ends_at = _places(shard, paragraph, text, encoder)
            for start in range(shard.paragraph_start_ptr[paragraph], shard.paragraph_start_ptr[paragraph + 1]):
                best = _best_end(shard, paragraph, start, tokens, starts, ends, sparse[1], vectors, max_answer_tokens)
                if best is not None:
                    origin, stop = int(shard.paragraph_start[paragraph]), int(shard.paragraph_end[paragraph])
                    span = starts_at[tokens[0][start]], ends_at[tokens[1][best[0]]]
                    first, last = (origin + place for place in phrase_borders(text[origin:stop], *span))
                    parts = (*best[1:], *terms, sparse[0][start], sparse[1][best[0]])
                    hits.append(
                        Hit(document, (origin + span[0], origin + span[1]), first, last, text[first:last], parts)
                    )
    return _groups(sorted(hits, key=lambda hit: hit.order), top_k)


def start_rows(reader: IndexReader, number: int, encoder: Any) -> NDArray[np.float64]:
    """Return what the starts of a shard decode to, one by one."""
    if reader.lists is None or reader.codebooks is None:
        return _decode(reader.shards[number].start_codes, encoder.start_quantiser)
    rows = slice(*reader.bases.starts[number : number + 2])
    place_of = {int(row): place for place, row in enumerate(reader.lists.ids)}
    places = [place_of[row] for row in range(rows.start, rows.stop)]
    decoded = _look_up(reader.lists.codes[places], reader.lists.residuals)
    own = [sum(first <= place for first in reader.lists.list_ptr[:-1].tolist()) - 1 for place in places]
    centroids = reader.lists.tree.list_codes[own].astype(np.float64)
    size = centroids.shape[1]
    decoded[:, :size] += centroids * encoder.start_quantiser.scale[:size].astype(np.float64)
    return decoded


def end_rows(reader: IndexReader, number: int, encoder: Any) -> NDArray[np.float64]:
    """Return what the ends of a shard decode to, one by one."""
    if reader.ends is None:
        return _decode(reader.shards[number].end_codes, encoder.end_quantiser)
    shard, starts = reader.shards[number], start_rows(reader, number, encoder)
    rows = slice(*reader.bases.ends[number : number + 2])
    decoded = _look_up(reader.ends.codes[rows], reader.ends.quantiser)
    prediction, tokens = reader.ends.prediction, {side: _tokens(shard, side) for side in ("start", "end")}
    for paragraph in range(shard.counts.paragraphs):
        mine = range(*shard.paragraph_start_ptr[paragraph : paragraph + 2])
        for end in range(*shard.paragraph_end_ptr[paragraph : paragraph + 2]):
            before = [start for start in mine if tokens["start"][start] <= tokens["end"][end]]
            if before:
                decoded[end] += (starts[before[-1]] - prediction.centre) @ prediction.weights.astype(np.float64)
    return decoded


def _look_up(codes: NDArray[np.int8], quantiser: Any) -> NDArray[np.float64]:
    rows = []
    for row in codes.tolist():
        parts = [quantiser.centroids[group, byte % 256] for group, byte in enumerate(row)]
        rows.append(np.concatenate(parts).astype(np.float64))
    inner = np.array(rows).reshape(len(rows), len(quantiser.synthesis))
    decoded: NDArray[np.float64] = inner @ quantiser.synthesis.astype(np.float64) + quantiser.offset
    return decoded


def _tokens(shard: Shard, side: str) -> list[int]:
    """Return the token of its paragraph at which each row stands."""
    if shard.codebooks is None:
        tokens: list[int] = getattr(shard, f"{side}_token").tolist()
        return tokens
    bits = getattr(shard, f"{side}_kept")
    return [
        token - first
        for first, last in pairwise(shard.paragraph_token_ptr.tolist())
        for token in range(first, last)
        if bits[token // 8] >> token % 8 & 1
    ]


def _places(shard: Shard, paragraph: int, text: str, encoder: Any) -> tuple[dict[int, int], dict[int, int]]:
    """Return where each token of a paragraph begins, and where it ends, as far as rows need it."""
    if shard.codebooks is not None:
        own = text[shard.paragraph_start[paragraph] : shard.paragraph_end[paragraph]]
        offsets = encoder.tokeniser.tokenizer.encode(own, add_special_tokens=False).offsets
        return dict(enumerate(first for first, _ in offsets)), dict(enumerate(last for _, last in offsets))
    rows = (range(*getattr(shard, f"paragraph_{side}_ptr")[paragraph : paragraph + 2]) for side in ("start", "end"))
    starts, ends = rows
    return (
        {int(shard.start_token[row]): int(shard.start_char[row]) for row in starts},
        {int(shard.end_token[row]): int(shard.end_char[row]) for row in ends},
    )


def _decode(codes: NDArray[np.int8], quantiser: Any) -> NDArray[np.float64]:
    return codes.astype(np.float64) * quantiser.scale.astype(np.float64) + quantiser.offset.astype(np.float64)


def _best_end(
    shard: Shard,
    paragraph: int,
    start: int,
    tokens: Sequence[Sequence[int]],
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
        if not 0 <= tokens[1][end] - tokens[0][start] < max_answer_tokens:
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
    tokens = _tokens(shard, side)
    if not sparc or vectors.sparse is None:
        return [0.0] * len(tokens)
    question = _question_weights(vectors.sparse[0], ("start", "end").index(side), encoder.sparse_scale)
    number = ("start", "end").index(side)
    queries, keys = _factors(shard, side)
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


def _factors(shard: Shard, side: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the factors of a side's rows and of all tokens, those of heads that are left out 0."""
    queries, keys, books = getattr(shard, f"{side}_sparse"), shard.token_keys, shard.codebooks
    if books is None:
        return queries.astype(np.int64), keys.astype(np.int64)
    own = (0, 1) if side == "start" else (2, 3)
    stored = [head for head in own if head in books.queries]
    decoded = [[], []]  # type: ignore[var-annotated]
    for kind, heads, codes, columns, quantisers in (
        (0, own, queries, stored, books.queries),
        (1, range(4), keys, list(books.keys), books.keys),
    ):
        rank = next(iter(books.keys.values())).offset.size
        for head in heads:
            if head in quantisers:
                values = _look_up(codes[:, columns.index(head)][:, None], quantisers[head])
                decoded[kind].append(np.rint(values.astype(np.float32)).clip(-127, 127).astype(np.int64))
            else:
                decoded[kind].append(np.zeros((len(codes), rank), np.int64))
    return np.concatenate(decoded[0], axis=1), np.concatenate(decoded[1], axis=1)


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
    """Group hits, best first, by the names of their phrases; a phrase that is cited twice counts once."""
    groups: dict[str, list[Hit]] = {}
    cited = set()
    for hit in hits:
        place = hit.document, hit.start, hit.end
        if place not in cited:
            cited.add(place)
            groups.setdefault(answer_name(hit.text), []).append(hit)
    return list(groups.values())[:top_k]
