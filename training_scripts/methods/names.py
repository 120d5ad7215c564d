"""Methods by their names in a spec, and what follows from a name alone."""

from __future__ import annotations

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
"""What each variant sets in peft's `LoraConfig`."""
CHANGE_THE_BASE = ("pissa", "olora")
"""Ways to start a LoRA that take something out of the frozen weights."""
REFT = frozenset({"loreft", "direft"})
PROMPTS = frozenset({"prompt_tuning", "p_tuning", "prefix_tuning", "cartridge"})
"""They learn vectors that stand before each document."""
NEVER_MERGED = PROMPTS | REFT | {"adaption_prompt", "lily", "beft"}
"""Methods whose result is more than other weights of the same layers."""
REFUSED = frozenset({"qlora", "poly", "multitask_prompt_tuning", "xlora", "shadow", "cpt"})
"""What the spec refuses with the reason."""


def is_merged(method: str, *, merge_adapter: bool) -> bool:
    """Return whether a training by `method` saves a merged model."""
    return merge_adapter and method != "full" and method not in NEVER_MERGED
