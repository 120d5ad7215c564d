"""The CloudFormation templates that ship with us, and what one makes for given parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML, ScalarNode
from ruamel.yaml.constructor import SafeConstructor

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[2] / "infra"
PARTS = ("storage", "network", "roles", "schedules", "bridge")
"""The templates, each after those whose outputs it takes as parameters."""


@dataclass(frozen=True)
class Template:
    """A template, as it is sent and as it is read."""

    part: str
    body: str
    content: Mapping[str, Any]
    """With functions in their long form: `{"Ref": "Bucket"}`."""

    @property
    def defaults(self) -> dict[str, str | None]:
        """Parameter to default; None if it must be given."""
        parameters: Mapping[str, Mapping[str, Any]] = self.content["Parameters"]
        return {
            name: str(told["Default"]) if "Default" in told else None
            for name, told in parameters.items()
        }

    @property
    def keys(self) -> dict[str, str]:
        """Output to the key of `fmo.yaml` that takes it, as its description says."""
        told = {name: one["Description"] for name, one in self.content["Outputs"].items()}
        mark = "fmo.yaml: "
        return {name: text.removeprefix(mark) for name, text in told.items() if mark in text}

    def resources(self, parameters: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
        """Return the resources that are made for `parameters`, by logical id."""
        resources: Mapping[str, Mapping[str, Any]] = self.content["Resources"]
        return {
            name: told
            for name, told in resources.items()
            if "Condition" not in told or self._holds({"Condition": told["Condition"]}, parameters)
        }

    def _holds(self, condition: Mapping[str, Any], parameters: Mapping[str, str]) -> bool:
        """Return whether a condition holds; our templates use these functions and no more."""
        match condition:
            case {"Condition": str(name)}:
                return self._holds(self.content["Conditions"][name], parameters)
            case {"Fn::Not": [inner]}:
                return not self._holds(inner, parameters)
            case {"Fn::And": [*inner]}:
                return all(self._holds(one, parameters) for one in inner)
            case {"Fn::Equals": [left, right]}:
                return _text(left, parameters) == _text(right, parameters)
        message = f"{self.part}: a condition of another form: {condition}"
        raise ValueError(message)


@cache
def load_template(part: str) -> Template:
    """Return the template of a part of `PARTS`."""
    body = (FOLDER / f"{part}.yaml").read_text(encoding="utf-8")
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = _Constructor
    return Template(part, body, reader.load(body))


def _text(value: Any, parameters: Mapping[str, str]) -> str:
    match value:
        case {"Ref": str(name)}:
            return parameters.get(name, "")
        case {"Fn::Join": ["", {"Ref": str(name)}]}:
            return parameters.get(name, "").replace(",", "")
    return str(value)


class _Constructor(SafeConstructor):
    """Reads `!Ref X` as `{"Ref": "X"}` and `!Sub X` as `{"Fn::Sub": "X"}`."""

    def function(self, suffix: str, node: Any) -> dict[str, Any]:
        name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
        if isinstance(node, ScalarNode):
            value: Any = self.construct_scalar(node)
            return {name: value.split(".", 1) if suffix == "GetAtt" else value}
        return {name: self.construct_sequence(node, deep=True)}


_Constructor.add_multi_constructor("!", _Constructor.function)
