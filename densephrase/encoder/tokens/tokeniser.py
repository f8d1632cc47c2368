"""Word pieces of paragraphs and questions, and the windows that a long paragraph is cut into."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.first_use import library_errors
from densephrase.encoder.tokens.fast_tokenizer import load_fast_tokenizer, read_whole
from densephrase.encoder.tokens.windows import plan_windows
from densephrase.errors import EncoderError

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenWindow:
    """One input row of the text side; `first` is the column of token `window_start`."""

    paragraph: int  # number in the batch
    input_ids: list[int]
    first: int
    window_start: int  # paragraph token at column `first`
    own_start: int  # the window owns the paragraph tokens [own_start, own_end)
    own_end: int


@dataclass(frozen=True, slots=True)
class TokenisedParagraphs:
    """Windows of a batch of paragraphs and, per paragraph, its word pieces and their code points."""

    windows: list[TokenWindow]
    offsets: list[NDArray[np.int32]]  # [tokens, 2] each
    ids: list[NDArray[np.int32]]  # [tokens] each


class PhraseTokeniser:
    """A fast tokenizer with the window rules of an encoder."""

    def __init__(self, tokenizer: Tokenizer, config: EncoderConfig) -> None:
        self.tokenizer = read_whole(tokenizer)
        self._config = config

    @classmethod
    def load(cls, folder: Path, config: EncoderConfig) -> PhraseTokeniser:
        """Read `tokenizer.json` of an encoder's folder; EncoderError when it is missing or damaged."""
        return cls(load_fast_tokenizer(folder), config)

    def check_vocabulary(self, embedded: int) -> None:
        """Raise EncoderError when not all word pieces are among the `embedded` ones of a backbone, or special ones not.

        Nothing else looks at the numbers that the tokenizer gives: on a CUDA device, one that is not embedded would
        end the process.
        """
        config, largest = self._config, max(self.tokenizer.get_vocab().values(), default=-1)
        if largest >= embedded:
            raise EncoderError(
                f"The tokenizer has word pieces up to number {largest}, the backbone embeds {embedded}; they do not "
                "belong together."
            )
        for name in ("cls_token_id", "sep_token_id", "pad_token_id", "question_mark_id"):
            if getattr(config, name) >= embedded:
                raise EncoderError(f"{name}={getattr(config, name)} is none of the {embedded} pieces of the backbone.")
        with library_errors("The tokenizer fails at an empty text"):
            special = self.tokenizer.encode("").ids
        if len(special) == 2 and set(special) != {config.cls_token_id, config.sep_token_id}:
            raise EncoderError(
                f"The tokenizer puts texts between the pieces {special}, the configuration between cls_token_id="
                f"{config.cls_token_id} and sep_token_id={config.sep_token_id}; they do not belong together."
            )

    def paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> TokenisedParagraphs:
        """Cut paragraphs into windows `[CLS] title [SEP] tokens [SEP]`, without `title [SEP]` where none."""
        titles = self._titles([paragraph.title for paragraph in paragraphs])
        encodings = self._encode([paragraph.text for paragraph in paragraphs])
        windows: list[TokenWindow] = []
        offsets, ids = [], []
        for number, (encoding, title) in enumerate(zip(encodings, titles, strict=True)):
            windows.extend(self._windows(number, encoding.ids, title))
            offsets.append(_places(encoding, paragraphs[number].text))
            ids.append(np.array(encoding.ids, np.int32))
        return TokenisedParagraphs(windows, offsets, ids)

    def places(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return where the word pieces of each text stand, code points int32 [tokens, 2].

        Raises EncoderError when the tokenizer fails, or puts word pieces outside their text.
        """
        return [_places(encoding, text) for encoding, text in zip(self._encode(list(texts)), texts, strict=True)]

    def questions(self, questions: Sequence[str]) -> list[list[int]]:
        """Return `[CLS] question [SEP]` ids of each question; one that is too long loses its first tokens.

        What is asked mostly stands at the end. A warning is logged where any is too long.
        """
        room = self._config.max_question_tokens - 2
        encodings = self._encode(list(questions))
        cut = [number for number, encoding in enumerate(encodings) if len(encoding.ids) > room]
        if cut:
            _logger.warning(
                "%d of %d questions have more word pieces than the %d that the encoder reads, and lose their "
                "beginnings: %.80r has %d. Ask shorter ones.",
                *(len(cut), len(questions), room, questions[cut[0]], len(encodings[cut[0]].ids)),
            )
        return [[self._config.cls_token_id, *encoding.ids[-room:], self._config.sep_token_id] for encoding in encodings]

    def _titles(self, titles: Sequence[str]) -> list[list[int]]:
        room = self._config.max_title_tokens
        if not room:
            return [[] for _ in titles]
        different = list(set(titles))
        known = {title: found.ids[:room] for title, found in zip(different, self._encode(different), strict=True)}
        return [known[title] for title in titles]

    def _encode(self, texts: list[str]) -> list[Encoding]:
        with library_errors("The encoder's tokenizer fails at a text"):
            encodings: list[Encoding] = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return encodings

    def _windows(self, paragraph: int, ids: list[int], title: list[int]) -> list[TokenWindow]:
        config = self._config
        prefix = [config.cls_token_id, *title, config.sep_token_id] if title else [config.cls_token_id]
        return [
            TokenWindow(
                paragraph,
                [*prefix, *ids[window.start : window.end], config.sep_token_id],
                len(prefix),
                window.start,
                window.own_start,
                window.own_end,
            )
            for window in plan_windows(len(ids), config.window_capacity, config.window_stride)
        ]


def _places(encoding: Encoding, text: str) -> NDArray[np.int32]:
    """Return where each token begins and ends in its text, int32 [tokens, 2]; EncoderError for what lies outside."""
    places = np.array(encoding.offsets, np.int32).reshape(-1, 2)
    if len(places) and not (places.min() >= 0 and places.max() <= len(text) and (places[:, 0] <= places[:, 1]).all()):
        raise EncoderError(
            f"The tokenizer says of a text of {len(text)} characters that its tokens lie at {places.min()} to "
            f"{places.max()}, or end before they begin; take another encoder."
        )
    return places


def pad_rows(rows: Sequence[Sequence[int]], pad_token_id: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Pad rows of ids to ids int64 and mask bool, both [rows, longest]."""
    ids = np.full((len(rows), max(map(len, rows))), pad_token_id, np.int64)
    mask = np.zeros(ids.shape, bool)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = True
    return ids, mask
