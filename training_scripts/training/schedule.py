"""Learning rates and the number of optimizer steps, as transformers has them."""

from __future__ import annotations

import math


def learning_rate_factor(
    schedule: str, step: int, *, total_steps: int, warmup_ratio: float
) -> float:
    """Return what the peak learning rate is multiplied by at optimizer step `step`, from 0.

    The same numbers as transformers' `get_scheduler` with the `warmup_steps` its Trainer derives.

    Args:
        schedule: `cosine`, `linear`, `constant` or `constant_with_warmup`.
        step: Optimizer steps already taken.
        total_steps: Optimizer steps of the whole run.
        warmup_ratio: Share of the run that warms up; `constant` has no warm-up.
    """
    if schedule == "constant":
        return 1.0
    warmup_steps = math.ceil(total_steps * warmup_ratio)
    if step < warmup_steps:
        return step / max(1, warmup_steps)
    if schedule == "constant_with_warmup":
        return 1.0
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    if schedule == "linear":
        return max(0.0, 1.0 - progress)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))


def count_steps(sequences: int, global_batch_size: int, epochs: float, max_steps: int) -> int:
    """Return the number of optimizer steps; an epoch's last batch may be smaller than the rest."""
    if max_steps > 0:
        return max_steps
    return max(1, math.ceil(epochs * math.ceil(sequences / global_batch_size)))
