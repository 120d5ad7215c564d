"""Fine-tune on instructions: `python3 launch.py sft.py [--name=value ...]`.

Starts from the model in channel `model`. Method `full` trains every weight, `lora` an adapter
beside them, which is saved in `adapter/` and merged into the model at the root; with
`merge_adapter: false` the adapter alone is saved, at the root. The loss is taken on completions,
or on what the assistant says, unless `completion_only_loss` is false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings

if TYPE_CHECKING:
    from training_scripts.training.loop import Trained
    from training_scripts.training.settings import TrainSettings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings)

    import torch

    from training_scripts.methods.lora import add_adapter
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

    require_train_split(job)
    world = start(job, settings)
    dtype = compute_dtype(bf16=settings.bf16, device=world.device)
    folder = job.input("model")
    tokenizer = load_tokenizer(folder)
    lora = settings.method == "lora"
    with naming_lack_of_memory(settings):
        model, stored = load_model(folder, dtype if lora else torch.float32)
        model = prepare_model(model, settings, world.device)
        if lora:
            model = add_adapter(model, settings)
    counts = parameter_counts(model)
    trained = run_training(job, settings, world, model, tokenizer, dtype)
    if world.is_main:
        model = _model_to_save(job, settings, model, trained, stored or dtype)
        finish(job, settings, model, tokenizer, trained, counts)
    world.wait()
    world.close()


def _model_to_save(
    job: Job, settings: TrainSettings, model: Any, trained: Trained, stored: Any
) -> Any:
    """The model in the type its weights were stored in; None if the adapter is all to save."""
    import torch

    from training_scripts.methods.full import with_weights
    from training_scripts.methods.lora import merge_adapter, save_adapter
    from training_scripts.training.model import load_model

    if settings.method == "full":
        return with_weights(model, trained.master_weights, stored)
    if not settings.merge_adapter:
        save_adapter(model, trained.master_weights, job.model_dir)
        return None
    adapter = job.model_dir / "adapter"
    save_adapter(model, trained.master_weights, adapter)
    base, _ = load_model(job.input("model"), torch.float32)
    return merge_adapter(base, adapter, stored)


if __name__ == "__main__":
    main()
