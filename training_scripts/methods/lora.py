"""LoRA: a low-rank adapter learns beside frozen weights (Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training_scripts.training.settings import TrainSettings


def add_adapter(model: Any, settings: TrainSettings) -> Any:
    """Return the PEFT model around `model`, whose adapter alone is trained.

    Raises:
        JobFailure: If `target_modules` names no module of the model.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    targets = settings.target_modules
    config = LoraConfig(
        r=settings.lora_r,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="CAUSAL_LM",
    )
    torch.manual_seed(settings.seed)
    try:
        # In the compute type like the model: the optimizer keeps float32 masters of both.
        return get_peft_model(model, config, autocast_adapter_dtype=False)
    except ValueError as error:
        fail(f"target_modules: {targets!r} does not fit the model ({error}). Write all-linear.")


def save_adapter(model: Any, weights: Mapping[str, Any], folder: Path) -> None:
    """Write the adapter in PEFT's layout, in float32 as trained."""
    import torch

    for name, parameter in model.named_parameters():
        if name in weights:
            parameter.grad = None
            parameter.data = weights[name].to(torch.float32, copy=True)
    model.save_pretrained(folder, safe_serialization=True)
    # PEFT writes the base model's path in this job, which nobody else has.
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": None}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    # PEFT writes a model card full of blanks.
    (folder / "README.md").unlink(missing_ok=True)


def merge_adapter(base: Any, folder: Path, dtype: Any) -> Any:
    """Return `base`, loaded in float32, with the adapter in `folder` added to its weights."""
    from peft import PeftModel

    return PeftModel.from_pretrained(base, folder).merge_and_unload().to(dtype)
