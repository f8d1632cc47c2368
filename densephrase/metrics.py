"""Answer metrics: exact match and F1 of SQuAD v1.1 and v2.0, and the string match of DPR.

With `patterns` the references are regular expressions, as those of CuratedTREC. A match is given up after a second, and
what is no expression matches nothing.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import regex

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_LOWER, _ASCII_PUNCTUATION = bytes(range(256)).lower(), string.punctuation.encode()
_ARTICLE_WORDS = frozenset(("a", "an", "the"))
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_ASCII_OUTER, _ASCII_INNER = " !\"'()*,.:;?[]_`{}", frozenset("#$%&+/<=>@\\^|~")
_OUTER_SIGN = (
    r"(?:(?!\.\w)[`\p{Pc}\p{Pe}\p{Pf}\p{Pi}\p{Po}\p{Ps}--#%&@/\\\u00a7\u2030-\u2034\uff03\uff05\uff06\uff20]|\s)"
)
_OUTER = regex.compile(rf"^(?:{_OUTER_SIGN}|\p{{Pd}}(?=\s))+|(?:{_OUTER_SIGN}|(?<=\s)\p{{Pd}})+$", regex.V1)
_PATTERN_FLAGS = regex.IGNORECASE | regex.UNICODE | regex.MULTILINE
_NO_PATTERN = (regex.error, ValueError, RecursionError, MemoryError)  # what compiling raises
_LONGEST_PATTERN = 100_000  # characters; a second of compiling
_PATTERN_SECONDS = 1.0
_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")


def normalise_answer(text: str) -> str:
    """Lower the case, drop ASCII punctuation and the words a, an, the, and squeeze white space.

    Source: the official SQuAD v1.1 evaluation script (Rajpurkar et al. 2016), in that order.
    """
    if text.isascii() and text.isprintable():  # words end at spaces alone: a search has no time for the expression
        words = text.encode().translate(_LOWER, _ASCII_PUNCTUATION).decode().split()
        return " ".join([word for word in words if word not in _ARTICLE_WORDS])
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def answer_name(text: str) -> str:
    """Return what texts that count as the same answer share.

    Case, Unicode's ways to write a letter, the amount of white space, a leading article and outer punctuation do not
    count; everything else does: `$1.2 billion` and `$12 billion`, `C++` and `C`, `-5` and `5` are different answers. A
    text of nothing but punctuation is its own name.
    """
    if text.isascii():
        words = text.lower().split()
    else:
        words = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split()
    has_article = len(words) > 1 and words[0] in _ARTICLE_WORDS
    if has_article:
        del words[0]
    name = " ".join(words)
    if name[:1].isalnum() and name[-1].isalnum():
        return name
    bare = _without_outer(name)
    first, _, rest = bare.partition(" ")
    if rest and first in _ARTICLE_WORDS and not has_article:
        bare = _without_outer(rest)
    return bare or text.casefold()


def _without_outer(name: str) -> str:
    """Leave out punctuation at both ends; signs at a number, as of `-5`, `.5` and `6"`, are none."""
    bare = name.strip(_ASCII_OUTER)
    if not bare or not all(sign.isalnum() or sign in _ASCII_INNER for sign in (bare[0], bare[-1])) or "." in name[:2]:
        bare = _OUTER.sub("", name)
    is_measure = name[-1:] in ("'", '"') and name[-2:-1].isdigit() and name.count(name[-1]) % 2
    return bare + name[-1] if is_measure else bare


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Any:
    """Compile a reference answer that is a regular expression, with the flags of ORQA and DPR; None where it is none.

    Longer ones than 100,000 characters are none either.
    """
    if len(pattern) > _LONGEST_PATTERN:
        return None
    try:
        return regex.compile(pattern, _PATTERN_FLAGS)
    except _NO_PATTERN:
        return None


def _matches(pattern: str, text: str, *, anywhere: bool) -> bool:
    compiled = compile_pattern(pattern)
    if compiled is None:
        return False
    try:
        return (compiled.search if anywhere else compiled.match)(text, timeout=_PATTERN_SECONDS) is not None
    except (TimeoutError, MemoryError):  # an expression may backtrack without end
        return False


def exact_match(prediction: str, references: Sequence[str], *, patterns: bool = False) -> bool:
    """Tell whether the prediction equals any reference after normalisation; False where there is no reference.

    Source: the official SQuAD v1.1 evaluation script; texts that normalise to nothing equal each other. A pattern must
    match from the beginning of the prediction as it stands, not to its end (ORQA's `regex_match_score`, Lee et al.
    2019).
    """
    if patterns:
        return any(_matches(reference, prediction, anywhere=False) for reference in references)
    normalised = normalise_answer(prediction)
    return any(normalised == normalise_answer(reference) for reference in references)


def f1(prediction: str, references: Sequence[str]) -> float:
    """Return the best token F1 in [0, 1] over the references; 0 where there is no reference.

    Source: the official SQuAD v1.1 evaluation script; without a shared token the score is 0, for empty texts too.
    """
    tokens = normalise_answer(prediction).split()
    return max((_token_f1(tokens, normalise_answer(reference).split()) for reference in references), default=0.0)


def _token_f1(prediction: Sequence[str], reference: Sequence[str]) -> float:
    """Return the harmonic mean of precision and recall of a bag of tokens."""
    shared = sum((Counter(prediction) & Counter(reference)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(prediction), shared / len(reference)
    return 2 * precision * recall / (precision + recall)


def exact_match_and_f1(prediction: str, references: Sequence[str], *, patterns: bool = False) -> tuple[bool, float]:
    """Return exact match and F1 of a prediction that may be "", for no answer.

    Source: the official SQuAD v2.0 evaluation script (Rajpurkar et al. 2018). References that normalise to nothing do
    not count; without any other, the right prediction is one that normalises to nothing. Else as in v1.1. Patterns
    have no tokens: their F1 is 1 where one matches, else 0.
    """
    if patterns and references:
        matched = exact_match(prediction, references, patterns=True)
        return matched, float(matched)
    answers = [reference for reference in references if normalise_answer(reference)]
    if not answers:
        abstained = not normalise_answer(prediction)
        return abstained, float(abstained)
    return exact_match(prediction, answers), f1(prediction, answers)


def answer_tokens(text: str) -> list[str]:
    """Cut a text into lower-case tokens: runs of letters, digits and marks, or any other visible character.

    Source: DPR's SimpleTokenizer (Karpukhin et al. 2020), on the NFD form.
    """
    return [token.lower() for token in _TOKEN.findall(unicodedata.normalize("NFD", text))]


def has_answer(text: str, answers: Sequence[str], *, patterns: bool = False) -> bool:
    """Tell whether the tokens of any answer stand one after the other among the tokens of the text.

    Source: DPR's `has_answer` (Karpukhin et al. 2020) in string mode; unlike there, an answer without tokens
    is nowhere instead of everywhere. Patterns are searched for, on the NFD form of both, as in its regex mode.
    """
    if patterns:
        text = unicodedata.normalize("NFD", text)
        return any(_matches(unicodedata.normalize("NFD", answer), text, anywhere=True) for answer in answers)
    haystack = answer_tokens(text)
    return any(_contains(haystack, answer_tokens(answer)) for answer in answers)


def _contains(haystack: list[str], needle: list[str]) -> bool:
    """Tell whether a non-empty list is a contiguous part of another."""
    size = len(needle)
    if not size:
        return False
    return any(
        haystack[at] == needle[0] and haystack[at : at + size] == needle for at in range(len(haystack) - size + 1)
    )
