"""What Bedrock can customize, and within which bounds: its documentation, shipped as dated data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Bounds:
    """What a hyperparameter may be."""

    min: float
    max: float
    default: float | None
    """What Bedrock takes if none is given; None where its model does not say."""
    whole: bool
    """Whether it is a whole number."""

    def __str__(self) -> str:
        """Return them in words, for errors."""
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.min:g} to {self.max:g}"


@dataclass(frozen=True)
class BedrockModel:
    """One base model, as of the table's date."""

    model_id: str
    customization_types: tuple[str, ...]
    formats: tuple[str, ...]
    """Of rows to fine-tune on, the one to prefer first."""
    hyper_parameters: Mapping[str, Bounds]
    limits: Mapping[str, int]
    """`min_training_records`, `max_training_records`, `max_validation_records`, `max_tokens`."""
    end_of_life: str | None
    """The date after which Bedrock has it no more, if one is announced."""

    @property
    def has_ended(self) -> bool:
        """Whether that date had passed when the table was made."""
        return self.end_of_life is not None and self.end_of_life <= table_date()


def table_date() -> str:
    """Return the date on which the table was made, as `2026-11-01`."""
    return str(_data()["as_of"])


def find_model(identifier: str) -> BedrockModel | None:
    """Return the base model that an id or ARN names, whatever context length it adds.

    None if the table does not know it: Bedrock may have got it later.
    """
    name = identifier.rpartition("/")[2]
    known = (key for key in _models() if name == key or name.startswith(f"{key}:"))
    return next((_models()[key] for key in known), None)


def models_for(customization_type: str) -> tuple[str, ...]:
    """Return the ids of the models that offer a customization and have not ended."""
    return tuple(
        name
        for name, model in _models().items()
        if customization_type in model.customization_types and not model.has_ended
    )


def reinforcement_bounds() -> Mapping[str, Bounds]:
    """Return the bounds of reinforcement fine-tuning, which are the same for all models."""
    return _bounds(_data()["reinforcement_hyper_parameters"])


def _bounds(table: Mapping[str, Any]) -> Mapping[str, Bounds]:
    return {name: Bounds(**values) for name, values in table.items()}


@cache
def _models() -> Mapping[str, BedrockModel]:
    return {
        name: BedrockModel(
            model_id=name,
            customization_types=tuple(facts["customization_types"]),
            formats=tuple(facts["formats"]),
            hyper_parameters=_bounds(facts["hyper_parameters"]),
            limits=facts["limits"],
            end_of_life=facts["end_of_life"],
        )
        for name, facts in _data()["models"].items()
    }


@cache
def _data() -> dict[str, Any]:
    text = files("orchestrator.catalog").joinpath("bedrock_models.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
