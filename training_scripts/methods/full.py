"""Full training: every parameter learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_weights(model: Any, weights: Mapping[str, Any], dtype: Any) -> Any:
    """Return `model` in `dtype`, its trained parameters taken from float32 `weights`.

    The model is changed in place; its parameters no longer share memory with an optimizer.
    """
    for name, parameter in model.named_parameters():
        source = weights.get(name, parameter.detach())
        parameter.grad = None
        parameter.data = source.to(dtype=dtype, copy=True)
    return model.to(dtype)
