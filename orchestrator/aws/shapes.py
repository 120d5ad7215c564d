"""The request and response shapes of AWS services, read from the models that botocore carries.

The files are read without importing botocore, which would take longer than a whole compile.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from orchestrator.definition.shapes import Shape
from orchestrator.errors import AwsError


class BotocoreShapes:
    """`Shapes` over botocore's data folder; each service is read when it is first asked for."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._models: dict[str, dict[str, Any]] = {}
        self._shapes: dict[tuple[str, str], Shape | None] = {}

    def input_of(self, service: str, operation: str) -> Shape | None:
        """Return what an operation takes; None if it is unknown."""
        return self._operation(service, operation, "input")

    def output_of(self, service: str, operation: str) -> Shape | None:
        """Return what an operation gives; None if it is unknown."""
        return self._operation(service, operation, "output")

    def shape(self, service: str, name: str) -> Shape | None:
        """Return a shape by its name; None if it is unknown."""
        key = (service, name)
        if key not in self._shapes:
            raw = self._model(service).get("shapes", {}).get(name)
            self._shapes[key] = _shape(name, raw) if raw else None
        return self._shapes[key]

    def _operation(self, service: str, operation: str, side: str) -> Shape | None:
        raw = self._model(service).get("operations", {}).get(operation, {}).get(side)
        return self.shape(service, raw["shape"]) if raw else None

    def _model(self, service: str) -> dict[str, Any]:
        if service not in self._models:
            self._models[service] = _read_model(self._data / service)
        return self._models[service]


@cache
def load_shapes() -> BotocoreShapes:
    """Return the shapes of the botocore that is installed.

    Raises:
        AwsError: If it is not.
    """
    found = importlib.util.find_spec("botocore")
    if found is None or not found.submodule_search_locations:
        msg = "botocore is not installed. Install boto3, which fm-orchestrator requires."
        raise AwsError(msg)
    return BotocoreShapes(Path(found.submodule_search_locations[0]) / "data")


def _read_model(folder: Path) -> dict[str, Any]:
    """Return the newest version of a service's model; empty if botocore has none."""
    for version in sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ():
        for name, read in (("service-2.json.gz", gzip.decompress), ("service-2.json", bytes)):
            if (version / name).is_file():
                model: dict[str, Any] = json.loads(read((version / name).read_bytes()))
                return model
    return {}


def _shape(name: str, raw: dict[str, Any]) -> Shape:
    return Shape(
        name=name,
        type="any" if raw.get("document") else raw["type"],
        members={key: member["shape"] for key, member in raw.get("members", {}).items()},
        required=tuple(raw.get("required", ())),
        member=raw.get("member", {}).get("shape"),
        key=raw.get("key", {}).get("shape"),
        value=raw.get("value", {}).get("shape"),
        enum=tuple(raw.get("enum", ())),
        pattern=raw.get("pattern"),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
        union=raw.get("union", False),
    )
