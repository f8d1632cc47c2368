"""The languages of term indexes: "english" has stop words and stems, "none" keeps the words of any language."""

from __future__ import annotations

from typing import Literal

Language = Literal["english", "none"]
