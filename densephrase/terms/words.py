"""Cut text into folded words: the same word typed with other accents, case or compatibility forms is one word."""

import re
import unicodedata

_ASCII_WORD = re.compile(r"[a-z0-9]+")

# Scripts written without spaces between words, and Hangul, whose words carry particles that a question leaves out.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003ffff]+"
)

# Letters that people type without their stroke or as two, but that no Unicode decomposition takes apart.
_SPELT_OUT = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "ð": "d", "þ": "th"}
_ZERO_WIDTH_SPACE = "\u200b"


def words(text: str) -> list[str]:
    """Return the words of `text` in order: NFKD, accents dropped, case folded, cut at all but letters, digits, marks.

    Vowel signs and voicing marks of scripts that spell with them stay; Latin, Greek, Hebrew and Arabic accents go.
    A run of Chinese, Japanese, Korean, Thai, Lao, Burmese or Khmer characters becomes its overlapping character
    bigrams (a run of one character stays whole), as in Lucene's CJKBigramFilter.
    """
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    folded = unicodedata.normalize("NFKD", text).casefold().translate(_FOLDING)
    folded = unicodedata.normalize("NFC", folded)  # Hangul syllables and voiced kana are one character again
    if _UNSPACED.search(folded):
        folded = _UNSPACED.sub(_spaced_bigrams, folded)
    return folded.split()


def _spaced_bigrams(run: re.Match[str]) -> str:
    characters = run.group()
    if len(characters) == 1:
        return f" {characters} "
    pairs = zip(characters, characters[1:], strict=False)
    return f" {' '.join(first + second for first, second in pairs)} "


class _Folding(dict[int, str | None]):
    """Translation table that decides about a character when it is first met (`None` drops it)."""

    def __missing__(self, code_point: int) -> str | None:
        character = chr(code_point)
        folded = _SPELT_OUT.get(character, _fold(character))
        self[code_point] = folded
        return folded


def _fold(character: str) -> str | None:
    category = unicodedata.category(character)
    if character.isalnum():
        return character
    if category.startswith("M"):
        return None if _is_accent(character) else character
    if category == "Cf" and character != _ZERO_WIDTH_SPACE:  # soft hyphen, joiners, marks of direction
        return None
    return " "


def _is_accent(mark: str) -> bool:
    """Whether a mark only decorates a letter: by canonical combining class (Unicode, table 4-3 of UAX 44)."""
    combining = unicodedata.combining(mark)
    decorates = 10 <= combining <= 36 or combining >= 200  # Hebrew, Arabic and Syriac points; accents of any script
    return decorates or unicodedata.category(mark) == "Me" or unicodedata.name(mark, "").startswith("VARIATION")


_FOLDING = _Folding()
