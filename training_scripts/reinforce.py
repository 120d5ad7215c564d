"""Tune on rewards for what the model writes: `python3 launch.py reinforce.py [--name=value ...]`.

Starts from the model in channel `model`, which is the reference too. To each prompt of channel
`data` it writes several completions; those rewarded above the mean of their prompt become
likelier, by trl's RLOOTrainer or GRPOTrainer. Rewards are models in channels `reward-NAME` and
functions of the user's. Methods and files are those of `sft.py`.
"""

from __future__ import annotations

import signal
import sys

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.reinforcement.run import reinforce

    stopping: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    try:
        finished = reinforce(job, settings, lambda: bool(stopping))
    finally:
        signal.signal(signal.SIGTERM, before)
    if not finished:
        print("Stopped by SIGTERM; a checkpoint is saved.", flush=True)
        sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    main()
