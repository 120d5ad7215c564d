"""One run of reinforcement, from prompts, rewards and a model to a tuned model on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from training_scripts.container import fail
from training_scripts.evaluation.prompts import asked_as_json, prompt_tokens, read_prompts
from training_scripts.methods.adapter import add_adapter, initial_adapter
from training_scripts.reinforcement.checkpoints import newest, step_of
from training_scripts.reinforcement.length import (
    LengthWatch,
    first_and_last,
    length_metrics,
    length_warning,
)
from training_scripts.reinforcement.rewards import read_rewards
from training_scripts.reinforcement.trainer import Observer, make_trainer
from training_scripts.training.history import History
from training_scripts.training.job import (
    checkpoints_of,
    finish,
    naming_lack_of_memory,
    parameter_counts,
    reporting_of,
    require_train_split,
    start,
)
from training_scripts.training.loop import Trained
from training_scripts.training.model import load_model, load_tokenizer
from training_scripts.training.save import run_metrics
from training_scripts.training.tune import config_that_fits, model_to_save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.tracking.reporting import Reporting
    from training_scripts.training.settings import TrainSettings


def reinforce(job: Job, settings: TrainSettings, stop_requested: Callable[[], bool]) -> bool:
    """Train, and save the model; return False if the run was stopped before its end.

    Raises:
        JobFailure: If prompts, rewards, model or settings do not fit each other.
    """
    require_train_split(job)
    world = start(job, settings)
    tokenizer = load_tokenizer(job.input("model"))
    tokenizer.padding_side = "left"
    rows = read_rows(job, tokenizer, settings)
    rewards = read_rewards(job, settings, world.device)
    config = config_that_fits(job.input("model"), settings)
    with naming_lack_of_memory(settings):
        # Master weights: on a GPU, trl computes in bfloat16 beside them.
        model, stored = load_model(job.input("model"), torch.float32)
        if config is not None:
            model = add_adapter(model, config, settings)
        started = None if config is None else initial_adapter(model, settings)
        counts = parameter_counts(model)
        kept = checkpoints_of(job, settings).folder
        reporting = reporting_of(job, settings, world, counts, kept)
        observer = Observer(
            History(0, prints=world.is_main, tell=reporting.log), LengthWatch(), stop_requested
        )
        trainer = make_trainer(model, tokenizer, rows, rewards, settings, world, kept, observer)
        _train(trainer, observer, reporting, kept)
    if observer.stopped:
        reporting.finish("KILLED")
        return False
    more = _told_of_whole(observer.history)
    reporting.finish("FINISHED", {**run_metrics(observer.history, counts), **more})
    if world.is_main:
        trained = Trained(observer.history, _weights(model))
        stored = stored or torch.float32
        saved, found = model_to_save(job, settings, model, trained, stored, started)
        finish(job, settings, saved, tokenizer, trained, {**counts, **found}, more)
    world.wait()
    world.close()
    return True


def _train(trainer: Any, observer: Observer, reporting: Reporting, kept: Path) -> None:
    """Train to the end, from the newest whole checkpoint in `kept` if there is one."""
    found = newest(kept)
    done = 0
    if found is not None:
        observer.take_over(found[1])
        done = step_of(found[0])
        print(f"Resuming after step {done}.", flush=True)
    reporting.start(done, observer.history.rows)
    try:
        trainer.train(resume_from_checkpoint=None if found is None else str(found[0]))
    except BaseException:
        reporting.finish("FAILED")
        raise


def read_rows(job: Job, tokenizer: Any, settings: TrainSettings) -> list[dict[str, Any]]:
    """Return a row a prompt: `prompt`, `reference` if there is one, and the row's other columns.

    Raises:
        JobFailure: If a prompt leaves no room for a completion.
    """
    prompts = read_prompts(job.input("data"), split="train")
    lengths = [len(ids) for ids in prompt_tokens(prompts, tokenizer)]
    room = settings.max_length - settings.max_completion_length
    long = [prompt for prompt, length in zip(prompts, lengths, strict=True) if length > room]
    if long:
        fail(
            f"max_length: {len(long)} of {len(prompts)} prompts have more than {room} tokens, "
            f"which is max_length less max_completion_length (row {long[0].id!r}; the longest has "
            f"{max(lengths)}). Use max_length: {max(lengths) + settings.max_completion_length}."
        )
    print(f"Training on {len(prompts)} prompts, {settings.num_generations} completions of each.")
    columns = {name for prompt in prompts for name in prompt.others}
    return [
        {
            **{name: prompt.others.get(name) for name in sorted(columns)},
            "prompt": asked_as_json(prompt),
            "reference": prompt.reference,
        }
        for prompt in prompts
    ]


def _weights(model: Any) -> dict[str, Any]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _told_of_whole(history: History) -> dict[str, float]:
    """What only the whole history says: how far the reward rose, and whether length did it."""
    told = length_metrics(history.rows)
    warning = length_warning(told)
    if warning is not None:
        print(warning, flush=True)
    rewards = [row["reward"] for row in history.rows if "reward" in row]
    if rewards:
        first, last = first_and_last(rewards)
        told["reward_gain"] = last - first
    return {f"train/{name}": value for name, value in told.items()}
