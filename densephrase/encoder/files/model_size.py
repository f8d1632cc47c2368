"""Number of weights of a configuration, compared with those stored before memory for them is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from densephrase.encoder.first_use import library_errors
from densephrase.errors import EncoderError

_CALLS = 200  # of torch's functions for each tensor in the file, at most: making and filling one takes a few
_FEWEST = 2_000  # calls that even the smallest model may take
_SPARE = 1 << 24  # numbers that are made anew rather than stored: positions, tables of angles


class _Outgrown(EncoderError):
    """The model under construction is larger than the weights are."""


class _Budget(TorchFunctionMode):
    """Stops the construction of a model that makes far more tensors than there are weights; of this thread only."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._calls = calls

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        self._calls -= 1
        if self._calls < 0:
            raise _Outgrown("its configuration describes more layers than there are weights for")
        return func(*args, **(kwargs or {}))


def check_model_size(build: Callable[[], nn.Module], weights: Mapping[str, Tensor], source: str) -> None:
    """Raise EncoderError when a model cannot be built as its configuration has it, or is larger than its weights.

    It is built without memory for its weights, in as many steps as so many tensors may take.
    """
    try:
        failed = library_errors(f"The encoder {source} cannot be built")
        with failed, torch.device("meta"), _Budget(_FEWEST + _CALLS * len(weights)):
            model = build()
        made = sum(tensor.numel() for tensor in (*model.parameters(), *model.buffers()))
        stored = sum(tensor.numel() for tensor in weights.values())
        if made > 2 * stored + _SPARE:
            raise _Outgrown(f"its configuration describes {made} numbers, its weights are {stored}")
    except _Outgrown as error:
        raise EncoderError(f"The encoder {source} is damaged: {error}.") from None
