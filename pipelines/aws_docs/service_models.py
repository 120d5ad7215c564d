"""AWS's API documentation as botocore carries it: one service model per service, read as data."""

from __future__ import annotations

import gzip
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plain_text

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON_TYPES = {
    "string": "str",
    "character": "str",
    "integer": "int",
    "long": "int",
    "float": "float",
    "double": "float",
    "bigdecimal": "float",
    "boolean": "bool",
    "list": "list",
    "map": "dict",
    "structure": "dict",
    "timestamp": "datetime",
    "blob": "bytes",
}
"""botocore's shape types, and what boto3 takes and gives for them (boto3 guide, "Types")."""


@dataclass(frozen=True)
class Member:
    """One member of a request or of a response."""

    name: str
    type: str
    """The Python type that boto3 takes or gives, such as `datetime`."""
    required: bool
    summary: str
    """The first sentence of its documentation."""


@dataclass(frozen=True)
class Operation:
    """One API operation with what its documentation says."""

    service_id: str
    """botocore's name for the service, such as `sagemaker`."""
    service: str
    """Its full name, such as `Amazon SageMaker Service`."""
    name: str
    text: str
    """The documentation as plain text."""
    summary: str
    """The first sentence that says what it does; empty if that is a very long one."""
    method: str
    """The HTTP method, or an empty string where the protocol sends everything by POST."""
    request: tuple[Member, ...]
    response: tuple[Member, ...]
    errors: tuple[str, ...]


def models_folder() -> Path:
    """Return botocore's data folder; JobFailure if botocore is not installed."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        fail("botocore: not installed in this image. Name it in the step's requirements.")
    return Path(spec.submodule_search_locations[0]) / "data"


def read_operations(folder: Path) -> Iterator[Operation]:
    """Yield every operation of the newest API version of each service, sorted by service and name.

    Args:
        folder: Laid out like botocore's data: SERVICE/VERSION/service-2.json or .json.gz.
    """
    for path in newest_models(folder):
        model = read_model(path)
        for name in sorted(model["operations"]):
            yield operation(path.parent.parent.name, name, model)


def newest_models(folder: Path) -> list[Path]:
    """Return the service model files of the newest API versions, one a service."""
    newest = {path.parent.parent: path for path in sorted(folder.glob("*/*/service-2.json*"))}
    if not newest:
        fail(f"{folder}: no service model (*/*/service-2.json) in it. Install botocore anew.")
    return [newest[service] for service in sorted(newest)]


def read_model(path: Path) -> dict[str, Any]:
    """Return one service model, with what botocore adds to it when it loads it."""
    data = path.read_bytes()
    model: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    extras = path.parent / "service-2.sdk-extras.json"
    if extras.is_file():
        merge(model, json.loads(extras.read_bytes())["merge"])
    return model


def merge(into: dict[str, Any], extra: dict[str, Any]) -> None:
    """Merge `extra` into `into`, object by object (botocore's loaders.py, ExtrasProcessor)."""
    for name, value in extra.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def operation(service_id: str, name: str, model: dict[str, Any]) -> Operation:
    """Return the operation `name` of a service model."""
    entry, shapes, metadata = model["operations"][name], model["shapes"], model["metadata"]
    is_rest = metadata["protocol"].startswith("rest")
    text = plain_text.from_html(entry.get("documentation", ""))
    return Operation(
        service_id=service_id,
        service=metadata["serviceFullName"],
        name=name,
        text=text,
        summary=plain_text.summary(text),
        method=entry["http"]["method"] if is_rest else "",
        request=members(entry.get("input"), shapes),
        response=members(entry.get("output"), shapes),
        errors=tuple(sorted({error["shape"] for error in entry.get("errors", ())})),
    )


def members(reference: dict[str, Any] | None, shapes: dict[str, Any]) -> tuple[Member, ...]:
    """Return the members of the shape that `reference` names; none for no reference."""
    if reference is None:
        return ()
    shape = shapes[reference["shape"]]
    required = frozenset(shape.get("required", ()))
    return tuple(
        Member(
            name=name,
            type=PYTHON_TYPES[shapes[member["shape"]]["type"]],
            required=name in required,
            summary=plain_text.first_sentence(plain_text.from_html(member_text(member, shapes))),
        )
        for name, member in shape.get("members", {}).items()
    )


def member_text(member: dict[str, Any], shapes: dict[str, Any]) -> str:
    """Return a member's documentation, or that of its shape."""
    text: str = member.get("documentation") or shapes[member["shape"]].get("documentation", "")
    # Some members carry whole guides; the first sentence is all that is used of them.
    return text[:2000]
