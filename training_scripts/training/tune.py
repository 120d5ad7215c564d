"""What the scripts share that go on with a model: every weight is tuned, or an adapter beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from training_scripts.methods.full import with_weights
from training_scripts.methods.lora import add_adapter, merge_adapter, save_adapter
from training_scripts.training.devices import compute_dtype
from training_scripts.training.job import (
    finish,
    naming_lack_of_memory,
    parameter_counts,
    require_train_split,
    run_training,
    start,
)
from training_scripts.training.model import load_model, load_tokenizer, prepare_model

if TYPE_CHECKING:
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.training.loop import Trained
    from training_scripts.training.objectives.objective import Objective
    from training_scripts.training.settings import TrainSettings


Load = Callable[["Path", Any], tuple[Any, Any]]
"""From a folder and a number type to a model, and the type that its weights are stored in."""


def tune(job: Job, settings: TrainSettings, objective: Objective, load: Load = load_model) -> None:
    """Tune the model in channel `model` and save it, by the method that `settings` name.

    Raises:
        JobFailure: If data, model or settings do not fit each other.
    """
    require_train_split(job)
    world = start(job, settings)
    dtype = compute_dtype(bf16=settings.bf16, device=world.device)
    folder = job.input("model")
    tokenizer = load_tokenizer(folder)
    lora = settings.method == "lora"
    with naming_lack_of_memory(settings):
        model, stored = load(folder, dtype if lora else torch.float32)
        model = prepare_model(model, settings, world.device)
        if lora:
            model = add_adapter(model, settings)
    counts = parameter_counts(model)
    trained = run_training(job, settings, world, model, tokenizer, dtype, objective)
    if world.is_main:
        model = model_to_save(job, settings, model, trained, stored or dtype)
        finish(job, settings, model, tokenizer, trained, counts)
    world.wait()
    world.close()


def model_to_save(
    job: Job, settings: TrainSettings, model: Any, trained: Trained, stored: Any
) -> Any:
    """Return the model in the type it was stored in; None if the adapter is all to save."""
    if settings.method == "full":
        return with_weights(model, trained.master_weights, stored)
    if not settings.merge_adapter:
        save_adapter(model, trained.master_weights, job.model_dir)
        return None
    adapter = job.model_dir / "adapter"
    save_adapter(model, trained.master_weights, adapter)
    base, _ = load_model(job.input("model"), torch.float32)
    return merge_adapter(base, adapter, stored)
