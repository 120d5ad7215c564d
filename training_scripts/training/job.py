"""What every training script shares: from rows and a model to a trained model on disk."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from dataclasses import replace
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from training_scripts.checkpoints.fingerprint import fingerprint
from training_scripts.checkpoints.store import CheckpointStore
from training_scripts.container import fail, find_code
from training_scripts.data.mixing import with_replay
from training_scripts.data.rows import has_split, read_rows, read_split
from training_scripts.methods.budget import RankBudget
from training_scripts.tracking.reporting import Reporting, open_trackers, run_name
from training_scripts.tracking.tracker import RunFacts
from training_scripts.training.devices import join_world, keep_freed_memory
from training_scripts.training.loop import Interrupted, Run, Trained, train
from training_scripts.training.save import count_parameters, run_metrics, save_model, write_readme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.data.packing import PackedSequences
    from training_scripts.training.devices import World
    from training_scripts.training.objectives.objective import Objective
    from training_scripts.training.settings import TrainSettings

_NOT_IN_FINGERPRINT = frozenset({"logging_steps", "eval_steps", "save_steps", "save_total_limit"})
_LACK_OF_MEMORY = re.compile("out of memory|allocate memory|failed to allocate", re.IGNORECASE)
"""What torch says on CUDA, on a CPU, and in its libraries."""
_SIGTERM_EXIT = 143
"""128 + SIGTERM, as a shell reports it."""


def start(job: Job, settings: TrainSettings) -> World:
    """Return this process's place in the world, with the effective settings printed once.

    Raises:
        JobFailure: If the job can never report to a tracker of `report_to`.
    """
    from transformers.utils import logging

    logging.disable_progress_bar()
    keep_freed_memory()
    world = join_world(os.environ)
    if world.is_main:
        shown = {name: value for name, value in vars(settings).items() if value is not None}
        print("Settings:", json.dumps(shown, sort_keys=True))
        print(f"Device: {world.device}, {world.size} process(es).", flush=True)
        open_trackers(job)  # Before the model is loaded, which may take minutes.
    return world


def packed_split(
    job: Job, name: str, tokenizer: Any, settings: TrainSettings, objective: Objective
) -> PackedSequences | None:
    """Return the sequences of a split of the channel `data`, None if it has no rows."""
    folder = job.input("data")
    if not has_split(folder, name):
        return None
    packed = objective.pack(read_split(folder, name), tokenizer, settings)
    if packed.loss_tokens == 0:
        fail(
            f"data: no row of {name}.jsonl has a token to learn. "
            "Pass rows with completions, or write completion_only_loss: false."
        )
    return packed


def _with_replay(
    job: Job,
    packed: PackedSequences,
    tokenizer: Any,
    settings: TrainSettings,
    objective: Objective,
) -> PackedSequences:
    """Return the sequences to learn, with those of the channel `replay` among them."""
    folder = job.input("replay")
    rows = read_split(folder, "train") if has_split(folder, "train") else read_rows(folder)
    # What was learned once may be longer than what is learned now.
    replay = objective.pack(rows, tokenizer, replace(settings, truncate=True))
    mixed = with_replay(
        packed,
        replay,
        share=settings.replay_share,
        seed=settings.seed,
        pad_token_id=tokenizer.pad_token_id,
    )
    short = "" if mixed.replayed < len(replay) else f" of {settings.replay_share:.1%} asked for"
    print(f"Replay: {mixed.replayed} sequences, {mixed.share:.1%} of the tokens{short}.")
    return mixed.sequences


def require_train_split(job: Job) -> None:
    """Fail unless the channel `data` has rows to train on."""
    if not has_split(job.input("data"), "train"):
        fail(
            "data: train.jsonl is empty or missing. "
            "Pass the output of a step of kind dataset that keeps rows for training."
        )


def run_training(
    job: Job,
    settings: TrainSettings,
    world: World,
    model: Any,
    tokenizer: Any,
    dtype: Any,
    objective: Objective,
) -> Trained:
    """Train `model` on the channel `data`; on SIGTERM leave a checkpoint and exit 143.

    Metrics go to the trackers of `report_to` meanwhile.
    """
    packed = packed_split(job, "train", tokenizer, settings, objective)
    if packed is None:
        fail("data: train.jsonl is empty.")
    if job.has_input("replay"):
        packed = _with_replay(job, packed, tokenizer, settings, objective)
    stopping: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    checkpoints = checkpoints_of(job, settings)
    run = Run(
        model=model,
        train=packed,
        validation=packed_split(job, "validation", tokenizer, settings, objective),
        settings=settings,
        objective=objective,
        dtype=dtype,
        world=world,
        checkpoints=checkpoints,
        clock=perf_counter,
        stop_requested=lambda: bool(stopping),
        reporting=reporting_of(job, settings, world, count_parameters(model), checkpoints.folder),
        budget=RankBudget(model) if settings.method == "adalora" else None,
    )
    if world.is_main:
        print(
            f"Training on {packed.tokens} tokens in {len(packed)} {objective.noun}, "
            f"{packed.loss_tokens} of them learned.",
            flush=True,
        )
    try:
        return _train_and_report(run)
    except Interrupted as stopped:
        print(f"Stopped by SIGTERM; {stopped}.", flush=True)
        sys.exit(_SIGTERM_EXIT)
    finally:
        signal.signal(signal.SIGTERM, before)


def finish(
    job: Job,
    settings: TrainSettings,
    model: Any,
    tokenizer: Any,
    trained: Trained,
    counts: Any,
    more: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Save the model, its history, its metrics and a README; then drop the checkpoints.

    If `model` is None, an adapter stands in its place already. `more` are metrics that do not
    follow from the history's rows.
    """
    if model is not None:
        save_model(model, tokenizer, job.model_dir)
    tokenizer.save_pretrained(job.model_dir)
    trained.history.write(job.model_dir / "trainer_log.jsonl")
    metrics = {**run_metrics(trained.history, counts), **more}
    write_readme(job.model_dir, job.step, settings, metrics)
    job.write_metrics(metrics)
    checkpoints_of(job, settings).clear()


@contextlib.contextmanager
def naming_lack_of_memory(settings: TrainSettings) -> Iterator[None]:
    """Turn an error about memory into a JobFailure that says what to change."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error)
        if not isinstance(error, MemoryError) and not _LACK_OF_MEMORY.search(text):
            raise
        fail(
            "out of memory with per_device_train_batch_size "
            f"{settings.per_device_train_batch_size} and max_length {settings.max_length}. Lower "
            "per_device_train_batch_size (and write global_batch_size to keep the step), set "
            "gradient_checkpointing: true, lower max_length, or take a larger instance_type. "
            f"({text.splitlines()[0] if text else type(error).__name__})"
        )


def parameter_counts(model: Any) -> dict[str, int]:
    """Return the parameter counts that go into the metrics, and print them."""
    counts = count_parameters(model)
    print(f"Parameters: {counts['parameters']}, trained: {counts['trainable_parameters']}.")
    return counts


def reporting_of(
    job: Job, settings: TrainSettings, world: World, counts: Mapping[str, int], kept: Path
) -> Reporting:
    """Return the trackers of the process that reports for all; none elsewhere."""
    trackers = open_trackers(job) if world.is_main else []
    if not trackers:
        return Reporting()

    def facts(resumed_after: int) -> RunFacts:
        return RunFacts(
            project=job.settings.get("project") or job.step,
            name=run_name(job),
            step=job.step,
            hyperparameters={**vars(settings), "world_size": world.size, **counts},
            resumed_after=resumed_after,
            kept=kept,
        )

    return Reporting(trackers, facts)


def checkpoints_of(job: Job, settings: TrainSettings) -> CheckpointStore:
    """Return where the job keeps its checkpoints: apart from those of other data or settings."""
    kept = {
        name: value for name, value in vars(settings).items() if name not in _NOT_IN_FINGERPRINT
    }
    folders: list[Path] = [job.input("data")]
    names = ("model", "replay", *(f"reward-{name}" for name in settings.rewards))
    folders += [job.input(name) for name in names if job.has_input(name)]
    functions = [reward["function"] for reward in settings.rewards.values() if reward["function"]]
    if functions:
        files = {text.partition(":")[0].rpartition("/")[2] for text in functions}
        code = find_code(job.root)[1]
        kept["functions"] = [(code / name).read_text(encoding="utf-8") for name in sorted(files)]
    return CheckpointStore(
        job.checkpoint_dir / fingerprint(kept, folders), keep=settings.save_total_limit
    )


def _train_and_report(run: Run) -> Trained:
    """Train, and tell the trackers how it ended."""
    try:
        with naming_lack_of_memory(run.settings):
            trained = train(run)
    except Interrupted:
        run.reporting.finish("KILLED")
        raise
    except BaseException:
        run.reporting.finish("FAILED")
        raise
    run.reporting.finish("FINISHED", run_metrics(trained.history, count_parameters(run.model)))
    return trained
