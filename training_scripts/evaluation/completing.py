"""The prompts of a job completed batch by batch, alone or with other processes of one machine."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from training_scripts.container import fail, log_progress
from training_scripts.evaluation.completions import counts_of, row_line
from training_scripts.evaluation.generation import complete_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from training_scripts.checkpoints.batches import BatchLog
    from training_scripts.evaluation.generation import Completion
    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.evaluation.prompts import Prompt
    from training_scripts.evaluation.sampling import Decoding

SIGTERM_EXIT = 143
"""128 + SIGTERM, as a shell reports it."""
_WAIT_SECONDS = 1.0
_LINES = 40
"""Progress lines of a whole job."""


@dataclass(frozen=True)
class Share:
    """Which batches are this process's: every `size`th, from `rank`."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Share:
        """Return what `torchrun` says; JobFailure if the processes share no disk."""
        size = int(environment.get("WORLD_SIZE", "1"))
        if int(environment.get("LOCAL_WORLD_SIZE", size)) != size:
            fail(
                "instance_count: the instances have no disk in common to share the rows by. "
                "Write 1, and take an instance with several GPUs."
            )
        return cls(int(environment.get("RANK", "0")), size, int(environment.get("LOCAL_RANK", "0")))


@dataclass(frozen=True)
class Work:
    """What is to be done, and by which model."""

    model: LanguageModel
    prompts: Sequence[Prompt]
    tokens: Sequence[Sequence[int]]
    """Of each prompt."""
    decoding: Decoding


def complete(
    work: Work,
    batches: Sequence[Sequence[int]],
    log: BatchLog,
    share: Share,
    is_stopping: Callable[[], bool],
) -> None:
    """Complete this process's batches that are not in the log yet, each kept at once.

    The batches are the same however many processes there are and wherever it began: how rows
    are put together shows in the last digits of what a model computes.
    """
    own = range(share.rank, len(batches), share.size)
    remaining = [number for number in own if number not in log.batches]
    if len(remaining) < len(own):
        print(f"Resuming after {len(own) - len(remaining)} of {len(own)} batches.", flush=True)
    report = progress(len(own), len(own) - len(remaining), is_shown=share.rank == 0)
    for number in remaining:
        stop_if(is_stopping)
        started = time.perf_counter()
        rows = batches[number]
        found = completions_of(work, rows)
        seconds = time.perf_counter() - started
        counts = counts_of(chain.from_iterable(found), seconds)
        lines = {
            work.prompts[row].number: row_line(work.prompts[row], completions)
            for row, completions in zip(rows, found, strict=True)
        }
        log.append(number, lines, counts)
        report(counts)


def completions_of(work: Work, rows: Sequence[int]) -> list[list[Completion]]:
    """Return the completions of some prompts; JobFailure if memory runs out."""
    import torch

    tokens = [work.tokens[row] for row in rows]
    numbers = [work.prompts[row].number for row in rows]
    try:
        return complete_batch(work.model, tokens, numbers, work.decoding)
    except torch.OutOfMemoryError as error:
        fail(
            f"out of memory with {len(rows)} prompts at a time and num_return_sequences "
            f"{work.decoding.num_return_sequences}. Lower per_device_eval_batch_size, or take a "
            f"larger instance_type. ({str(error).splitlines()[0]})"
        )


def progress(total: int, done: int, *, is_shown: bool) -> Callable[[Mapping[str, float]], None]:
    """Return what to call with the counts of each further batch: it prints progress."""
    resumed = done
    tokens = seconds = 0.0

    def report(counts: Mapping[str, float]) -> None:
        nonlocal done, tokens, seconds
        done, tokens, seconds = done + 1, tokens + counts["tokens"], seconds + counts["seconds"]
        if not is_shown or (done % max(1, total // _LINES) and done != total):
            return
        log_progress(
            done,
            total,
            tokens_per_second=tokens / max(seconds, 1e-9),
            seconds_left=seconds / (done - resumed) * (total - done),
        )

    return report


def stop_if(is_stopping: Callable[[], bool]) -> None:
    """Exit as a process that SIGTERM ended, if one came."""
    if is_stopping():
        print("Stopped by SIGTERM; the finished batches are kept.", flush=True)
        sys.exit(SIGTERM_EXIT)


def wait_for_all(log: BatchLog, total: int, is_stopping: Callable[[], bool]) -> None:
    """Return when the other processes have finished their batches too."""
    while len(log.batches) < total:
        stop_if(is_stopping)
        time.sleep(_WAIT_SECONDS)
        log.scan()
