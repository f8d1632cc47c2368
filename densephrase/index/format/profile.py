"""Profiles of an index: rows in 8 bits ("default"), or everything in a sixth of the bytes ("compact")."""

from __future__ import annotations

from typing import Literal

Profile = Literal["default", "compact"]
