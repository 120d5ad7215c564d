"""Write the catalogue of PEFT methods from the installed peft: `python tools/peft_methods.py`.

Run it after a new version of peft, with today's date: `python tools/peft_methods.py 2026-11-25`.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

import peft
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

CATALOGUE = Path(__file__).parents[1] / "orchestrator" / "catalog" / "peft_methods.json"
OF_EVERY_METHOD = frozenset(field.name for field in dataclasses.fields(peft.PeftConfig))
"""What a job sets itself: the type of task, the model's path."""
NAMES = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: "text",
    type(None): "null",
    list: "list",
    tuple: "list",
    dict: "mapping",
}


def catalogue(date: str) -> dict[str, Any]:
    """Return every method with the fields of its config, as the installed peft has them."""
    methods = {
        kind.value.lower(): {
            "config_class": config.__name__,
            "learns_a_prompt": issubclass(config, peft.PromptLearningConfig),
            "fields": _fields(config),
        }
        for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()
    }
    return {"source": f"peft {peft.__version__}", "date": date, "methods": methods}


def main(date: str) -> None:
    """Write the catalogue."""
    text = json.dumps(catalogue(date), indent=1, sort_keys=True)
    CATALOGUE.write_text(text + "\n", encoding="utf-8")


def _fields(config: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config)
    return {
        field.name: _field(field, hints[field.name])
        for field in dataclasses.fields(config)
        if field.name not in OF_EVERY_METHOD and field.init
    }


def _field(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    kinds: list[str] = []
    choices: list[Any] = []
    _read(hint, kinds, choices)
    default = field.default
    if default is dataclasses.MISSING:
        default = field.default_factory() if callable(field.default_factory) else None
    if isinstance(default, enum.Enum):
        default = default.value
    if isinstance(default, set | tuple):
        default = sorted(default)
    if dataclasses.is_dataclass(default):
        default = {}
    found = {"types": sorted(set(kinds)), "default": default}
    return {**found, "choices": choices} if choices else found


def _read(hint: Any, kinds: list[str], choices: list[Any]) -> None:
    """Add what values of `hint` look like in YAML, and the words that are allowed."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        for part in typing.get_args(hint):
            _read(part, kinds, choices)
    elif origin is typing.Literal:
        kinds.append("text")
        choices.extend(typing.get_args(hint))
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        kinds.append("text")
        choices.extend(member.value for member in hint)
    else:
        # A config of its own within a config is a mapping in YAML.
        kinds.append(NAMES.get(origin or hint, "mapping"))


if __name__ == "__main__":
    main(sys.argv[1])
