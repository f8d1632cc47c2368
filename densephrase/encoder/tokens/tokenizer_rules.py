"""Validation of tokenizers: only parts that neither multiply texts nor take more than linear time of them.

The tokenizers library builds and runs whatever `tokenizer.json` says. A rule that replaces each letter by a million, or
a pattern that backtracks for minutes, would only show at some text; so the parts are checked before they are built.
"""

from __future__ import annotations

import base64
import re
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from densephrase.errors import EncoderError
from densephrase.storage.strict_json import decode_json

TOKENIZER_BYTES = 1 << 27  # of tokenizer.json, at most; the largest published ones have 40 million
_MOST_GROWTH = 256  # characters that all rules together may make of one
_MOST_PARTS = 16  # in a sequence
_DEEPEST = 3  # sequences in each other
_LONGEST_TEXT = 16  # characters that a rule puts into texts
_LONGEST_WORD = 1_000  # characters of a word that is looked up piece by piece, in quadratic time
_LONGEST_PIECE = 1_024  # characters
_LONGEST_PATTERN = 500

# Characters that a rule makes of one, at most; NFKC makes 18 of U+FDFA.
_GROWTH = {
    **dict.fromkeys(("Lowercase", "NFC", "NFD", "BertNormalizer"), 4),
    **dict.fromkeys(("NFKC", "NFKD"), 18),
    **dict.fromkeys(("Nmt", "Strip", "StripAccents"), 1),
    "ByteLevel": 4,
}
_PLAIN_SPLITS = (
    *("BertPreTokenizer", "Digits", "Metaspace", "Punctuation", "UnicodeScripts", "Whitespace", "WhitespaceSplit"),
    "CharDelimiterSplit",
)
_PLAIN_PROCESSORS = ("BertProcessing", "ByteLevel", "RobertaProcessing")

_ESCAPE = r"\\(?:[pP]\{\^?\w{1,20}\}|[^\w]|[sSdDwWnrt])"
_ATOM = rf"(?:{_ESCAPE}|\[\^?(?:{_ESCAPE}|[^\\\[\]])+\]|[^\\\[\](){{}}.*+?|^$])"
# Atoms of fixed length, a few of them optional; then at most one of any length, behind which nothing can fail.
_BRANCH = rf"(?:{_ATOM}\??){{0,8}}{_ATOM}(?:[*+?]|\{{\d{{1,2}}(?:,\d{{0,2}})?\}})?"
_SIMPLE_PATTERN = re.compile(rf"{_BRANCH}(?:\|{_BRANCH}){{0,31}}")
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
# Patterns of published tokenizers with more than that, each linear: of GPT-2, Llama 3, Qwen 2 and CLIP.
_PUBLISHED_PATTERNS = frozenset(
    {
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        _CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    }
)


def parse_tokenizer(stored: bytes | str) -> dict[str, Any]:
    """Return the content of a `tokenizer.json`.

    Raises EncoderError when it is not JSON, or says a thing twice, which two programs could read differently.
    """
    try:
        content = decode_json(stored, unique_keys=True)
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise EncoderError("it is no JSON object")
    return content


def check_tokenizer(content: Mapping[str, Any]) -> None:
    """Raise EncoderError for a part of a tokenizer that is unknown, multiplies texts or may take for ever.

    content: what `parse_tokenizer` gives.
    """
    growth = _normalizer_growth(content.get("normalizer"), 1)
    growth *= _split_growth(content.get("pre_tokenizer"), 1)
    if growth > _MOST_GROWTH:
        raise EncoderError(f"its rules may make {growth} characters of one; at most {_MOST_GROWTH} are accepted")
    _check_processor(content.get("post_processor"), 1)
    _check_model(content.get("model"))


def _normalizer_growth(part: Any, depth: int) -> int:
    """Return how many characters a normalizer makes of one, at most."""
    kind = _kind(part, depth)
    if kind in (None, *_GROWTH):
        return _GROWTH.get(kind or "", 1)
    if kind == "Sequence":
        return _product(_parts(part, "normalizers"), _normalizer_growth, depth)
    if kind == "Prepend":
        return 1 + len(_short_text(part.get("prepend"), "prepend"))
    if kind == "Replace":
        _check_pattern(part.get("pattern"))
        return 1 + len(_short_text(part.get("content"), "content"))
    if kind == "Precompiled":
        return _precompiled_growth(part.get("precompiled_charsmap"))
    raise _unknown("normalizer", kind)


def _split_growth(part: Any, depth: int) -> int:
    """Return how many characters a pre-tokenizer makes of one, at most."""
    kind = _kind(part, depth)
    if kind is None or kind in _PLAIN_SPLITS:
        return 1
    if kind == "ByteLevel":
        return _GROWTH[kind]
    if kind == "Sequence":
        return _product(_parts(part, "pretokenizers"), _split_growth, depth)
    if kind == "Split":
        _check_pattern(part.get("pattern"))
        return 1
    if kind == "FixedLength":
        if not isinstance(part.get("length"), int) or part["length"] < 1:
            raise EncoderError(f"its FixedLength has length {reprlib.repr(part.get('length'))}; at least 1 is needed")
        return 1
    raise _unknown("pre-tokenizer", kind)


def _check_processor(part: Any, depth: int) -> None:
    """Refuse what puts a text out twice, or not at all."""
    kind = _kind(part, depth)
    if kind is None or kind in _PLAIN_PROCESSORS:
        return
    if kind == "Sequence":
        for item in _parts(part, "processors"):
            _check_processor(item, depth + 1)
    elif kind == "TemplateProcessing":
        pieces = [item for item in _parts(part, "single") if isinstance(item, dict) and "Sequence" in item]
        if len(pieces) != 1 or not isinstance(pieces[0]["Sequence"], dict) or pieces[0]["Sequence"].get("id") != "A":
            raise EncoderError("its TemplateProcessing does not put a single text out once")
    else:
        raise _unknown("post-processor", kind)


def _check_model(model: Any) -> None:
    kind = _kind(model, 1)
    vocabulary = None if kind is None else model.get("vocab")
    if kind == "Unigram" and isinstance(vocabulary, list):
        pieces = [item[0] for item in vocabulary if isinstance(item, list) and item]
        unknown = model.get("unk_id")
        if not (model.get("byte_fallback") is True and unknown is None) and not (
            isinstance(unknown, int) and 0 <= unknown < len(vocabulary)
        ):
            raise EncoderError(f"its unk_id {reprlib.repr(unknown)} is no place in the vocabulary")
    elif kind in ("BPE", "WordLevel", "WordPiece") and isinstance(vocabulary, dict):
        pieces = list(vocabulary)
        unknown = model.get("unk_token")
        if not (kind == "BPE" and unknown is None) and unknown not in pieces:
            raise EncoderError(f"its unk_token {reprlib.repr(unknown)} is not in the vocabulary")
    else:
        raise EncoderError(f"its model {reprlib.repr(kind)} is none of BPE, Unigram, WordLevel and WordPiece")
    if not all(isinstance(piece, str) and len(piece) <= _LONGEST_PIECE for piece in pieces):
        raise EncoderError(f"its vocabulary has a word piece that is no text of at most {_LONGEST_PIECE} characters")
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        _short_text(model.get(name) or "", name)
    longest = model.get("max_input_chars_per_word", 100)
    if not isinstance(longest, int) or not 1 <= longest <= _LONGEST_WORD:
        raise EncoderError(f"its max_input_chars_per_word is {reprlib.repr(longest)}; 1 to {_LONGEST_WORD} is accepted")
    for name in ("dropout", "alpha", "nbest_size"):
        if model.get(name):
            raise EncoderError(f"its {name} is {reprlib.repr(model[name])}: the same text would have other word pieces")


def _check_pattern(pattern: Any) -> None:
    """Refuse a pattern of a Replace or Split that is empty, or may backtrack."""
    kind, text = next(iter(pattern.items())) if isinstance(pattern, dict) and len(pattern) == 1 else (None, None)
    if isinstance(text, str) and 0 < len(text) <= _LONGEST_PATTERN:
        if kind == "String" or (kind == "Regex" and text in _PUBLISHED_PATTERNS):
            return
        if kind == "Regex" and _SIMPLE_PATTERN.fullmatch(text):
            return
    raise EncoderError(
        f"its pattern {reprlib.repr(pattern)} may take for ever; a text, the patterns of GPT-2, Llama 3, Qwen 2 and "
        "CLIP, and alternatives of which only the last character repeats are accepted"
    )


def _precompiled_growth(charsmap: Any) -> int:
    """Return the length of the longest text that a table of SentencePiece puts in place of a character.

    It holds the size of a trie in bytes (uint32), the trie, and the texts, each with a zero behind it.
    """
    try:
        table = base64.b64decode(charsmap or "", validate=True)
    except (ValueError, TypeError):
        raise EncoderError("its precompiled_charsmap is no base64") from None
    size = int.from_bytes(table[:4], "little")
    if len(table) < 4 or size % 4 or not 0 < size <= len(table) - 4:
        raise EncoderError("its precompiled_charsmap is cut off")
    return max(1, *map(len, table[4 + size :].split(b"\0")))


def _product(parts: list[Any], growth: Callable[[Any, int], int], depth: int) -> int:
    product = 1
    for part in parts:
        product *= growth(part, depth + 1)
    return product


def _kind(part: Any, depth: int) -> str | None:
    """Return the type of a part, None where there is no such part."""
    if part is None:
        return None
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str) or depth > _DEEPEST:
        raise EncoderError(f"its part {reprlib.repr(part)} has no type, or lies more than {_DEEPEST} deep")
    return kind


def _parts(part: Mapping[str, Any], name: str) -> list[Any]:
    parts = part.get(name)
    if not isinstance(parts, list) or len(parts) > _MOST_PARTS:
        raise EncoderError(f"its {part['type']} has no list of at most {_MOST_PARTS} {name}")
    return parts


def _short_text(text: Any, name: str) -> str:
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise EncoderError(
            f"its {name} is {reprlib.repr(text)}; a text of at most {_LONGEST_TEXT} characters is needed"
        )
    return text


def _unknown(what: str, kind: str | None) -> EncoderError:
    return EncoderError(f"its {what} {reprlib.repr(kind)} is unknown")
