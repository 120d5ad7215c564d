"""AdamW over float32 master weights, kept in flat buffers.

All trained parameters of one kind lie end to end in one buffer, so that clipping, AdamW, summing
over devices, casting to the compute type and checkpointing are each one operation, however many
parameters a model has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from training_scripts.training.devices import World
    from training_scripts.training.settings import TrainSettings

_ALIGNMENT = 64
"""Elements; every parameter starts at a cache line (and at a line of a GPU's)."""


@dataclass(frozen=True)
class _Flat:
    """The parameters with, or those without, weight decay."""

    weights: Any
    """Tensor (element,) of the compute type; the model's parameters are views of it."""
    gradients: Any
    """Tensor (element,) of the compute type; the parameters' `.grad` are views of it."""
    master: Any
    """Parameter (element,) in float32; `weights` itself when that is float32."""
    accumulated: Any
    """Tensor (element,) in float32; `gradients` itself when that is float32."""


class MasterAdamW:
    """AdamW whose weights, moments and accumulated gradients are float32 whatever computes.

    Weight decay spares vectors (norms and biases), as transformers' Trainer does, and rotations,
    whose length means nothing.
    """

    def __init__(self, model: Any, compute_dtype: Any, settings: TrainSettings) -> None:
        import torch

        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = tuple(name for name, _ in named)
        groups = (
            ([p for name, p in named if _is_decayed(name, p)], settings.weight_decay),
            ([p for name, p in named if not _is_decayed(name, p)], 0.0),
        )
        self._flats = [_flatten(group, compute_dtype) for group, _ in groups if group]
        self._optimizer = torch.optim.AdamW(
            [
                {"params": [flat.master], "weight_decay": decay}
                for flat, decay in zip(
                    self._flats, [decay for group, decay in groups if group], strict=True
                )
            ],
            betas=(settings.adam_beta1, settings.adam_beta2),
            eps=1e-8,
            fused=True,
        )
        self._max_grad_norm = settings.max_grad_norm

    def accumulate(self) -> None:
        """Add the gradients of one backward pass to those of the step."""
        for flat in self._flats:
            if flat.accumulated is not flat.gradients:
                flat.accumulated.add_(flat.gradients)
                flat.gradients.zero_()

    def step(
        self, learning_rate: float, world: World, then: Callable[[], None] | None = None
    ) -> float:
        """Sum the gradients over devices, clip, take one AdamW step; return their norm.

        Args:
            learning_rate: Of this step.
            world: The devices.
            then: Called after the step, while the gradients are still there (in float32).
        """
        import torch

        for flat in self._flats:
            world.sum(flat.accumulated)
        norms = torch.stack([torch.linalg.vector_norm(flat.accumulated) for flat in self._flats])
        norm = torch.linalg.vector_norm(norms).item()
        # torch.nn.utils.clip_grad_norm_ has the same 1e-6.
        scale = self._max_grad_norm / (norm + 1e-6) if self._max_grad_norm else 1.0
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        for flat in self._flats:
            if scale < 1.0:
                flat.accumulated.mul_(scale)
            flat.master.grad = flat.accumulated
        self._optimizer.step()
        if then is not None:
            then()
        for flat in self._flats:
            flat.accumulated.zero_()
            if flat.weights is not flat.master:
                flat.weights.copy_(flat.master.detach())
        return float(norm)

    def discard_gradients(self) -> None:
        """Forget what was accumulated since the last step."""
        for flat in self._flats:
            flat.gradients.zero_()
            flat.accumulated.zero_()

    def tensors(self) -> dict[str, Any]:
        """Return all state by name, as it is saved in a checkpoint."""
        found = {}
        for number, flat in enumerate(self._flats):
            found[f"{number}.master"] = flat.master.detach()
            for name, value in self._optimizer.state.get(flat.master, {}).items():
                found[f"{number}.{name}"] = value
        return found

    def load_tensors(self, tensors: Mapping[str, Any]) -> None:
        """Take over the state that `tensors` returned, bit for bit.

        Raises:
            ValueError: If it is of other parameters.
        """
        for number, flat in enumerate(self._flats):
            master = tensors[f"{number}.master"]
            if master.shape != flat.master.shape:
                message = f"{tuple(master.shape)} is not of this model {tuple(flat.master.shape)}"
                raise ValueError(message)
            flat.master.data.copy_(master)
            flat.weights.copy_(flat.master.detach())
            self._optimizer.state[flat.master] = {
                # AdamW counts its steps in a tensor on the host unless capturable or fused.
                name: tensors[f"{number}.{name}"].to(flat.master.device, copy=True)
                for name in ("step", "exp_avg", "exp_avg_sq")
            }

    def master_weights(self, model: Any) -> dict[str, Any]:
        """Return the trained parameters of `model` in float32, by name."""
        by_start = {flat.weights.data_ptr(): flat for flat in self._flats}
        found = {}
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            flat = by_start[parameter.untyped_storage().data_ptr()]
            at, size = parameter.storage_offset(), parameter.numel()
            found[name] = flat.master.detach()[at : at + size].view(parameter.shape)
        return found


def _is_decayed(name: str, parameter: Any) -> bool:
    return parameter.ndim >= 2 and not name.endswith(".rotation")


def _flatten(parameters: list[Any], compute_dtype: Any) -> _Flat:
    import torch

    sizes = [-(-p.numel() // _ALIGNMENT) * _ALIGNMENT for p in parameters]
    device = parameters[0].device
    master = torch.zeros(sum(sizes), dtype=torch.float32, device=device)
    at = 0
    for parameter, size in zip(parameters, sizes, strict=True):
        master[at : at + parameter.numel()] = parameter.detach().reshape(-1).float()
        at += size
    single = compute_dtype is torch.float32
    weights = master if single else master.to(compute_dtype)
    gradients = torch.zeros_like(weights)
    at = 0
    for parameter, size in zip(parameters, sizes, strict=True):
        end = at + parameter.numel()
        parameter.data = weights[at:end].view(parameter.shape)
        parameter.grad = gradients[at:end].view(parameter.shape)
        at += size
    return _Flat(
        weights=weights,
        gradients=gradients,
        master=torch.nn.Parameter(master),
        accumulated=gradients if single else torch.zeros_like(master),
    )
