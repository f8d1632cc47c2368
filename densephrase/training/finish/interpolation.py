"""Weight interpolation (WiSE-FT, Wortsman et al. 2022) between an encoder and what further training makes of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all weights of a model, on CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def interpolate_weights(model: nn.Module, start: Mapping[str, Tensor], share: float) -> None:
    """Set each weight to `share` times itself and 1 - `share` times that of `start`.

    Between an encoder and what further training makes of it, answers are better than at either end where both are about
    as good (WiSE-FT, Wortsman et al. 2022, section 3; on average, so measure it on held-out questions).
    """
    with torch.no_grad():
        for name, value in model.state_dict().items():
            value.copy_(torch.lerp(start[name].to(value), value, share))
