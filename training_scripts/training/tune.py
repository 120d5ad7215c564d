"""What the scripts share that go on with a model: every weight is tuned, or few beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from training_scripts.container import fail
from training_scripts.methods.adapter import (
    add_adapter,
    initial_adapter,
    peft_config,
    save_adapter,
)
from training_scripts.methods.fitting import check_fit, shape_of, with_targets
from training_scripts.methods.full import with_weights
from training_scripts.methods.merging import merge_adapter
from training_scripts.methods.names import PROMPTS, REFT, REFUSED, is_merged
from training_scripts.methods.reft import attach, save_reft
from training_scripts.methods.reft_config import reft_config
from training_scripts.training.devices import compute_dtype
from training_scripts.training.job import (
    finish,
    naming_lack_of_memory,
    parameter_counts,
    require_train_split,
    run_training,
    start,
)
from training_scripts.training.model import (
    check_model_folder,
    load_model,
    load_tokenizer,
    prepare_model,
)

if TYPE_CHECKING:
    import tempfile
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.training.loop import Trained
    from training_scripts.training.objectives.objective import Objective
    from training_scripts.training.settings import TrainSettings

_IN_FLOAT32 = frozenset({"adalora"})
"""AdaLoRA ranks its directions by gradients, which the optimizer sums up in float32."""


Load = Callable[["Path", Any], tuple[Any, Any]]
"""From a folder and a number type to a model, and the type that its weights are stored in."""


def tune(job: Job, settings: TrainSettings, objective: Objective, load: Load = load_model) -> None:
    """Tune the model in channel `model` and save it, by the method that `settings` name.

    Raises:
        JobFailure: If data, model or settings do not fit each other.
    """
    require_train_split(job)
    settings = _as_the_method_computes(settings)
    world = start(job, settings)
    dtype = compute_dtype(bf16=settings.bf16, device=world.device)
    folder = job.input("model")
    tokenizer = load_tokenizer(folder)
    config = config_that_fits(folder, settings)
    with naming_lack_of_memory(settings):
        model, stored = load(folder, torch.float32 if config is None else dtype)
        model = prepare_model(model, settings, world.device)
        model = _with_method(model, config, settings)
    started = None if config is None else initial_adapter(model, settings)
    counts = parameter_counts(model)
    trained = run_training(job, settings, world, model, tokenizer, dtype, objective)
    if world.is_main:
        saved, found = model_to_save(job, settings, model, trained, stored or dtype, started)
        finish(job, settings, saved, tokenizer, trained, {**counts, **found})
    world.wait()
    world.close()


def config_that_fits(folder: Path, settings: TrainSettings) -> Any:
    """Return the method's config, checked before any weight is loaded; None for `full`.

    Raises:
        JobFailure: If it does not fit the model in `folder`.
    """
    if settings.method == "full":
        return None
    check_model_folder(folder)
    shape = shape_of(folder)
    if settings.method in REFT:
        return reft_config(settings.method, settings.method_config, shape.config)
    config = peft_config(with_targets(settings, shape), folder)
    check_fit(config, shape, settings)
    return config


def model_to_save(
    job: Job,
    settings: TrainSettings,
    model: Any,
    trained: Trained,
    stored: Any,
    started: tempfile.TemporaryDirectory[str] | None,
) -> tuple[Any, dict[str, float]]:
    """Return the model in the type its weights were stored in, and what merging it cost.

    None, if what is all to save beside the frozen model is saved already.
    """
    weights = trained.master_weights
    if settings.method == "full":
        return with_weights(model, weights, stored), {}
    if settings.method in REFT:
        save_reft(model, weights, job.model_dir)
        return None, {}
    merges = is_merged(settings.method, merge_adapter=settings.merge_adapter)
    adapter = job.model_dir / "adapter" if merges else job.model_dir
    save_adapter(model, weights, adapter, started.name if started else None)
    if not merges:
        return None, {}
    base, _ = load_model(job.input("model"), torch.float32)
    merged, off = merge_adapter(base, adapter)
    print(f"Merged: the largest logit is off by {off:.1e} of itself.", flush=True)
    return merged.to(stored), {"merged_difference": off}


def _as_the_method_computes(settings: TrainSettings) -> TrainSettings:
    """The settings with number type and attention that the method can do with."""
    if settings.method in REFUSED:
        fail(f"method: {settings.method} is not trained here. Write lora.")
    if settings.method in _IN_FLOAT32:
        settings = replace(settings, bf16=False)
    if settings.method in PROMPTS and settings.attn_implementation == "auto":
        # Documents stand apart, each behind its own virtual tokens.
        settings = replace(settings, attn_implementation="sdpa")
    return settings


def _with_method(model: Any, config: Any, settings: TrainSettings) -> Any:
    if config is None:
        return model
    if settings.method in REFT:
        torch.manual_seed(settings.seed)
        return attach(model, config)
    return add_adapter(model, config, settings)
