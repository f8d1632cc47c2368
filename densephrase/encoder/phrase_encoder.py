"""The phrase encoder: paragraphs to stored rows, questions to vectors, folders to encoders and back."""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError
from numpy.typing import NDArray

from densephrase.encoder.config import CONFIG_FILE, EncoderConfig
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionVectors
from densephrase.encoder.model import PhraseModel
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.encoder.rows import KeptRows, split_rows
from densephrase.encoder.tokens import TOKENIZER_FILE, PhraseTokeniser, TokenWindow, pad_batch
from densephrase.encoder.weights import WEIGHTS_FILE, Precision, load_exactly, read_weights, serialise_weights
from densephrase.errors import EncoderError

_FILES = (CONFIG_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
_BATCH_TOKENS = 8192  # padded tokens in a forward pass: enough to keep the cores busy, small enough for the cache


class PhraseEncoder:
    """A phrase model with its tokenizer and quantisers, ready for inference on one device."""

    def __init__(
        self,
        model: PhraseModel,
        tokeniser: PhraseTokeniser,
        start_quantiser: VectorQuantiser,
        end_quantiser: VectorQuantiser,
        device: str = "cpu",
        folder: Path | None = None,
        bf16: bool | None = None,
    ) -> None:
        self.config: EncoderConfig = model.config
        self.tokeniser = tokeniser
        self.start_quantiser, self.end_quantiser = start_quantiser, end_quantiser
        self._device = torch.device(device)
        self._dtype = torch.bfloat16 if (prefers_bf16(self._device) if bf16 is None else bf16) else torch.float32
        self._folder = folder
        self._model = model.to(self._device).eval()
        self._text_backbone = self._model.backbone
        if self._dtype != torch.float32:
            self._text_backbone = copy.deepcopy(self._model.backbone).to(self._dtype)

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path = "default", device: str = "cpu", bf16: bool | None = None
    ) -> PhraseEncoder:
        """Load an encoder from a folder, from the Hugging Face hub, or the bundled one ("default").

        `bf16` asks for text in bfloat16 (None: where the processor is fast in it); questions are always float32.
        Raises EncoderError when anything is missing, damaged or does not fit.
        """
        folder = _find_folder(str(name_or_path))
        config = EncoderConfig.load(folder)
        state, _ = read_weights(folder)
        quantisers = [_take_quantiser(state, side, folder) for side in ("start", "end")]
        model = PhraseModel(config)
        load_exactly(model, state, str(folder))
        return cls(model, PhraseTokeniser.load(folder, config), *quantisers, device=device, folder=folder, bf16=bf16)

    def save_pretrained(self, path: str | Path, precision: Precision = "int8") -> None:
        """Write the encoder to a folder; one that was loaded from a folder is copied byte for byte."""
        target = Path(path)
        target.mkdir(parents=True, exist_ok=True)
        if self._folder is not None:
            for name in _FILES:
                shutil.copyfile(self._folder / name, target / name)
            return
        self.config.save(target)
        (target / WEIGHTS_FILE).write_bytes(serialise_weights(self._state(), precision))
        self.tokeniser.tokenizer.save(str(target / TOKENIZER_FILE))

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files; EncoderError for an encoder that was never saved."""
        if self._folder is None:
            raise EncoderError("An encoder has a fingerprint once it is saved; call save_pretrained and load it again.")
        digest = hashlib.sha256()
        for name in _FILES:
            digest.update((self._folder / name).read_bytes())
        return digest.hexdigest()

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return the stored form of each paragraph: kept by the filter, quantised to int8."""
        tokenised = self.tokeniser.paragraphs(paragraphs)
        starts, ends = KeptRows(), KeptRows()
        for windows in _batches(tokenised.windows):
            self._encode_windows(windows, starts, ends)
        return split_rows(tokenised.offsets, starts, ends, self.config.row_size)

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Return start and end vectors, float32 [n, vector_size]; an empty question is legal and gets vectors too."""
        if not questions:
            nothing = np.empty((0, self.config.vector_size), np.float32)
            return QuestionVectors(nothing, nothing)
        ids, mask = pad_batch(self.tokeniser.questions(questions), self.config.pad_token_id)
        with torch.inference_mode():
            start, end = self._model.encode_questions(ids.to(self._device), mask.to(self._device))
        return QuestionVectors(start.float().cpu().numpy(), end.float().cpu().numpy())

    def _encode_windows(self, windows: list[TokenWindow], starts: KeptRows, ends: KeptRows) -> None:
        ids, mask = pad_batch([window.input_ids for window in windows], self.config.pad_token_id)
        paragraph, token = _ownership(windows, ids.shape[1])
        with torch.inference_mode():
            hidden = self._text_backbone(
                input_ids=ids.to(self._device), attention_mask=mask.long().to(self._device)
            ).last_hidden_state.float()
            logits = self._model.phrase_filter(hidden).cpu().numpy()
            for kept, column, threshold, rows, quantiser in (
                (starts, 0, self.config.start_threshold, self._model.start_rows, self.start_quantiser),
                (ends, 1, self.config.end_threshold, self._model.end_rows, self.end_quantiser),
            ):
                mine = (token >= 0) & (logits[:, :, column] >= threshold)
                values = rows(hidden[torch.from_numpy(mine).to(self._device)]).cpu().numpy()
                kept.add(paragraph[mine], token[mine], quantiser.encode(values))

    def _state(self) -> dict[str, torch.Tensor]:
        state = {name: value for name, value in self._model.state_dict().items()}
        for side, quantiser in (("start", self.start_quantiser), ("end", self.end_quantiser)):
            state[f"quantiser.{side}.offset"] = torch.from_numpy(quantiser.offset)
            state[f"quantiser.{side}.scale"] = torch.from_numpy(quantiser.scale)
        return state


def prefers_bf16(device: torch.device) -> bool:
    """Tell whether bfloat16 is faster than float32 on the device: CUDA, and processors with bfloat16 instructions."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported())


def _find_folder(name: str) -> Path:
    """Return the folder of the bundled encoder, of a path, or of a hub id (fetched once, then cached)."""
    if name == "default":
        return Path(str(files("densephrase") / "models" / "default"))
    if Path(name).is_dir():
        return Path(name)
    try:
        return Path(snapshot_download(name, allow_patterns=list(_FILES)))
    except (OSError, HFValidationError, ValueError) as error:
        raise EncoderError(
            f"There is no encoder folder {name!r}, and the Hugging Face hub gave none of that id ({error}). "
            "Give 'default', the folder of an encoder, or a hub id with access to the network."
        ) from error


def _take_quantiser(state: dict[str, torch.Tensor], side: str, folder: Path) -> VectorQuantiser:
    names = [f"quantiser.{side}.{part}" for part in ("offset", "scale")]
    missing = [name for name in names if name not in state]
    if missing:
        raise EncoderError(f"The weights of {folder} lack {missing}; save the encoder again after training.")
    return VectorQuantiser(*(state.pop(name).numpy() for name in names))


def _batches(windows: Sequence[TokenWindow]) -> Iterator[list[TokenWindow]]:
    """Yield windows by falling length, at most _BATCH_TOKENS padded tokens at a time; the order is fixed by the input."""
    ordered = sorted(windows, key=lambda window: -len(window.input_ids))
    at = 0
    while at < len(ordered):
        size = max(1, _BATCH_TOKENS // len(ordered[at].input_ids))
        yield ordered[at : at + size]
        at += size


def _ownership(windows: Sequence[TokenWindow], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the paragraph and the paragraph token of each column, int32 (windows, width); token -1 where not owned."""
    paragraph = np.repeat(np.array([window.paragraph for window in windows], np.int32)[:, None], width, 1)
    token = np.full((len(windows), width), -1, np.int32)
    for row, window in enumerate(windows):
        first = window.first + window.own_start - window.window_start
        token[row, first : first + window.own_end - window.own_start] = np.arange(window.own_start, window.own_end)
    return paragraph, token
