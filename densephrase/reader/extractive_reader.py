"""The reader ready for use: loading, saving, and logits of question-window pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.encoder.backbone import new_backbone
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.device import find_device, on_device, prefers_bf16
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.files.weights import load_exactly, read_weights, serialise_weights
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.encoder.tokens.padding import longest_first
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError
from densephrase.reader.inputs import ReaderInput, pad_reader_inputs
from densephrase.reader.model import ReaderModel

READER_FILE = "reader.json"
_BATCH_TOKENS = 8192  # padded tokens in a forward pass


class ExtractiveReader:
    """A reader with its tokenizer on one device; `config` says how its inputs are cut into windows and tokens."""

    def __init__(
        self, model: ReaderModel, tokeniser: PhraseTokeniser, config: EncoderConfig, device: str = "cpu"
    ) -> None:
        self.device = find_device(device)
        self.model, self.tokeniser, self.config = model.to(self.device).eval(), tokeniser, config

    @classmethod
    def from_pretrained(cls, path: str | Path, device: str = "cpu") -> ExtractiveReader:
        """Load a reader that `densephrase train-reader` made; EncoderError when it is missing or damaged."""
        folder = Path(path)
        if not (folder / READER_FILE).is_file():
            raise EncoderError(f"{folder} holds no {READER_FILE}; give a folder that `densephrase train-reader` wrote.")
        config = EncoderConfig.load(folder)
        model = ReaderModel(new_backbone(config.backbone))
        load_exactly(model, read_weights(folder)[0], str(folder))
        return cls(model, PhraseTokeniser.load(folder, config), config, device)

    def save_pretrained(self, path: str | Path, summary: dict[str, object]) -> None:
        """Write configuration, float32 weights, tokenizer and `summary`, which says how the weights were made."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        self.config.save(folder)
        (folder / WEIGHTS_FILE).write_bytes(serialise_weights(self.model.state_dict(), "float32"))
        self.tokeniser.tokenizer.save(str(folder / TOKENIZER_FILE))
        (folder / READER_FILE).write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def logits(self, inputs: Sequence[ReaderInput]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (number of the input, start and end logits float32 [2, paragraph tokens]), longest inputs first."""
        for numbers in longest_first([len(row.input_ids) for row in inputs], _BATCH_TOKENS):
            yield from self._batch_logits(inputs, numbers)

    def _batch_logits(
        self, inputs: Sequence[ReaderInput], numbers: Sequence[int]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        rows = pad_reader_inputs([inputs[number] for number in numbers], self.config.pad_token_id)
        batch = on_device(rows, self.device)
        with (
            torch.inference_mode(),
            torch.autocast(self.device.type, torch.bfloat16, enabled=prefers_bf16(self.device)),
        ):
            start, end = self.model(batch.input_ids, batch.mask, batch.token_mask)
        both = torch.stack([start, end], 1).cpu().numpy()
        for number, row in zip(numbers, both, strict=True):
            yield number, row[:, inputs[number].first : len(inputs[number].input_ids) - 1].copy()
