"""Train a reward model: `python3 launch.py reward.py [--name=value ...]`.

Starts from the causal language model in channel `model`, which gets a new layer with one score.
Each row of channel `data` has a prompt, an answer that was chosen and one that was rejected; the
loss asks that the first scores higher. A column `margin` says by how much, if there is one. The
files are those of transformers' `AutoModelForSequenceClassification`.
"""

from __future__ import annotations

from functools import partial

from training_scripts.container import Job, current_job
from training_scripts.training.settings import read_settings


def main(job: Job | None = None) -> None:
    """Run `job`, that of this container unless another is given."""
    job = current_job() if job is None else job
    settings = read_settings(job.settings, job.smoke)

    from training_scripts.training.model import load_reward_model, load_tokenizer
    from training_scripts.training.objectives.reward import Reward
    from training_scripts.training.tune import tune

    padding = load_tokenizer(job.input("model")).pad_token_id
    load = partial(load_reward_model, pad_token_id=padding, seed=settings.seed)
    tune(job, settings, Reward(padding, settings.center_rewards_coefficient), load)


if __name__ == "__main__":
    main()
