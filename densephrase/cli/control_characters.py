"""Characters that steer a terminal instead of being shown: whoever names a file or a document may have put some in."""

from __future__ import annotations

import re

CONTROLS = r"\x00-\x1f\x7f-\x9f"  # C0, delete and C1; some begin a terminal's escape sequences
REORDERING = r"\u202a-\u202e\u2066-\u2069"  # bidirectional controls that turn round what stands after them
_MARKS = r"\u061c\u200e\u200f"  # bidirectional marks, harmless where a language needs them
_LINES = r"\u2028\u2029"  # line and paragraph separator
_HALVES = r"\ud800-\udfff"  # bytes of a name that is not UTF-8 arrive as these
_STEERING = re.compile(f"[{CONTROLS}{REORDERING}{_MARKS}{_LINES}{_HALVES}]")


def escaped(text: str) -> str:
    r"""Return one line in which each of these characters is written as in Python, such as \x1b for escape."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def escaped_json(line: str) -> str:
    r"""Return a line of JSON in which those that JSON lets stand are escaped, such as \u009b; it means the same."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", line)
