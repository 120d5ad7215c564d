"""Where and how a ReFT intervenes, as a spec says it and `reft_config.json` keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ReftConfig:
    """What `reft_config.json` says."""

    method: str
    """`loreft` or `direft`."""
    rank: int
    layers: tuple[int, ...]
    """Behind which layers, from 0."""
    positions: str
    """`f7+l7`: the prompt's first 7 and last 7 tokens; `f5` or `l1` alone."""
    share_weights: bool
    """Whether one intervention serves first and last tokens."""
    dropout: float
    hidden_size: int
    num_hidden_layers: int
    model_type: str

    @property
    def first_and_last(self) -> tuple[int, int]:
        """How many tokens at the start of a prompt, and at its end."""
        counts = {part[0]: int(part[1:]) for part in self.positions.split("+")}
        return counts.get("f", 0), counts.get("l", 0)

    @property
    def groups(self) -> tuple[str, ...]:
        """Which interventions each layer has."""
        if self.share_weights or 0 in self.first_and_last:
            return ("both",)
        return ("first", "last")


def reft_config(method: str, fields: Mapping[str, Any], shape: Any) -> ReftConfig:
    """Return the config of a job's interventions.

    Args:
        method: `loreft` or `direft`.
        fields: `method_config` of the spec.
        shape: The model's config in transformers.

    Raises:
        JobFailure: If layers or rank are not of this model.
    """
    count, width = shape.num_hidden_layers, shape.hidden_size
    layers = fields.get("layers", "all")
    layers = tuple(range(count)) if layers == "all" else tuple(sorted(layers))
    rank = fields.get("rank", 4)
    if layers[-1] >= count:
        fail(
            f"method_config.layers: {layers[-1]} is not among the model's {count} layers. "
            f"Write numbers from 0 to {count - 1}, or all."
        )
    if rank > width:
        fail(
            f"method_config.rank: {rank} is above the {width} numbers of a hidden state. "
            f"Write {width} or less."
        )
    return ReftConfig(
        method=method,
        rank=rank,
        layers=layers,
        positions=fields.get("positions", "f1+l1"),
        share_weights=fields.get("share_weights", True),
        dropout=fields.get("dropout", 0.0),
        hidden_size=width,
        num_hidden_layers=count,
        model_type=shape.model_type,
    )
