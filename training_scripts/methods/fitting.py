"""Whether a method fits a model, told from the model's shape before its weights are loaded."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.methods.names import LORA_VARIANTS, PROMPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from training_scripts.training.settings import TrainSettings

ALL_LINEAR = "all-linear"
_RANKS = ("r", "init_r", "target_r")
_LOW_RANK = frozenset({*LORA_VARIANTS, "adalora", "deft", "hra", "psoft"})
"""Methods whose rank is that of a product of two matrices, or counts directions."""
_SHOWN = 8


def shape_of(folder: Path) -> Any:
    """Return the model in `folder` on torch's meta device: names and sizes without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def with_targets(settings: TrainSettings, shape: Any) -> TrainSettings:
    """Return the settings with target modules that peft can do with.

    peft has defaults for the architectures it knows; others get `all-linear`. Where only some
    layers are adapted, peft wants the names that `all-linear` stands for.
    """
    targets = settings.target_modules
    if targets is None and _default_targets(settings.method, shape) == ALL_LINEAR:
        targets = ALL_LINEAR
    if targets == ALL_LINEAR and "layers_to_transform" in settings.method_config:
        targets = tuple(sorted({name.rsplit(".", 1)[-1] for name in _linears(shape)}))
    return replace(settings, target_modules=targets)


def _default_targets(method: str, shape: Any) -> Any:
    """The modules that peft adapts unless told others; None if the method has no such thing."""
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING

    tuner = PEFT_TYPE_TO_TUNER_MAPPING[PeftType[method.upper()]]
    known = getattr(tuner, "target_module_mapping", None)
    return None if known is None else known.get(shape.config.model_type, ALL_LINEAR)


def check_fit(config: Any, shape: Any, settings: TrainSettings) -> None:
    """Fail if peft's `config` does not fit the model; names all that is wrong.

    Raises:
        JobFailure: If target modules match nothing, a layer or rank is too high, or virtual
            tokens leave no room.
    """
    layers = shape.config.num_hidden_layers
    problems = [
        *_module_problems(config, shape),
        *_layer_problems(config, layers),
        *_rank_problems(config, shape, settings),
        *_room_problems(config, shape, settings),
    ]
    if problems:
        fail("\n".join(problems))


def _module_problems(config: Any, shape: Any) -> Iterator[str]:
    targets = getattr(config, "target_modules", None)
    if targets is None or targets == ALL_LINEAR:
        return
    names = [name for name, _ in shape.named_modules() if name]
    kinds = sorted({name.rsplit(".", 1)[-1] for name in _linears(shape)})
    wanted = [targets] if isinstance(targets, str) else sorted(targets)
    for target in wanted:
        if isinstance(targets, str):
            found = any(re.fullmatch(target, name) for name in names)
        else:
            found = any(name == target or name.endswith(f".{target}") for name in names)
        if not found:
            yield (
                f"target_modules: {target!r} matches no module of the model. "
                f"{_meant(target, kinds)}"
            )


def _meant(target: str, kinds: list[str]) -> str:
    close = difflib.get_close_matches(target, kinds, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Write {ALL_LINEAR}, or of {', '.join(kinds[:_SHOWN])}."


def _layer_problems(config: Any, count: int) -> Iterator[str]:
    layers = getattr(config, "layers_to_transform", None)
    numbers = [layers] if isinstance(layers, int) else layers or []
    for number in numbers:
        if not 0 <= number < count:
            yield (
                f"method_config.layers_to_transform: {number} is not among the model's {count} "
                f"layers. Write numbers from 0 to {count - 1}."
            )
    adapted = getattr(config, "adapter_layers", None)
    if adapted is not None and adapted > count:
        yield (
            f"method_config.adapter_layers: {adapted} is above the model's {count} layers. "
            f"Write {count} or less."
        )


def _rank_problems(config: Any, shape: Any, settings: TrainSettings) -> Iterator[str]:
    if settings.method not in _LOW_RANK:
        return
    layers = _targeted(config, shape, settings.method)
    sizes = [min(layer.in_features, layer.out_features) for layer in layers]
    if not sizes:
        return
    for name in _RANKS:
        rank = getattr(config, name, None)
        if rank is None or rank <= min(sizes):
            continue
        where = "lora_r" if settings.method in LORA_VARIANTS else f"method_config.{name}"
        yield (
            f"{where}: {rank} is above the rank that the smallest adapted layer can have "
            f"({min(sizes)}). Write {min(sizes)} or less, or other target_modules."
        )


def _room_problems(config: Any, shape: Any, settings: TrainSettings) -> Iterator[str]:
    longest = getattr(shape.config, "max_position_embeddings", None)
    virtual = getattr(config, "num_virtual_tokens", None)
    if settings.method not in PROMPTS or longest is None or virtual is None:
        return
    if virtual < 1:
        yield f"method_config.num_virtual_tokens: {virtual} is not above 0. Write 20."
    elif virtual + settings.max_length > longest:
        yield (
            f"method_config.num_virtual_tokens: {virtual} before max_length "
            f"{settings.max_length} are above the {longest} positions that the model was made for. "
            f"Lower max_length to {max(1, longest - virtual)}."
        )


def _linears(shape: Any) -> Mapping[str, Any]:
    """Every linear layer but the output layer, by name."""
    from torch import nn

    output = shape.get_output_embeddings()
    return {
        name: module
        for name, module in shape.named_modules()
        if isinstance(module, nn.Linear) and module is not output
    }


def _targeted(config: Any, shape: Any, method: str) -> list[Any]:
    targets, linears = config.target_modules, _linears(shape)
    if targets is None:
        targets = _default_targets(method, shape) or ()
    if isinstance(targets, str):
        wanted = r".*" if targets == ALL_LINEAR else targets
        return [module for name, module in linears.items() if re.fullmatch(wanted, name)]
    return [
        module
        for name, module in linears.items()
        if any(name == target or name.endswith(f".{target}") for target in targets)
    ]
