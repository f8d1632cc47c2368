"""A fast tokenizer from the file of an encoder, checked, and read as its authors' texts stand."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.first_use import library_errors
from densephrase.encoder.tokens.tokenizer_rules import TOKENIZER_BYTES, check_tokenizer, parse_tokenizer
from densephrase.errors import EncoderError

TOKENIZER_FILE = "tokenizer.json"


def load_fast_tokenizer(folder: Path) -> Tokenizer:
    """Read `tokenizer.json` of an encoder's folder; EncoderError when it is missing or damaged."""
    stored = read_encoder_file(folder, TOKENIZER_FILE, TOKENIZER_BYTES)
    try:
        check_tokenizer(parse_tokenizer(stored))
        with library_errors("the tokenizers library refuses it"):
            return Tokenizer.from_buffer(stored)
    except EncoderError as error:
        raise EncoderError(f"{folder / TOKENIZER_FILE} cannot be read as a fast tokenizer: {error}.") from error


def read_whole(tokenizer: Tokenizer) -> Tokenizer:
    """Make a tokenizer neither cut nor pad texts, nor find special tokens in them, and return it."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # "[SEP]" in a text is what its author wrote, no end of anything
    return tokenizer
