"""The phrase encoder: paragraphs to stored rows, questions to vectors, folders to encoders and back."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.corpus.cutting.fitting_paragraphs import fitting_paragraphs
from densephrase.data import Paragraph
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.device import check_process, find_device, precision_of, prefers_bf16
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, QuestionVectors
from densephrase.encoder.files.location import ENCODER_FILES, find_encoder_folder, fingerprint_of
from densephrase.encoder.files.model_size import check_model_size
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE, Precision
from densephrase.encoder.files.weights import load_exactly, read_weights, serialise_weights
from densephrase.encoder.first_use import PROBE, check_finite, library_errors
from densephrase.encoder.phrase.device_codes import codes_of
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.row_quantisers import FACTOR_WEIGHTS, QUANTISER_WEIGHTS, RowQuantisers
from densephrase.encoder.phrase.rows import CollectedRows, split_rows
from densephrase.encoder.phrase.sparse_factors import SparseFactors
from densephrase.encoder.question_ngrams import question_ngrams
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.encoder.tokens.padding import longest_first, pad_batch
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser, TokenWindow
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser, check_sparse_scale

_BATCH_TOKENS = 8192  # padded tokens in a forward pass: enough to keep the cores busy, small enough for the cache
_CUDA_BATCH_TOKENS = 32_768  # there: a device has more cores and no such cache; activations take less than a gigabyte
_BATCH_QUESTIONS = 256


class PhraseEncoder:
    """A phrase model with its tokenizer and quantisers, ready for inference on one device.

    `text_backbone` reads texts: the model's own backbone, or a copy of it in bfloat16.
    """

    def __init__(
        self,
        model: PhraseModel,
        tokeniser: PhraseTokeniser,
        quantisers: RowQuantisers,
        device: str = "cpu",
        folder: Path | None = None,
        bf16: bool | None = None,
    ) -> None:
        embedding: Any = model.backbone.get_input_embeddings()
        tokeniser.check_vocabulary(embedding.num_embeddings)
        self.config: EncoderConfig = model.config
        self.tokeniser = tokeniser
        self.start_quantiser, self.end_quantiser = quantisers.start, quantisers.end
        self._device = find_device(device)
        self._folder = folder
        self._model = model.to(self._device).eval()
        self._factors = None if quantisers.factors is None else quantisers.factors.to(self._device).eval()
        self.text_backbone = self._model.backbone
        if prefers_bf16(self._device) if bf16 is None else bf16:
            self.text_backbone = copy.deepcopy(self._model.backbone).bfloat16()

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path = "default", device: str = "cpu", bf16: bool | None = None
    ) -> PhraseEncoder:
        """Load an encoder from a folder, from the Hugging Face hub, or the bundled one ("default").

        `bf16` asks for text in bfloat16 (None: where the processor is fast in it); questions are always float32.
        Raises EncoderError when anything is missing, damaged or does not fit.
        """
        folder = find_encoder_folder(name_or_path)
        config = EncoderConfig.load(folder)
        tokeniser = PhraseTokeniser.load(folder, config)
        state, _ = read_weights(folder)
        start, end = (VectorQuantiser.read(state, side, config.row_size, folder) for side in ("start", "end"))
        _split(state, QUANTISER_WEIGHTS)
        factors = _split(state, FACTOR_WEIGHTS)
        check_model_size(partial(PhraseModel, config), state, str(folder))
        with library_errors(f"The encoder {folder} cannot be used"):
            model = PhraseModel(config)
            load_exactly(model, state, str(folder))
            sparse = _load_factors(model, factors, folder) if config.sparc_size or factors else None
            encoder = cls(model, tokeniser, RowQuantisers(start, end, sparse), device=device, folder=folder, bf16=bf16)
            encoder.encode_paragraphs([ParagraphInput(PROBE)])
            encoder.encode_questions(PROBE.split())  # each short enough to be read whole
        return encoder

    def save_pretrained(self, path: str | Path, precision: Precision = "int8") -> None:
        """Write the encoder to a folder; one that was loaded from a folder is copied byte for byte."""
        target = Path(path)
        target.mkdir(parents=True, exist_ok=True)
        if self._folder is not None:
            if not target.samefile(self._folder):
                for name in ENCODER_FILES:
                    shutil.copyfile(self._folder / name, target / name)
            return
        self.config.save(target)
        (target / WEIGHTS_FILE).write_bytes(serialise_weights(self._state(), precision))
        self.tokeniser.tokenizer.save(str(target / TOKENIZER_FILE))

    def stricter(self, margin: float) -> PhraseEncoder:
        """Return this encoder with the thresholds of its filter raised by `margin` logits, to keep fewer rows."""
        other = copy.copy(self)
        other.config = replace(
            self.config,
            start_threshold=self.config.start_threshold + margin,
            end_threshold=self.config.end_threshold + margin,
        )
        return other

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files; EncoderError for an encoder that was never saved."""
        if self._folder is None:
            raise EncoderError("An encoder has a fingerprint once it is saved; call save_pretrained and load it again.")
        return fingerprint_of(self._folder)

    @property
    def device(self) -> str:
        """The device that it runs on: "cpu", "cuda", "cuda:1", ..."""
        return str(self._device)

    @property
    def precision(self) -> str:
        """What texts are computed in: "float32", or "bfloat16" and by what."""
        return precision_of(self._device, next(self.text_backbone.parameters()).dtype)

    @property
    def runtime(self) -> str:
        """What computes the vectors."""
        return "torch"

    @property
    def sparse_scale(self) -> NDArray[np.float32] | None:
        """What a product of the codes of sparse factors counts, float32 [4] by head; None without Sparc heads."""
        return None if self._factors is None else self._factors.scales()

    @property
    def model(self) -> PhraseModel:
        """The model on its device, in evaluation mode; to be read only."""
        return self._model

    def split_paragraphs(self, texts: Sequence[str]) -> list[list[Paragraph]]:
        """Cut each text into the paragraphs of an index: those between blank lines, no longer than a window takes."""
        return fitting_paragraphs(texts, self.tokeniser.places, self.config.window_capacity)

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return the stored form of each paragraph: kept by the filter, quantised to int8."""
        tokenised = self.tokeniser.paragraphs(paragraphs)
        collected = CollectedRows()
        most = _BATCH_TOKENS if self._device.type == "cpu" else _CUDA_BATCH_TOKENS
        for numbers in longest_first([len(window.input_ids) for window in tokenised.windows], most):
            self._encode_windows([tokenised.windows[number] for number in numbers], collected)
        sizes = self.config.row_size, self.config.sparse_rank
        return split_rows(tokenised.offsets, tokenised.ids, collected, *sizes)

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Return start and end vectors, float32 [n, vector_size], and the questions' n-grams.

        An empty question is legal and gets vectors too.
        """
        if not questions:
            return QuestionVectors.none(self.config.vector_size, sparse=self._factors is not None)
        rows = self.tokeniser.questions(questions)
        return QuestionVectors.joined(
            [self._encode_batch(rows[at : at + _BATCH_QUESTIONS]) for at in range(0, len(rows), _BATCH_QUESTIONS)]
        )

    def _encode_batch(self, questions: Sequence[list[int]]) -> QuestionVectors:
        check_process(self._device)
        ids, mask = pad_batch(questions, self.config.pad_token_id, self._device)
        with torch.inference_mode():
            output = self._model.encode_questions(ids, mask)
        start, end = output.start.float().cpu().numpy(), output.end.float().cpu().numpy()
        check_finite(start, end)
        if output.sparc is None or self._factors is None:
            return QuestionVectors(start, end)
        weights = output.sparc.float().cpu().numpy()
        return QuestionVectors(start, end, tuple(_ngrams(row, weights[at]) for at, row in enumerate(questions)))

    def _encode_windows(self, windows: list[TokenWindow], collected: CollectedRows) -> None:
        check_process(self._device)
        ids, mask = pad_batch([window.input_ids for window in windows], self.config.pad_token_id, self._device)
        paragraph, token = _ownership(windows, ids.shape[1])
        thresholds = (self.config.start_threshold, self.config.end_threshold)
        heads = ((self._model.start_rows, self.start_quantiser), (self._model.end_rows, self.end_quantiser))
        with torch.inference_mode():
            hidden = self.text_backbone(input_ids=ids, attention_mask=mask.long()).last_hidden_state.float()
            logits = self._model.phrase_filter(hidden).cpu().numpy()
            check_finite(logits)
            for side, (rows, quantiser) in enumerate(heads):
                mine = (token >= 0) & (logits[:, :, side] >= thresholds[side])
                states = hidden[torch.from_numpy(mine).to(self._device)]
                codes = codes_of(rows(states), quantiser)
                if self._factors is not None:
                    codes = np.concatenate([codes, self._factors.query_codes(states, side)], 1)
                collected.sides[side].add(paragraph[mine], token[mine], codes)
            if self._factors is not None:
                owned = token >= 0
                keys = self._factors.key_codes(hidden[torch.from_numpy(owned).to(self._device)])
                collected.keys.add(paragraph[owned], token[owned], keys)

    def _state(self) -> dict[str, torch.Tensor]:
        quantisers = RowQuantisers(self.start_quantiser, self.end_quantiser, self._factors)
        return {**self._model.state_dict(), **quantisers.state()}


def _split(state: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Take the weights whose names begin with `prefix` out of `state`, and the prefix off their names."""
    names = [name for name in state if name.startswith(prefix)]
    return {name.removeprefix(prefix): state.pop(name) for name in names}


def _load_factors(model: PhraseModel, weights: dict[str, torch.Tensor], folder: Path) -> SparseFactors:
    factors = SparseFactors(int(model.backbone.config.hidden_size), model.config.sparse_rank)
    load_exactly(factors, weights, f"the sparse factors of {folder}")
    check_sparse_scale(factors.scales(), folder)
    return factors


def _ngrams(ids: Sequence[int], weights: NDArray[np.float32]) -> QuestionNgrams:
    return question_ngrams(ids, weights[:, : len(ids)])


def _ownership(windows: Sequence[TokenWindow], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the paragraph and the paragraph token of each column, int32 (windows, width); token -1 where not owned."""
    paragraph = np.repeat(np.array([window.paragraph for window in windows], np.int32)[:, None], width, 1)
    token = np.full((len(windows), width), -1, np.int32)
    for row, window in enumerate(windows):
        first = window.first + window.own_start - window.window_start
        token[row, first : first + window.own_end - window.own_start] = np.arange(window.own_start, window.own_end)
    return paragraph, token
