"""The forms that a passage encoder's input and output may have."""

from __future__ import annotations

from typing import Literal

Pooling = Literal["cls", "mean"]  # the vector is the first token's last hidden state, or the mean over all tokens
TitleForm = Literal["segment", "text", "none"]  # "[CLS] title [SEP] text [SEP]", the title in front of the text, none
