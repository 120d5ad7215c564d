"""Fine-tune on instructions: `python3 launch.py sft.py [--name=value ...]`.

Starts from the model in channel `model`. Method `full` trains every weight, `lora` and the other
methods of peft an adapter beside them, which is saved in `adapter/` and merged into the model at
the root; with `merge_adapter: false`, or if it cannot be merged, the adapter alone is saved, at the
root. `loreft` and `direft` save their interventions there. The loss is taken on completions, or on
what the assistant says, unless `completion_only_loss` is false.
"""

from __future__ import annotations

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.training.objectives.next_token import NextToken
    from training_scripts.training.tune import tune

    tune(job, settings, NextToken())


if __name__ == "__main__":
    main()
