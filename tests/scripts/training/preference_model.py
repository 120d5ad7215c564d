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
MARGINS = (0.5, 0.0, 1.25)
JUDGED = [
    {"prompt": pair["prompt"], "completion": pair[side], "label": side == "chosen"}
    for pair, side in zip(PAIRS, ("chosen", "rejected", "chosen"), strict=True)
]


def model_of(frequency: float) -> Any:
    """A Llama with weights made of sines; another frequency is another model."""
    # Here, since tests that need no model import this file too.
    from transformers import LlamaConfig, LlamaForCausalLM  # noqa: PLC0415

    return _with_waves(LlamaForCausalLM(LlamaConfig(**SHAPE)).float(), frequency)


def reward_model_of(frequency: float) -> Any:
    """A Llama with one score, its weights made of sines too."""
    from transformers import LlamaConfig, LlamaForSequenceClassification  # noqa: PLC0415

    config = LlamaConfig(**SHAPE, num_labels=1)
    return _with_waves(LlamaForSequenceClassification(config).float(), frequency)


def _with_waves(model: Any, frequency: float) -> Any:
    import torch  # noqa: PLC0415

    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            places = torch.arange(parameter.numel(), dtype=torch.float64)
            wave = torch.sin(frequency * (places + 1) * (number + 1)) * 0.3
            own = wave if parameter.ndim > 1 else 1 + wave
            parameter.copy_(own.view(parameter.shape))
    return model
