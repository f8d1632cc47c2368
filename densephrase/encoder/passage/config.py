"""Configuration of a passage encoder: towers, pooling, lengths and prefixes, validated, stored beside the weights."""

from __future__ import annotations

import json
import reprlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from densephrase.encoder.backbone_settings import LARGEST, check_backbone
from densephrase.encoder.config import CONFIG_FILE, read_config
from densephrase.encoder.passage.forms import Pooling, TitleForm
from densephrase.errors import EncoderError
from densephrase.option_checks import check_choices
from densephrase.storage.atomic_file import publish, temporary_path
from densephrase.storage.strict_json import is_deeper

PASSAGE_ENCODER_KIND = "passage"
_VERSION = 1
_DEEPEST = 32  # objects and lists in each other
_LONGEST = 1 << 20  # tokens; no encoder reads as many
_LARGEST_WEIGHT = 1e6
_LONGEST_PREFIX = 4096  # characters


@dataclass(frozen=True, slots=True)
class PassageEncoderConfig:
    """The settings of a passage encoder; a passage scores the plain dot product of its vector and a question's.

    Raises EncoderError when a value makes no sense.
    """

    backbone: dict[str, Any]  # the Hugging Face configuration of each tower, `model_type` included
    is_shared: bool = False  # whether one tower reads questions and passages (ORQA's module), or each has its own (DPR)
    pooling: Pooling = "cls"  # the first token's last hidden state (DPR), or the mean over all tokens
    normalise: bool = False  # to unit length: the dot product is then the cosine
    max_passage_tokens: int = 256  # special tokens included; the end of what is longer is not read
    max_question_tokens: int = 64
    title: TitleForm = "segment"  # "[CLS] title [SEP] text [SEP]" (DPR), the title in front of the text, or none
    question_prefix: str = ""  # put before each question
    passage_prefix: str = ""  # put before each passage, its title included
    cls_token_id: int = 101
    sep_token_id: int = 102
    pad_token_id: int = 0
    term_weight: float | None = None  # tuned weight of a passage's BM25 score in hybrid search; none: ranks are fused
    training: dict[str, Any] = field(default_factory=dict)  # how the weights were made
    kind: str = PASSAGE_ENCODER_KIND
    format_version: int = _VERSION

    def __post_init__(self) -> None:
        """Check types, ranges and choices."""
        if (self.kind, self.format_version) != (PASSAGE_ENCODER_KIND, _VERSION):
            raise EncoderError(
                f"The encoder is of kind {reprlib.repr(self.kind)} and format version "
                f"{reprlib.repr(self.format_version)}, expected {PASSAGE_ENCODER_KIND!r} and {_VERSION}; use the "
                "version of densephrase that wrote it, or train it again."
            )
        for item in fields(self):
            self._check(item.name, str(item.type))
        check_choices(self, _wrong)
        check_backbone(self.backbone)
        if not isinstance(self.vector_size, int):
            raise EncoderError("The encoder configuration has a backbone without a hidden_size (or dim, d_model).")

    @property
    def vector_size(self) -> int:
        """Dimensions of a vector."""
        names = ("hidden_size", "dim", "d_model")
        size: int = next((self.backbone[name] for name in names if self.backbone.get(name)), None)  # type: ignore[assignment]
        return size

    def check_positions(self, places: int) -> None:
        """Raise EncoderError when a backbone has fewer `places` than passages or questions have tokens."""
        for name in ("max_passage_tokens", "max_question_tokens"):
            if getattr(self, name) > places:
                raise EncoderError(f"{name}={getattr(self, name)} is more than the {places} positions of the backbone.")

    def save(self, folder: Path) -> None:
        """Write the configuration to `folder`, in one step."""
        path = folder / CONFIG_FILE
        temporary_path(path).write_text(self.to_json(), encoding="utf-8")
        publish(path)

    def to_json(self) -> str:
        """Return the content of the configuration file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def load(cls, folder: Path) -> PassageEncoderConfig:
        """Read the configuration of the passage encoder in `folder`.

        Raises EncoderError when it is missing, is not JSON, or has unknown or missing keys.
        """
        path, content = folder / CONFIG_FILE, read_config(folder)
        if is_deeper(content, _DEEPEST):
            raise EncoderError(f"{path} has settings more than {_DEEPEST} deep in each other; no encoder has.")
        known = {item.name for item in fields(cls)}
        if not isinstance(content, dict) or content.get("kind") != PASSAGE_ENCODER_KIND or set(content) - known:
            unknown = sorted(set(content) - known) if isinstance(content, dict) else []
            raise EncoderError(
                f"{path} is no passage encoder configuration (unknown keys: {reprlib.repr(unknown)}; 'kind' must be "
                f"{PASSAGE_ENCODER_KIND!r})."
            )
        if "backbone" not in content:
            raise EncoderError(f"{path} is no passage encoder configuration ('backbone' is required).")
        try:
            return cls(**content)
        except EncoderError as error:
            raise EncoderError(f"{path}: {error}") from None

    def _check(self, name: str, kind: str) -> None:
        value: object = getattr(self, name)
        if kind == "bool" and not isinstance(value, bool):
            raise _wrong(name, value, "true or false")
        if kind == "dict[str, Any]" and not isinstance(value, dict):
            raise _wrong(name, value, "an object")
        if kind == "str" and not (isinstance(value, str) and len(value) <= _LONGEST_PREFIX):
            raise _wrong(name, value, f"a text of at most {_LONGEST_PREFIX} characters")
        if kind == "float | None" and not (value is None or _is_weight(value)):
            raise _wrong(name, value, f"none, or a number from 0 to {_LARGEST_WEIGHT:g}")
        if kind == "int":
            least, most = (0, LARGEST) if name.endswith("_id") else (3 if name.startswith("max_") else 1, _LONGEST)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise _wrong(name, value, f"a whole number from {least} to {most}")


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LARGEST_WEIGHT


def is_passage_encoder(folder: Path) -> bool:
    """Tell whether a folder holds a passage encoder of this library's own layout."""
    try:
        content = read_config(folder)
    except EncoderError:
        return False
    return isinstance(content, dict) and content.get("kind") == PASSAGE_ENCODER_KIND


def _wrong(name: str, found: object, expected: str) -> EncoderError:
    return EncoderError(f"The encoder configuration has {name}={reprlib.repr(found)}; expected {expected}.")
