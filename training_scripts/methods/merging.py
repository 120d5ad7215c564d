"""An adapter added to the weights it was trained beside, and the proof that nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 1e-3
"""Of the largest logit: float32 rounds far less, a method merged wrongly is off by far more."""
_PROBE = (2, 32)
"""Rows and tokens of what both are asked."""


def merge_adapter(base: Any, folder: Path) -> tuple[Any, float]:
    """Return `base`, in float32, with the adapter in `folder` added; and how far that is off.

    The second is the largest difference of a logit between the merged model and the model with
    the adapter beside it, as a share of the largest logit.

    Raises:
        JobFailure: If they differ by more than `TOLERANCE`.
    """
    import torch
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(base, folder).eval()
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, base.config.vocab_size, _PROBE, generator=generator)
    tokens = tokens.to(base.device)
    with torch.inference_mode():
        beside = adapted(input_ids=tokens).logits
    merged = adapted.merge_and_unload()
    with torch.inference_mode():
        added = merged(input_ids=tokens).logits
    off = float((added - beside).abs().max() / beside.abs().max().clamp(min=1e-12))
    if not off <= TOLERANCE:
        fail(
            f"merge_adapter: the merged model's logits are off by {off:.2g} of the largest, above "
            f"{TOLERANCE:g}. Write merge_adapter: false to keep the adapter alone."
        )
    return merged, off
