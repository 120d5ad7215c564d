"""Pre-train a language model: `python3 launch.py pretrain.py [--name=value ...]`.

Objective `pretrain` makes a new model from `architecture`, and a tokenizer of its own from the
training rows if `tokenizer` is set. Objective `continued_pretrain` goes on with the model in
channel `model`, by any method of `sft.py`. The loss is taken on every token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import Job, current_job, fail
from training_scripts.training.settings import read_settings

if TYPE_CHECKING:
    from training_scripts.training.settings import TrainSettings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.methods.full import with_weights
    from training_scripts.training.devices import compute_dtype
    from training_scripts.training.job import (
        finish,
        naming_lack_of_memory,
        parameter_counts,
        require_train_split,
        run_training,
        start,
    )
    from training_scripts.training.model import prepare_model
    from training_scripts.training.objectives.next_token import NextToken

    if settings.objective == "continued_pretrain":
        from training_scripts.training.tune import tune

        tune(job, settings, NextToken())
        return
    require_train_split(job)
    world = start(job, settings)
    dtype = compute_dtype(bf16=settings.bf16, device=world.device)
    with naming_lack_of_memory(settings):
        model, tokenizer = _model_and_tokenizer(job, settings)
        model = prepare_model(model, settings, world.device)
    counts = parameter_counts(model)
    trained = run_training(job, settings, world, model, tokenizer, dtype, NextToken())
    if world.is_main:
        model = with_weights(model, trained.master_weights, dtype)
        finish(job, settings, model, tokenizer, trained, counts)
    world.wait()
    world.close()


def _model_and_tokenizer(job: Job, settings: TrainSettings) -> tuple[Any, Any]:
    """The new model in float32, and its tokenizer."""
    from training_scripts.training.model import load_tokenizer, make_model

    if settings.architecture is None:
        fail("architecture: missing. Objective pretrain builds a new model; write its shape.")
    tokenizer = (
        _new_tokenizer(job, settings)
        if settings.tokenizer is not None
        else load_tokenizer(job.input("model"))
    )
    return make_model(settings.architecture, tokenizer, settings.seed), tokenizer


def _new_tokenizer(job: Job, settings: TrainSettings) -> Any:
    from training_scripts.data.rows import read_split, row_text
    from training_scripts.training.tokenizer import train_tokenizer

    if settings.tokenizer is None:
        fail("tokenizer: missing.")
    texts = (row_text(row) for row in read_split(job.input("data"), "train"))
    return train_tokenizer(texts, settings.tokenizer["vocab_size"], max_length=settings.max_length)


if __name__ == "__main__":
    main()
