"""Tune on answers judged one by one: `python3 launch.py kto.py [--name=value ...]`.

Starts from the model in channel `model`, which is the reference too. Each row of channel `data`
has a prompt, a completion and a `label` that says whether people want it; a row with a chosen and
a rejected answer is one of each. Methods and files are those of `sft.py`.
"""

from __future__ import annotations

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.training.objectives.kto import KTO
    from training_scripts.training.tune import tune

    weights = settings.desirable_weight, settings.undesirable_weight
    tune(job, settings, KTO(settings.beta, settings.loss_type, *weights))


if __name__ == "__main__":
    main()
