"""The passage encoder: paragraphs and questions to vectors, folders to encoders and back."""

from __future__ import annotations

import copy
import hashlib
import shutil
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from densephrase.encoder.device import check_process, find_device, precision_of, prefers_bf16
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.files.location import ENCODER_FILES, fingerprint_of
from densephrase.encoder.files.model_size import check_model_size
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE, Precision, StoredWeights
from densephrase.encoder.files.weights import load_exactly, read_weights, serialise_weights
from densephrase.encoder.first_use import PROBE, check_finite, library_errors
from densephrase.encoder.passage.config import PassageEncoderConfig, is_passage_encoder
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.passage.sentence_export import write_sentence_transformers
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.encoder.published.read_published import read_published
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.encoder.tokens.padding import longest_first, pad_batch

_BATCH_TOKENS = 8192  # padded tokens in a forward pass, as for phrases
_CUDA_BATCH_TOKENS = 32_768
_Forward = Callable[[Tensor, Tensor], Tensor]


class PassageEncoder:
    """A bi-encoder with its tokenizer, ready for inference on one device."""

    def __init__(
        self,
        model: BiEncoder,
        tokeniser: PassageTokeniser,
        device: str = "cpu",
        folder: Path | None = None,
        bf16: bool | None = None,
    ) -> None:
        """Put a model on its device; `from_pretrained` says what the rest is."""
        for tower in model.towers:
            embedding: Any = tower.get_input_embeddings()
            tokeniser.check_vocabulary(embedding.num_embeddings)
        self.config: PassageEncoderConfig = model.config
        self.tokeniser = tokeniser
        self._device = find_device(device)
        self._folder = folder
        self._model = model.to(self._device).eval()
        self._passage_tower: PreTrainedModel = self._model.passage
        if prefers_bf16(self._device) if bf16 is None else bf16:
            self._passage_tower = copy.deepcopy(self._model.passage).bfloat16()

    @classmethod
    def from_pretrained(
        cls, name_or_path: str | Path = "minilm", device: str = "cpu", bf16: bool | None = None
    ) -> PassageEncoder:
        """Load an encoder: "minilm" (all-MiniLM-L6-v2 as published, from its package), a folder or a hub id.

        A folder holds an encoder that this library saved; a sentence-transformers model that is a plain Transformer
        with pooling; DPR in Hugging Face's layout, as sub-folders ctx_encoder and question_encoder; or a DPR checkpoint
        (*.cp) with its vocab.txt. Two folders or hub ids of DPR's towers are named "PASSAGES,QUESTIONS".

        `bf16` asks for passages in bfloat16 (None: where the processor is fast in it); questions are always float32.

        Raises EncoderError when anything is missing, damaged or does not fit, MissingExtraError when the package of
        MiniLM is not installed.
        """
        folder = Path(name_or_path)
        if not is_passage_encoder(folder):
            published = read_published(name_or_path)
            with library_errors(f"The encoder {published.source} cannot be used"):
                config = PassageEncoderConfig(**published.settings)
                model = BiEncoder(config, published.passage, published.question)
                encoder = cls(model, PassageTokeniser(published.tokenizer, config), device, bf16=bf16)
                encoder.try_out()
            return encoder
        folder = folder.resolve()
        config = PassageEncoderConfig.load(folder)
        tokeniser = PassageTokeniser.load(folder, config)
        state, _ = read_weights(folder)
        check_model_size(partial(BiEncoder, config), state, str(folder))
        with library_errors(f"The encoder {folder} cannot be used"):
            model = BiEncoder(config)
            load_exactly(model, state, str(folder))
            encoder = cls(model, tokeniser, device, folder, bf16)
            encoder.try_out()
        return encoder

    def try_out(self) -> None:
        """Encode a passage and a question; EncoderError where the weights give what is no number."""
        self.encode_passages([ParagraphInput(PROBE, "a title")])
        self.encode_questions([PROBE])

    def save_pretrained(self, path: str | Path, precision: Precision = "float32") -> None:
        """Write the encoder to a folder; one that was loaded from such a folder is copied byte for byte."""
        target = Path(path)
        target.mkdir(parents=True, exist_ok=True)
        if self._folder is not None:
            if not target.samefile(self._folder):
                for name in ENCODER_FILES:
                    shutil.copyfile(self._folder / name, target / name)
            return
        self.config.save(target)
        (target / WEIGHTS_FILE).write_bytes(serialise_weights(self._model.state_dict(), precision))
        self.tokeniser.tokenizer.save(str(target / TOKENIZER_FILE))

    def save_sentence_transformers(self, path: str | Path) -> None:
        """Write the encoder as a folder that sentence-transformers (version 5 or later for two towers) reads."""
        write_sentence_transformers(self._model, self.tokeniser.tokenizer, Path(path))

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 (hex) over the encoder's files, as `save_pretrained` writes them."""
        if self._folder is not None:
            return fingerprint_of(self._folder)
        digest = hashlib.sha256(self.config.to_json().encode())
        digest.update(serialise_weights(self._model.state_dict(), "float32"))
        digest.update(self.tokeniser.tokenizer.to_str(pretty=True).encode())
        return digest.hexdigest()

    @property
    def device(self) -> str:
        """The device that it runs on: "cpu", "cuda", "cuda:1", ..."""
        return str(self._device)

    @property
    def precision(self) -> str:
        """What passages are computed in: "float32", or "bfloat16" and by what."""
        return precision_of(self._device, next(self._passage_tower.parameters()).dtype)

    @property
    def runtime(self) -> str:
        """What computes the vectors."""
        return "torch"

    def stored_weights(self) -> StoredWeights:
        """Return the weights as `save_pretrained` writes them in float32."""
        state = {name: value.detach().float().cpu().numpy() for name, value in self._model.state_dict().items()}
        return StoredWeights(state, "float32", self._folder or Path("in memory"))

    @property
    def model(self) -> BiEncoder:
        """The model on its device, in evaluation mode; to be read only."""
        return self._model

    def encode_passages(self, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
        """Return the vector of each passage, float32 [n, vector_size]."""
        return self._encode(self.tokeniser.passages(passages), partial(self._model.pool, self._passage_tower))

    def encode_questions(self, questions: Sequence[str]) -> NDArray[np.float32]:
        """Return the vector of each question, float32 [n, vector_size]; an empty question is legal."""
        return self._encode(self.tokeniser.questions(questions), self._model.encode_questions)

    def _encode(self, rows: Sequence[list[int]], forward: _Forward) -> NDArray[np.float32]:
        check_process(self._device)
        vectors = np.empty((len(rows), self.config.vector_size), np.float32)
        most = _BATCH_TOKENS if self._device.type == "cpu" else _CUDA_BATCH_TOKENS
        for numbers in longest_first([len(row) for row in rows], most):
            ids, mask = pad_batch([rows[number] for number in numbers], self.config.pad_token_id, self._device)
            with torch.inference_mode():
                vectors[numbers] = forward(ids, mask).float().cpu().numpy()
        check_finite(vectors)
        return vectors
