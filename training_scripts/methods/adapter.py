"""Adapters of peft's: few weights learn beside frozen ones, saved in peft's layout."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.loading import first_sentence
from training_scripts.methods.names import CHANGE_THE_BASE, LORA_VARIANTS, NEVER_MERGED, PROMPTS
from training_scripts.methods.prompts import Prompted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training_scripts.training.settings import TrainSettings


def peft_config(settings: TrainSettings, tokenizer_folder: Path) -> Any:
    """Return peft's config of the job's method.

    Args:
        settings: Of the job.
        tokenizer_folder: Whose tokenizer turns `prompt_tuning_init_text` into tokens.

    Raises:
        JobFailure: If peft refuses the fields.
    """
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    method = "lora" if settings.method in LORA_VARIANTS else settings.method
    config_class = PEFT_TYPE_TO_CONFIG_MAPPING[PeftType[method.upper()]]
    values = _config_values(settings, tokenizer_folder)
    try:
        return config_class(task_type="CAUSAL_LM", **values)
    except (TypeError, ValueError) as error:
        fail(f"method_config: peft refuses it for {settings.method} ({first_sentence(error)}).")


def add_adapter(model: Any, config: Any, settings: TrainSettings) -> Any:
    """Return the model with the adapter of `config`, which alone is trained.

    Raises:
        JobFailure: If the adapter does not fit the model.
    """
    import torch
    from peft import get_peft_model

    torch.manual_seed(settings.seed)
    # In the compute type like the model: the optimizer keeps float32 masters of both.
    cast = {} if settings.method in PROMPTS else {"autocast_adapter_dtype": False}
    try:
        adapted = get_peft_model(model, config, **cast)
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        fail(
            f"method: {settings.method} does not fit the model ({first_sentence(error)}). "
            "Change target_modules or method_config."
        )
    return Prompted(adapted) if settings.method in PROMPTS else adapted


def initial_adapter(model: Any, settings: TrainSettings) -> tempfile.TemporaryDirectory[str] | None:
    """Return a folder with the adapter as it starts, if the start changed the frozen weights."""
    init = LORA_VARIANTS.get(settings.method, {}).get("init_lora_weights")
    init = settings.method_config.get("init_lora_weights", init)
    if not isinstance(init, str) or not init.startswith(CHANGE_THE_BASE):
        return None
    folder: tempfile.TemporaryDirectory[str] = tempfile.TemporaryDirectory()
    # peft asks that what is loaded as the start does not change the base once more.
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(folder.name, safe_serialization=True)
    model.peft_config["default"].init_lora_weights = init
    return folder


def save_adapter(
    model: Any, weights: Mapping[str, Any], folder: Path, started_from: str | None = None
) -> None:
    """Write the adapter in peft's layout, in float32 as trained.

    Args:
        model: As trained.
        weights: The trained parameters in float32, by name.
        folder: Where to.
        started_from: A folder with the adapter as it started, if that changed the frozen weights:
            what is saved then fits the weights as they were before.
    """
    import torch

    for name, parameter in model.named_parameters():
        if name in weights:
            parameter.grad = None
            parameter.data = weights[name].to(torch.float32, copy=True)
    adapted = model.adapted if isinstance(model, Prompted) else model
    adapted.save_pretrained(
        folder, safe_serialization=True, path_initial_model_for_weight_conversion=started_from
    )
    # PEFT writes the base model's path in this job, which nobody else has.
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"base_model_name_or_path": None}
    if "tokenizer_name_or_path" in config:
        config |= {"tokenizer_name_or_path": None, "prompt_tuning_init": "RANDOM"}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    # PEFT writes a model card full of blanks.
    (folder / "README.md").unlink(missing_ok=True)


def load_adapter(base: Any, folder: Path) -> Any:
    """Return the model that can be asked: `base` with the adapter in `folder`, merged if it can.

    Raises:
        JobFailure: If the adapter is of another model, or its weights are no safetensors.
    """
    from peft import PeftModel

    if not (folder / "adapter_model.safetensors").is_file():
        fail(
            "model: the adapter has no adapter_model.safetensors. Copy the whole adapter, or "
            "convert its weights: pickles are not loaded, since they can run code."
        )
    try:
        adapted = PeftModel.from_pretrained(base, folder)
    except (RuntimeError, ValueError) as error:
        fail(
            f"model: the adapter does not fit the base model ({first_sentence(error)}). "
            "Name the model that it was trained on."
        )
    method = adapted.peft_config["default"].peft_type.value.lower()
    if method in PROMPTS:
        return Prompted(adapted)
    return adapted.get_base_model() if method in NEVER_MERGED else adapted.merge_and_unload()


def _config_values(settings: TrainSettings, tokenizer_folder: Path) -> dict[str, Any]:
    values = dict(settings.method_config)
    if settings.method in LORA_VARIANTS:
        values |= {
            "r": settings.lora_r,
            "lora_alpha": settings.lora_alpha,
            "lora_dropout": settings.lora_dropout,
            **LORA_VARIANTS[settings.method],
        }
    if settings.target_modules is not None:
        targets = settings.target_modules
        values["target_modules"] = targets if isinstance(targets, str) else list(targets)
    if settings.method == "adalora":
        # peft wants a number; the true one is known once the rows are packed (budget.py).
        values["total_step"] = sys.maxsize
    if values.get("prompt_tuning_init") == "TEXT":
        values["tokenizer_name_or_path"] = str(tokenizer_folder)
    return values
