"""A tiny model whose weights are the same everywhere, and pairs to compare losses on."""

from __future__ import annotations

from typing import Any

SHAPE = {
    "vocab_size": 404,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": 0,
}
PAIRS = [
    {"prompt": "What deletes the stack?\n", "chosen": "It deletes it.", "rejected": "No one."},
    {"prompt": "Which buckets?\n", "chosen": "Those", "rejected": "All of the buckets you own."},
    {"prompt": "Who jumps?\n", "chosen": "The quick brown fox.", "rejected": "The lazy dog jumps."},
]


def model_of(frequency: float) -> Any:
    """A Llama with weights made of sines; another frequency is another model."""
    import torch  # noqa: PLC0415 tests that need no model import this file too
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    model = LlamaForCausalLM(LlamaConfig(**SHAPE)).float()
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            places = torch.arange(parameter.numel(), dtype=torch.float64)
            wave = torch.sin(frequency * (places + 1) * (number + 1)) * 0.3
            own = wave if parameter.ndim > 1 else 1 + wave
            parameter.copy_(own.view(parameter.shape))
    return model
