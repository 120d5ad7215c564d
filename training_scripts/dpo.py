"""Tune on preferences: `python3 launch.py dpo.py [--name=value ...]`.

Starts from the model in channel `model`, which is the reference too. Each row of channel `data`
has a prompt, an answer that was chosen and one that was rejected; the loss asks that the first
becomes likelier than the second, against the reference. Methods and files are those of `sft.py`.
"""

from __future__ import annotations

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.training.objectives.dpo import DPO
    from training_scripts.training.tune import tune

    tune(job, settings, DPO(settings.beta, settings.loss_type, settings.label_smoothing))


if __name__ == "__main__":
    main()
