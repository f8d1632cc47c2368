"""Word pieces of passages and questions: special tokens, titles, prefixes and the longest that is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Encoding, Tokenizer

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.first_use import library_errors
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.tokens.fast_tokenizer import load_fast_tokenizer, read_whole
from densephrase.errors import EncoderError


class PassageTokeniser:
    """A fast tokenizer with the rules of a passage encoder."""

    def __init__(self, tokenizer: Tokenizer, config: PassageEncoderConfig) -> None:
        self.tokenizer = read_whole(tokenizer)
        self._config = config

    @classmethod
    def load(cls, folder: Path, config: PassageEncoderConfig) -> PassageTokeniser:
        """Read `tokenizer.json` of an encoder's folder; EncoderError when it is missing or damaged."""
        return cls(load_fast_tokenizer(folder), config)

    def check_vocabulary(self, embedded: int) -> None:
        """Raise EncoderError when not all word pieces are among the `embedded` ones of a backbone.

        Also when the tokenizer itself puts texts between two other pieces than the configuration does.
        """
        config, largest = self._config, max(self.tokenizer.get_vocab().values(), default=-1)
        largest = max(largest, config.cls_token_id, config.sep_token_id, config.pad_token_id)
        if largest >= embedded:
            raise EncoderError(
                f"The tokenizer has word pieces up to number {largest}, the backbone embeds {embedded}; they do not "
                "belong together."
            )
        with library_errors("The tokenizer fails at an empty text"):
            special = self.tokenizer.encode("").ids
        if len(special) == 2 and special != [config.cls_token_id, config.sep_token_id]:
            raise EncoderError(
                f"The tokenizer puts texts between the pieces {special}, the configuration between cls_token_id="
                f"{config.cls_token_id} and sep_token_id={config.sep_token_id}; they do not belong together."
            )

    def passages(self, passages: Sequence[ParagraphInput]) -> list[list[int]]:
        """Return the ids of each passage, with its title as the configuration has it; the end of a long one is cut."""
        config = self._config
        if config.title == "text":
            texts = [f"{passage.title} {passage.text}" if passage.title else passage.text for passage in passages]
        else:
            texts = [passage.text for passage in passages]
        most, prefix = config.max_passage_tokens, config.passage_prefix
        if config.title != "segment":
            return [self._framed(row, most) for row in self._pieces([prefix + text for text in texts])]
        has_title = [bool(passage.title) for passage in passages]
        rows = self._pieces([text if titled else prefix + text for text, titled in zip(texts, has_title, strict=True)])
        titles = self._pieces([prefix + passage.title if passage.title else "" for passage in passages])
        fronts = [[*title[: most - 3], config.sep_token_id] if title else [] for title in titles]
        return [self._framed([*front, *row], most) for front, row in zip(fronts, rows, strict=True)]

    def questions(self, questions: Sequence[str]) -> list[list[int]]:
        """Return the ids of each question; the end of a long one is cut, as sentence-transformers does."""
        rows = self._pieces([self._config.question_prefix + question for question in questions])
        return [self._framed(row, self._config.max_question_tokens) for row in rows]

    def _framed(self, pieces: list[int], most: int) -> list[int]:
        return [self._config.cls_token_id, *pieces[: most - 2], self._config.sep_token_id]

    def _pieces(self, texts: list[str]) -> list[list[int]]:
        with library_errors("The encoder's tokenizer fails at a text"):
            encodings: list[Encoding] = self.tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]
