"""The spec's parameters as those of the definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from orchestrator.compiler.sources import is_local_path
from orchestrator.compiler.values import text
from orchestrator.definition.model import Parameter

if TYPE_CHECKING:
    from orchestrator.compiler.context import Context
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import ParameterType
    from orchestrator.spec.fields import ParameterSpec


def compile_parameter(context: Context, name: str, spec: ParameterSpec) -> Parameter:
    """Return the definition's parameter; its default is the environment's."""
    enum = tuple(text(value) for value in spec.enum or ())
    return Parameter(name, _type(spec), _default(context, spec), enum)


def _type(spec: ParameterSpec) -> ParameterType:
    match spec.type:
        case "S3Uri" | "String":
            return "String"
        case "Integer" | "Float" | "Boolean":
            return spec.type
        case _ as unhandled:
            assert_never(unhandled)


def _default(context: Context, spec: ParameterSpec) -> Json:
    value = context.environment.default_of(spec)
    match spec.type:
        case "S3Uri" if is_local_path(value):
            return context.data_uris[str(value)]
        case "String" | "S3Uri":
            return None if value is None else text(value)
        case "Float":
            return float(value) if isinstance(value, int) else value
        case _:
            return value
