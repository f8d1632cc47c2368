"""Tokenizers of published encoders, and the numbers of the special tokens that they put around a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.normalizers import Lowercase
from tokenizers.processors import TemplateProcessing

from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.encoder.files.backbones import load_tokenizer
from densephrase.encoder.first_use import library_errors
from densephrase.encoder.published.published_json import read_optional_json
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.encoder.tokens.tokenizer_rules import TOKENIZER_BYTES, check_tokenizer, parse_tokenizer
from densephrase.errors import EncoderError

VOCABULARY_FILE = "vocab.txt"
TOKENIZER_CONFIG = "tokenizer_config.json"
_MARKS = {"cls_token_id": "[CLS]", "sep_token_id": "[SEP]", "pad_token_id": "[PAD]"}


def read_tokenizer(folder: Path, lowercase: bool) -> tuple[Tokenizer, dict[str, Any]]:
    """Read the tokenizer of a sentence-transformers folder as transformers does, and its special tokens by setting.

    `lowercase` puts texts in lower case before anything else. Raises EncoderError when there is none, or when it puts
    texts between other tokens than one in front and one behind.
    """
    with library_errors(f"The tokenizer in {folder} cannot be read"):
        tokenizer, special = load_tokenizer(str(folder))
    if lowercase:
        parts = [Lowercase()] if tokenizer.normalizer is None else [Lowercase(), tokenizer.normalizer]
        tokenizer.normalizer = normalizers.Sequence(parts)
    _check_frame(tokenizer, special, folder)
    return tokenizer, special


def read_bert_tokenizer(folder: Path) -> tuple[Tokenizer, dict[str, Any]]:
    """Read BERT's tokenizer from tokenizer.json or vocab.txt, and its special tokens by setting.

    Whether it puts texts in lower case is what `do_lower_case` in tokenizer_config.json says, then tokenizer.json, then
    yes, as for the published English encoders. The classes for DPR in transformers are not asked: they put texts in
    lower case whatever the setting says.

    Raises EncoderError when there is neither file, or a special token is missing.
    """
    stated = read_optional_json(folder, TOKENIZER_CONFIG).get("do_lower_case")
    if stated is not None and not isinstance(stated, bool):
        raise EncoderError(f"{folder / TOKENIZER_CONFIG} has do_lower_case={stated!r}; true or false is expected.")
    if (folder / TOKENIZER_FILE).exists():
        tokenizer = _from_json(folder, stated)
    elif (folder / VOCABULARY_FILE).exists():
        tokenizer = _from_vocabulary(folder, stated is not False)
    else:
        raise EncoderError(
            f"{folder} holds neither {TOKENIZER_FILE} nor {VOCABULARY_FILE}; copy BERT's there, which the encoder has."
        )
    special = {name: tokenizer.token_to_id(mark) for name, mark in _MARKS.items()}
    missing = [_MARKS[name] for name, number in special.items() if number is None]
    if missing:
        raise EncoderError(f"The tokenizer in {folder} has no {', '.join(missing)}; it is not BERT's.")
    _check_frame(tokenizer, special, folder)
    return tokenizer, special


def _from_json(folder: Path, lowercase: bool | None) -> Tokenizer:
    path = folder / TOKENIZER_FILE
    try:
        content = parse_tokenizer(read_encoder_file(folder, TOKENIZER_FILE, TOKENIZER_BYTES))
        rules = content.get("normalizer")
        if not isinstance(rules, dict) or rules.get("type") != "BertNormalizer":
            raise EncoderError("its normalizer is not BERT's")
        if lowercase is not None:
            rules["lowercase"] = lowercase
        check_tokenizer(content)
        with library_errors("the tokenizers library refuses it"):
            return Tokenizer.from_str(json.dumps(content))
    except EncoderError as error:
        raise EncoderError(f"{path} cannot be read as BERT's tokenizer: {error}.") from error


def _from_vocabulary(folder: Path, lowercase: bool) -> Tokenizer:
    path = folder / VOCABULARY_FILE
    try:
        pieces = read_encoder_file(folder, VOCABULARY_FILE, TOKENIZER_BYTES).decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise EncoderError(f"{path} is not UTF-8 ({error}); a word piece on each line is expected.") from None
    pieces = [piece.rstrip("\r") for piece in (pieces[:-1] if pieces[-1] == "" else pieces)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    lacking = [mark for mark in ("[UNK]", *_MARKS.values()) if mark not in vocabulary]
    if lacking:
        raise EncoderError(f"{path} lacks {', '.join(lacking)}; it is no vocabulary of BERT's.")
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    frame_texts(tokenizer, vocabulary["[CLS]"], vocabulary["[SEP]"])
    tokenizer.add_special_tokens([mark for mark in ("[UNK]", "[MASK]", *_MARKS.values()) if mark in vocabulary])
    return tokenizer


def frame_texts(tokenizer: Tokenizer, first: int, last: int) -> None:
    """Make a tokenizer put texts between two of its tokens."""
    marks = [tokenizer.id_to_token(number) for number in (first, last)]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{marks[0]} $A {marks[1]}",
        pair=f"{marks[0]} $A {marks[1]} $B:1 {marks[1]}:1",
        special_tokens=list(zip(marks, (first, last), strict=True)),
    )


def _check_frame(tokenizer: Tokenizer, special: dict[str, Any], folder: Path) -> None:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with library_errors(f"The tokenizer in {folder} fails at an empty text"):
        found = tokenizer.encode("").ids
    expected = [special["cls_token_id"], special["sep_token_id"]]
    if found != expected:
        raise EncoderError(
            f"The tokenizer in {folder} puts texts between the tokens {found}; encoders are read whose texts stand "
            f"between a first and a last one, here {expected}."
        )
