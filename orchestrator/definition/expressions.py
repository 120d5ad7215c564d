"""Pipeline expressions: `Get`, `Std:Join` and `Std:JsonGet`, written, found and evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from orchestrator.definition.json import type_name
from orchestrator.definition.paths import follow, parse_path
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.paths import Path

EXECUTION_VARIABLES = (
    "CurrentDateTime",
    "PipelineArn",
    "PipelineExecutionArn",
    "PipelineExecutionId",
    "PipelineName",
    "ProcessingJobName",
    "StartDateTime",
    "TrainingJobName",
)
"""What may stand after `Execution.` (sagemaker 3.27, core/workflow/execution_variables.py)."""


class Get(dict[str, "Json"]):
    """`{"Get": path}`: `Parameters.X`, `Steps.NAME.Attribute`, `Execution.PipelineExecutionId`."""

    def __init__(self, path: str) -> None:
        super().__init__({"Get": path})


class Join(dict[str, "Json"]):
    """`{"Std:Join": ...}`: the values as text with `on` between them."""

    def __init__(self, on: str, values: Sequence[Json]) -> None:
        super().__init__({"Std:Join": {"On": on, "Values": list(values)}})


class JsonGet(dict[str, "Json"]):
    """`{"Std:JsonGet": ...}` of a property file that the Processing step `step` declares."""

    def __init__(self, step: str, property_file: str, path: str) -> None:
        source = Get(f"Steps.{step}.PropertyFiles.{property_file}")
        super().__init__({"Std:JsonGet": {"PropertyFile": source, "Path": path}})


class JsonGetS3(dict[str, "Json"]):
    """`{"Std:JsonGet": ...}` of any JSON object in S3; `uri` may be an expression."""

    def __init__(self, uri: Json, path: str) -> None:
        super().__init__({"Std:JsonGet": {"S3Uri": uri, "Path": path}})


class Resolver(Protocol):
    """What an execution knows: the values behind references."""

    def get(self, path: Path) -> Json:
        """Return the value of `("Parameters", "X")`, `("Steps", "a", "B", ...)` or the like."""

    def property_file(self, step: str, name: str) -> Json:
        """Return the JSON document of a property file."""

    def s3_document(self, uri: str) -> Json:
        """Return the JSON document at an S3 URI."""


Resolve: TypeAlias = Callable[["Json"], "Json"]
"""Gives the value of an expression: `lambda value: evaluate(value, resolver)`."""


def expression_kind(value: Json) -> str | None:
    """Return `Get`, `Std:Join` or `Std:JsonGet` if `value` is such an expression, else None."""
    if isinstance(value, Mapping) and len(value) == 1:
        kind = next(iter(value))
        return kind if kind in {"Get", "Std:Join", "Std:JsonGet"} else None
    return None


def evaluate(value: Json, resolver: Resolver) -> Json:
    """Return `value` with every expression in it, however deep, replaced by what it means.

    Raises:
        DefinitionError: If an expression is malformed, or names what is not there.
    """
    match expression_kind(value):
        case "Get":
            return resolver.get(parse_path(get_path(value)))
        case "Std:Join":
            return _evaluate_join(_body(value, "Std:Join"), resolver)
        case "Std:JsonGet":
            return _evaluate_json_get(_body(value, "Std:JsonGet"), resolver)
        case _:
            return _evaluate_members(value, resolver)


def references(value: Json) -> set[str]:
    """Return the paths of all `Get`s in `value`, those inside other expressions included."""
    return {get_path(found) for found in expressions(value) if expression_kind(found) == "Get"}


def expressions(value: Json) -> Iterator[Json]:
    """Yield every expression in `value`, outer ones before those inside them."""
    if expression_kind(value) is not None:
        yield value
    if isinstance(value, Mapping):
        for member in value.values():
            yield from expressions(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from expressions(item)


def referenced_steps(value: Json) -> set[str]:
    """Return the names of the steps whose results `value` reads."""
    paths = (parse_path(path) for path in references(value))
    return {str(path[1]) for path in paths if path[0] == "Steps" and len(path) > 1}


def get_path(value: Json) -> str:
    """Return the path of a `Get` expression."""
    path = value["Get"] if isinstance(value, Mapping) else None
    if not isinstance(path, str):
        raise DefinitionError(Problem("Get", f"the path must be text, not {path!r}"))
    return path


def joined_text(value: Json) -> str:
    """Return how `Std:Join` writes one value.

    Raises:
        DefinitionError: If it is a list, an object or null.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise DefinitionError(
        Problem("Std:Join", f"cannot join {type_name(value)}", "Join text, numbers and booleans.")
    )


def _evaluate_join(body: Mapping[str, Json], resolver: Resolver) -> str:
    on, values = body.get("On"), body.get("Values")
    if not isinstance(on, str) or not isinstance(values, list | tuple):
        raise DefinitionError(Problem("Std:Join", "it needs On, a text, and Values, a list"))
    return on.join(joined_text(evaluate(value, resolver)) for value in values)


def _evaluate_json_get(body: Mapping[str, Json], resolver: Resolver) -> Json:
    path = body.get("Path")
    if not isinstance(path, str):
        raise DefinitionError(Problem("Std:JsonGet", f"Path must be text, not {path!r}"))
    return follow(json_document(body, resolver), parse_path(path))


def json_document(body: Mapping[str, Json], resolver: Resolver) -> Json:
    """Return the whole document that the body of a `Std:JsonGet` reads from.

    Raises:
        DefinitionError: If it is not there.
    """
    if "S3Uri" in body:
        return resolver.s3_document(joined_text(evaluate(body["S3Uri"], resolver)))
    return resolver.property_file(*property_file_of(body))


def property_file_of(body: Mapping[str, Json]) -> tuple[str, str]:
    """Return the step and the property file that the body of a `Std:JsonGet` reads.

    Raises:
        DefinitionError: If it has no `PropertyFile` of the form `Steps.STEP.PropertyFiles.NAME`.
    """
    source = body.get("PropertyFile")
    path = parse_path(get_path(source)) if expression_kind(source) == "Get" else ()
    match path:
        case ("Steps", str(step), "PropertyFiles", str(name)):
            return step, name
    raise DefinitionError(
        Problem(
            "Std:JsonGet",
            f"cannot tell what to read from {source!r}",
            'Give S3Uri, or PropertyFile as {"Get": "Steps.STEP.PropertyFiles.NAME"}.',
        )
    )


def _evaluate_members(value: Json, resolver: Resolver) -> Json:
    if isinstance(value, Mapping):
        return {name: evaluate(member, resolver) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [evaluate(item, resolver) for item in value]
    return value


def _body(value: Json, kind: str) -> Mapping[str, Json]:
    body = value[kind] if isinstance(value, Mapping) else None
    if not isinstance(body, Mapping):
        raise DefinitionError(Problem(kind, f"it needs an object, not {type_name(body)}"))
    return body
