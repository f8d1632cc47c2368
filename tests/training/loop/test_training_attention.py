"""Training's attention gives what the architecture's own gives, whatever the architecture."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from densephrase.training.loop.attention import use_training_attention

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
BACKBONES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "roberta": SIZES,
    "mpnet": SIZES,  # does not let its attention be chosen
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "bos_token_id": 1, "eos_token_id": 2},  # causal
}


@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@pytest.mark.parametrize("model_type", BACKBONES)
def test_hidden_states_stay_the_same(model_type: str, padded: bool) -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model(model_type, vocab_size=50, **BACKBONES[model_type])
    model = AutoModel.from_config(config).eval()
    ids = torch.randint(5, 50, (2, 12))
    mask = torch.ones_like(ids)
    if padded:
        mask[0, 7:] = 0
    with torch.inference_mode():
        before = model(input_ids=ids, attention_mask=mask).last_hidden_state
        use_training_attention(model)
        after = model(input_ids=ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(after[mask.bool()], before[mask.bool()])


def test_a_bfloat16_model_attends_in_float32_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    from densephrase.training.loop import attention

    seen: list[torch.dtype] = []
    original = attention.sdpa_attention_forward

    def watched(module: Any, query: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        seen.append(query.dtype)
        return original(module, query, *arguments, **options)

    monkeypatch.setattr(attention, "sdpa_attention_forward", watched)
    model = AutoModel.from_config(AutoConfig.for_model("bert", vocab_size=50, **SIZES))
    use_training_attention(model)
    ids = torch.randint(5, 50, (2, 6))
    with torch.autocast("cpu", torch.bfloat16):
        model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.float().sum().backward()
    assert seen == [torch.float32, torch.float32]
