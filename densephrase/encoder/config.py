"""Configuration of an encoder: sizes, limits and tuned search defaults, validated and stored beside the weights."""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from densephrase.confidence.model import check_confidence
from densephrase.encoder.backbone_settings import LARGEST, check_backbone
from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.errors import EncoderError
from densephrase.storage.atomic_file import publish, temporary_path
from densephrase.storage.strict_json import is_deeper

CONFIG_FILE = "config.json"
_CONFIG_BYTES = 1 << 22  # at most; the default encoder's has 4,000
ENCODER_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The settings of a phrase encoder.

    Raises EncoderError when a value makes no sense.
    """

    backbone: dict[str, Any]  # the Hugging Face configuration, `model_type` included
    vector_size: int = 384  # dimensions of a start or end vector
    coherency_rank: int = 16  # dimensions of k (in the start row) and c (in the end row); 0 for none
    sparc_size: int = 0  # dimensions d of the heads that make contextualised sparse vectors; 0 for none
    sparc_rank: int = 4  # dimensions of the factors that sparse vectors are stored as, at most sparc_size
    head_hidden_size: int = 384  # inner size of the residual heads; 0 for plain linear heads
    filter_size: int = 128  # inner size of the phrase filter
    max_tokens: int = 256  # of a window, title and special tokens included
    window_stride: int = 128  # tokens between the starts of two windows of a long paragraph
    max_title_tokens: int = 16  # of the title put before each window; 0 for no title
    max_question_tokens: int = 64  # special tokens included
    max_answer_tokens: int = 20
    cls_token_id: int = 101
    sep_token_id: int = 102
    pad_token_id: int = 0
    question_mark_id: int = -1  # the word piece "?", which no n-gram of a question may hold; -1 where there is none
    start_threshold: float = float("-inf")  # a token is kept as a start when its filter logit is at least this
    end_threshold: float = float("-inf")
    paragraph_weight: float = 1.0  # tuned weight of a paragraph's BM25 score in the phrase score
    document_weight: float = 0.0  # tuned weight of a document's BM25 score
    confidence: dict[str, Any] = field(default_factory=dict)  # fitted models of `densephrase.confidence.model`
    training: dict[str, Any] = field(default_factory=dict)  # how the weights were made
    format_version: int = ENCODER_FORMAT_VERSION

    def __post_init__(self) -> None:
        if type(self.format_version) is not int or self.format_version != ENCODER_FORMAT_VERSION:
            raise EncoderError(
                f"The encoder has format version {reprlib.repr(self.format_version)}, this library reads "
                f"{ENCODER_FORMAT_VERSION}; use the library version that wrote it or train it again."
            )
        self._check_types()
        check_backbone(self.backbone)
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                raise EncoderError(
                    f"The encoder configuration has {name}={getattr(self, name)}; at least {least} is needed."
                )
        for name in (*_LEAST, "question_mark_id"):
            if getattr(self, name) > (LARGEST if name.endswith("_id") else _MOST):
                raise EncoderError(
                    f"The encoder configuration has {name}={getattr(self, name)}; no encoder has as much."
                )
        check_confidence(self.confidence)
        if self.window_stride > self.window_capacity:
            raise EncoderError(
                f"window_stride={self.window_stride} is more than the {self.window_capacity} tokens that max_tokens, "
                "less the title and three special tokens, leaves for a window: tokens between windows would be lost."
            )

    def _check_types(self) -> None:
        for item in fields(self):
            value, (kinds, meaning) = getattr(self, item.name), _TYPES[str(item.type)]
            fits = isinstance(value, kinds) and not isinstance(value, bool)
            if fits and item.type == "float":  # a whole number may be too large for a float
                fits = abs(value) <= _LARGEST_FLOAT or (value == float("-inf") and item.name.endswith("_threshold"))
            if not fits:
                shown = reprlib.repr(value)
                raise EncoderError(f"The encoder configuration has {item.name}={shown}; {meaning} is needed.")

    @property
    def window_capacity(self) -> int:
        """Paragraph tokens that fit a window beside the longest title and the special tokens."""
        return self.max_tokens - 3 - self.max_title_tokens

    @property
    def sparse_rank(self) -> int:
        """Dimensions of the stored factors of sparse vectors, 0 where there are none."""
        return min(self.sparc_rank, self.sparc_size)

    @property
    def row_size(self) -> int:
        """Columns of a stored start or end row."""
        return self.vector_size + self.coherency_rank

    def check_positions(self, places: int) -> None:
        """Raise EncoderError when a backbone has fewer `places` than windows or questions have tokens."""
        for name in ("max_tokens", "max_question_tokens"):
            if getattr(self, name) > places:
                raise EncoderError(f"{name}={getattr(self, name)} is more than the {places} positions of the backbone.")

    def digest_without_confidence(self) -> str:
        """Return a sha256 (hex) over all settings but `confidence`, which may be fitted again.

        Settings at their default are left out, so that those of later versions leave it as it is.
        """
        settings = asdict(self)
        for item in fields(self):
            default = item.default if item.default_factory is MISSING else item.default_factory()
            if item.name == "confidence" or settings[item.name] == default:
                del settings[item.name]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Write the configuration to `folder`, in one step; infinite thresholds are written as null."""
        content = asdict(self)
        for name in ("start_threshold", "end_threshold"):
            content[name] = None if content[name] == float("-inf") else content[name]
        path = folder / CONFIG_FILE
        temporary_path(path).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        publish(path)

    @classmethod
    def load(cls, folder: Path) -> EncoderConfig:
        """Read the configuration of the encoder in `folder`.

        Raises EncoderError when it is missing, is not JSON, or has unknown or missing keys.
        """
        path, content = folder / CONFIG_FILE, read_config(folder)
        if is_deeper(content, _DEEPEST):
            raise EncoderError(f"{path} has settings more than {_DEEPEST} deep in each other; no encoder has.")
        known = {item.name for item in fields(cls)}
        if not isinstance(content, dict) or "backbone" not in content or set(content) - known:
            unknown = sorted(set(content) - known) if isinstance(content, dict) else []
            raise EncoderError(
                f"{path} is no phrase encoder configuration (unknown keys: {reprlib.repr(unknown)}; "
                "'backbone' is required)."
            )
        for name in ("start_threshold", "end_threshold"):
            if content.get(name) is None:
                content[name] = float("-inf")
        try:
            return cls(**content)
        except EncoderError as error:
            raise EncoderError(f"{path}: {error}") from None


def read_config(folder: Path) -> Any:
    """Return the content of the configuration file in `folder`, unchecked; EncoderError when it is not JSON."""
    stored = read_encoder_file(folder, CONFIG_FILE, _CONFIG_BYTES)
    try:
        return json.loads(stored.decode("utf-8"))  # not strictly: numbers are checked by name, and notes may be NaN
    except (ValueError, RecursionError) as error:  # broken, not UTF-8, nested for ever, numbers of 5,000 digits
        raise EncoderError(f"{folder / CONFIG_FILE} is not JSON: {error}") from None


_DEEPEST = 32  # objects and lists in each other, which are walked by recursion later
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number that is not NaN and neither infinite nor huge"),
    "dict[str, Any]": ((dict,), "an object"),
}
_LARGEST_FLOAT = 1e30  # of thresholds and weights
_MOST = 1 << 20  # of sizes and limits: a hundred times what the largest encoders have
_LEAST = {
    "vector_size": 1,
    "coherency_rank": 0,
    "sparc_size": 0,
    "sparc_rank": 1,
    "head_hidden_size": 0,
    "filter_size": 1,
    "max_title_tokens": 0,
    "window_capacity": 1,
    "window_stride": 1,
    "max_question_tokens": 3,
    "max_answer_tokens": 1,
    "paragraph_weight": 0,
    "document_weight": 0,
    "cls_token_id": 0,
    "sep_token_id": 0,
    "pad_token_id": 0,
}
