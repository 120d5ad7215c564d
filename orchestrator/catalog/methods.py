"""How a model can be tuned: the methods of peft with their fields, and those of our own.

`peft_methods.json` is written by `tools/peft_methods.py` from the peft that jobs install.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LORA_VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "lora": {},
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "pissa": {"init_lora_weights": "pissa"},
    "olora": {"init_lora_weights": "olora"},
}
"""LoRA by the names of its papers, and what each sets in `LoraConfig`."""
REFT = frozenset({"loreft", "direft"})
"""Interventions on what layers put out (arXiv:2404.03592)."""
REFUSED: Mapping[str, str] = {
    "qlora": "it keeps the base model in 4 bits by bitsandbytes, which needs a CUDA GPU, and no "
    "image of the catalogue has it",
    "poly": "it wants the number of a task with every row, and rows have none",
    "multitask_prompt_tuning": "it wants the number of a task with every row, and rows have none",
    "xlora": "it mixes adapters that were trained before, and a step trains one",
    "shadow": "it trains a second network by a loss of its own",
    "cpt": "it trains on one context of examples by a loss of its own",
}
"""Methods of peft that fmo does not train, each with the reason."""
INSTEAD: Mapping[str, str] = {"multitask_prompt_tuning": "prompt_tuning", "cpt": "prompt_tuning"}
PROMPTS = frozenset({"prompt_tuning", "p_tuning", "prefix_tuning", "cartridge"})
"""They learn vectors that stand before each prompt."""
NEVER_MERGED = PROMPTS | REFT | {"adaption_prompt", "lily", "beft"}
"""Methods whose result is more than other weights of the same layers."""
WITHHELD: Mapping[str, str] = {
    **dict.fromkeys(
        ("token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules"),
        "it follows from the model",
    ),
    **dict.fromkeys(("tokenizer_name_or_path", "tokenizer_kwargs"), "the model's tokenizer is"),
    "total_step": "it follows from the number of optimizer steps",
    **dict.fromkeys(("megatron_config", "megatron_core"), "the trainers do not use Megatron"),
    **dict.fromkeys(
        (
            *("eva_config", "corda_config", "lora_ga_config", "loftq_config", "arrow_config"),
            *("monteclora_config", "velora_config", "kasa_config", "use_bdlora", "use_asa"),
            *("alora_invocation_tokens", "runtime_config", "use_qalora", "qalora_group_size"),
            "layer_replication",
        ),
        "it needs more of a trainer than the weights",
    ),
}
"""Fields that a step may not set, each with the reason."""
WITHHELD_CHOICES = frozenset({"eva", "corda", "loftq", "lora_ga"})
"""Values of `init_lora_weights` that look at data, or at quantized weights, first."""
BESIDE: Mapping[str, str] = {
    "r": "lora_r",
    "lora_alpha": "lora_alpha",
    "lora_dropout": "lora_dropout",
}
"""Fields of LoRA's config that are keys of the step itself."""
NEEDED: Mapping[str, Mapping[str, Any]] = {
    **{method: {"num_virtual_tokens": 20} for method in PROMPTS},
    "adaption_prompt": {"adapter_len": 10, "adapter_layers": 2},
    "trainable_tokens": {"token_indices": [0, 1]},
}
"""Fields without which a method does nothing, each with an example."""


@dataclass(frozen=True)
class MethodField:
    """One field of a method's config."""

    types: frozenset[str]
    """Of `integer`, `number`, `boolean`, `text`, `list`, `mapping`, `null`."""
    default: Any
    choices: tuple[str, ...] = ()
    """The words that `text` may be; empty for any."""


_REFT_FIELDS: Mapping[str, MethodField] = {
    "rank": MethodField(frozenset({"integer"}), 4),
    "layers": MethodField(frozenset({"text", "list"}), "all", ("all",)),
    "positions": MethodField(frozenset({"text"}), "f1+l1"),
    "share_weights": MethodField(frozenset({"boolean"}), default=True),
    "dropout": MethodField(frozenset({"number"}), 0.0),
}


def peft_methods() -> tuple[str, ...]:
    """Return every method of peft, by its own name."""
    return tuple(_peft()["methods"])


def method_fields(method: str) -> Mapping[str, MethodField]:
    """Return the fields of a method's config; none for `full`."""
    if method in REFT:
        return _REFT_FIELDS
    found = _peft()["methods"].get("lora" if method in LORA_VARIANTS else method, {"fields": {}})
    return {
        name: MethodField(
            frozenset(field["types"]), field["default"], tuple(field.get("choices", ()))
        )
        for name, field in found["fields"].items()
    }


@cache
def _peft() -> dict[str, Any]:
    text = files("orchestrator.catalog").joinpath("peft_methods.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document
