"""How an index stores its rows: in 8 bits ("default"), or all of it in a sixth of the bytes ("compact")."""

from __future__ import annotations

from typing import Literal

Profile = Literal["default", "compact"]
