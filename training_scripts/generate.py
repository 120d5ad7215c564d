"""Let a model complete many prompts: `python3 launch.py generate.py [--name=value ...]`.

Channels: `model`, `data`, and where given `base_model`. Writes `data/completions.jsonl` and
`metrics.json` into the model folder. Finished batches are kept in the folder of checkpoints, so
that a job that was cut off goes on there, to the same rows. On several GPUs each process takes
its share of the batches.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from training_scripts.checkpoints.batches import BatchLog
from training_scripts.checkpoints.fingerprint import fingerprint
from training_scripts.container import current_job, fail
from training_scripts.evaluation.completing import Share, Work, complete, wait_for_all
from training_scripts.evaluation.completions import metrics_of, sample_line
from training_scripts.evaluation.language_model import batches_of_like_length, load_model
from training_scripts.evaluation.prompts import prompt_tokens, read_prompts
from training_scripts.evaluation.sampling import decoding_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training_scripts.container import Job
    from training_scripts.evaluation.language_model import LanguageModel
    from training_scripts.evaluation.prompts import Prompt
    from training_scripts.evaluation.sampling import Decoding

DEFAULTS: dict[str, Any] = {
    "max_new_tokens": 256,
    "max_length": None,
    "do_sample": None,
    "temperature": None,
    "top_k": 0,
    "top_p": 1.0,
    "repetition_penalty": 1.0,
    "num_return_sequences": 1,
    "stop_strings": [],
    "seed": 42,
    "per_device_eval_batch_size": 16,
    "max_rows": None,
}
"""For a run by hand; the spec's defaults arrive with every job."""

SAMPLES = 12
"""Rows shown in the report."""


def main() -> None:
    """Complete the prompts of this process's job."""
    run(current_job(), Share.of(os.environ))


def run(job: Job, share: Share) -> None:
    """Write the completions of the job's prompts; on SIGTERM end after a batch, exit 143."""
    settings = DEFAULTS | job.settings
    settings = {name: settings[name] for name in DEFAULTS}
    if job.smoke:
        settings = job.smoke.capped(settings, max_rows=job.smoke.rows, max_new_tokens=16)
    decoding = decoding_from(settings)
    if share.rank == 0:
        print("settings " + json.dumps(settings), flush=True)
    prompts = read_prompts(job.input("data"), max_rows=settings["max_rows"])
    model = load(job, share)
    tokens = prompt_tokens(prompts, model.tokenizer)
    decoding = within(decoding, prompts, tokens, context_length(model))
    work = Work(model, prompts, tokens, decoding)
    lengths = [len(ids) for ids in tokens]
    batches = list(batches_of_like_length(lengths, settings["per_device_eval_batch_size"]))
    log = BatchLog.open(job.checkpoint_dir / name_of_run(job, settings), share.rank)

    stopping: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    try:
        complete(work, batches, log, share, lambda: bool(stopping))
        if share.rank == 0:
            wait_for_all(log, len(batches), lambda: bool(stopping))
            finish(job, log)
    finally:
        signal.signal(signal.SIGTERM, before)


def load(job: Job, share: Share) -> LanguageModel:
    """Return the model, on the GPU of this process."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    if torch.cuda.is_available():
        torch.cuda.set_device(share.local_rank)
    base = job.input("base_model") if job.has_input("base_model") else None
    return load_model(job.input("model"), base=base)


def context_length(model: LanguageModel) -> int:
    """Return how many tokens the model can see at once."""
    return getattr(model.model.config, "max_position_embeddings", None) or sys.maxsize


def within(
    decoding: Decoding, prompts: Sequence[Prompt], tokens: Sequence[Sequence[int]], context: int
) -> Decoding:
    """Return the decoding with a `max_length` that the model takes.

    Raises:
        JobFailure: If a prompt leaves no room for a token.
    """
    most = min(decoding.max_length, context)
    long = [row for row, ids in enumerate(tokens) if len(ids) >= most]
    if long:
        named = ", ".join(f"{prompts[row].id!r} has {len(tokens[row]):,}" for row in long[:5])
        limit = "max_length" if most == decoding.max_length else "what the model takes"
        fail(
            f"data: {len(long):,} of {len(tokens):,} prompts have no room for a completion within "
            f"{most:,} tokens, {limit} ({named}). Shorten them, or leave them out."
        )
    return replace(decoding, max_length=most)


def name_of_run(job: Job, settings: Mapping[str, Any]) -> str:
    """Return the fingerprint of settings, prompts and model: what resuming must find unchanged."""
    channels = [name for name in ("data", "model", "base_model") if job.has_input(name)]
    return fingerprint(settings, [job.input(name) for name in channels])


def finish(job: Job, log: BatchLog) -> None:
    """Write rows, samples and metrics; then drop the batches."""
    folder = job.model_dir / "data"
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".completions.jsonl.partial"
    samples: list[str] = []
    with partial.open("wb") as file:
        for line in log.lines():
            file.write(line)
            if len(samples) < SAMPLES:
                samples.append(sample_line(json.loads(line)) + "\n")
    partial.replace(folder / "completions.jsonl")
    (job.model_dir / "samples.jsonl").write_text("".join(samples), encoding="utf-8")
    metrics = metrics_of(log)
    job.write_metrics(metrics)
    print("metrics " + json.dumps(metrics), flush=True)
    log.clear()


if __name__ == "__main__":
    main()
