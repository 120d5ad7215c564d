"""A tiny Llama and interventions whose numbers follow from their positions alone."""

from __future__ import annotations

from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

RANK, WIDTH, LAYERS = 3, 16, 2
TOKENS = [[3, 14, 15, 9, 2, 6, 5, 35, 8, 9], [7, 9, 3, 2, 3, 8, 4, 6, 2, 6]]
PROMPTS = [7, 3]
"""Tokens of each row's prompt."""
POSITIONS = "f2+l2"


def waves(count: int, scale: float, shift: float) -> Any:
    """(count,) numbers."""
    return scale * torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + shift).float()


def model_of() -> Any:
    """The Llama under the interventions."""
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40,
            hidden_size=WIDTH,
            intermediate_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=32,
        )
    )
    for shift, parameter in enumerate(model.parameters()):
        scale = 0.3 if parameter.ndim > 1 else 0.05
        values = waves(parameter.numel(), scale, shift).view_as(parameter)
        parameter.data = values if parameter.ndim > 1 else 1 + values
    return model.eval()


def weights_of(number: int) -> tuple[Any, Any, Any]:
    """R with orthonormal rows (rank, width), W (rank, width) and b (rank,) of an intervention."""
    free = waves(RANK * WIDTH, 1.0, 10.0 + number).view(RANK, WIDTH).double()
    rotation = torch.linalg.qr(free.t())[0].t().float().contiguous()
    source = waves(RANK * WIDTH, 0.5, 20.0 + number).view(RANK, WIDTH)
    return rotation, source, waves(RANK, 0.2, 30.0 + number)
