"""AdaLoRA's budget: directions that matter least are dropped while it trains (arXiv:2303.10512)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

_AVERAGES = ("exp_avg_ipt", "exp_avg_unc")
"""What peft's `RankAllocator` remembers from one step to the next, of each parameter."""


class RankBudget:
    """What a run with AdaLoRA does besides taking steps."""

    def __init__(self, model: Any) -> None:
        self._tuner = model.base_model
        self._config = model.peft_config["default"]

    def begin(self, total_steps: int) -> None:
        """Spread the budget over the run.

        Raises:
            JobFailure: If its first and last phase leave no step between them.
        """
        first, last = self._config.tinit, self._config.tfinal
        if first + last >= total_steps:
            fail(
                f"method_config: tinit {first} and tfinal {last} leave none of {total_steps} "
                "optimizer steps to drop directions in. Lower them, or train longer."
            )
        self._config.total_step = total_steps
        self._tuner.rankallocator.set_total_step(total_steps)

    def penalty(self) -> Any:
        """Return how far the directions are from orthonormal, weighted by `orth_reg_weight`."""
        import torch

        parts = []
        for name, factor in self._tuner.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                product = factor @ factor.t() if "lora_A" in name else factor.t() @ factor
                parts.append(torch.linalg.norm(product - torch.eye(len(product)).to(product)))
        return self._config.orth_reg_weight * torch.stack(parts).mean()

    def after_step(self, step: int) -> None:
        """Drop directions; before the gradients of step `step`, from 0, are forgotten."""
        self._tuner.update_and_allocate(step)

    def kept_ranks(self) -> dict[str, list[bool]]:
        """Return which directions are left, as a checkpoint keeps it."""
        return dict(self._config.rank_pattern or {})

    def tensors(self) -> dict[str, Any]:
        """Return what the next step needs to know of those before it, by name."""
        allocator = self._tuner.rankallocator
        return {
            f"budget.{average}.{name}": value
            for average in _AVERAGES
            for name, value in getattr(allocator, average).items()
        }

    def load(self, kept_ranks: Mapping[str, list[bool]], tensors: Mapping[str, Any]) -> None:
        """Take over what `kept_ranks` and `tensors` returned."""
        self._config.rank_pattern = dict(kept_ranks)
        allocator = self._tuner.rankallocator
        for average in _AVERAGES:
            prefix = f"budget.{average}."
            found = {
                name.removeprefix(prefix): value.clone()
                for name, value in tensors.items()
                if name.startswith(prefix)
            }
            setattr(allocator, average, found)
            # peft makes all three anew for a parameter that is not in `ipt`.
            allocator.ipt = {name: value.new_zeros(value.shape) for name, value in found.items()}
