"""Runtimes of question encoders; "auto" takes onnxruntime where it can."""

from __future__ import annotations

from typing import Literal

Runtime = Literal["auto", "onnx", "torch"]
