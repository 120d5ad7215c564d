"""Settings that are pipeline parameters: `learning_rate: $params.LearningRate`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from orchestrator.spec.fields import JobModel, StepModel
from orchestrator.spec.models import reference_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import StepSpec

TEXT = ("String", "S3Uri")
NUMBERS = ("Float", "Integer")
PARAMETER = re.compile(r"\$params\.[A-Za-z][A-Za-z0-9]*")

# They configure the job itself, so the job needs no argument for them.
JOB_FIELDS = frozenset(JobModel.model_fields) | frozenset(StepModel.model_fields)


def setting_parameters(
    spec: StepSpec, where: str, findings: Findings
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield field, reference and allowed parameter types of each setting that is a parameter.

    A reference in a field that takes only literal text is refused.
    """
    types = _parameter_types(type(spec))
    for field, value in spec:
        if field in reference_fields(type(spec)):
            continue  # Read as an input.
        if isinstance(value, str) and PARAMETER.fullmatch(value):
            if types[field]:
                yield field, value, types[field]
            else:
                _refuse_literal(f"{where}.{field}", value, findings)
        elif field == "environment":
            for name, text in value.items():
                if PARAMETER.fullmatch(text):
                    _refuse_literal(f"{where}.environment.{name}", text, findings)


def _refuse_literal(where: str, value: str, findings: Findings) -> None:
    findings.refuse(where, f"this field takes no parameter, found {value!r}", "Write the value.")


@cache
def _parameter_types(model: type[StepModel]) -> dict[str, tuple[str, ...]]:
    types = {
        name: _types_for(_leaves(field.annotation)) for name, field in model.model_fields.items()
    }
    return types | {"instance_type": ("String",)}


def _types_for(leaves: frozenset[object]) -> tuple[str, ...]:
    if str not in leaves or not leaves & {int, float}:
        return ()
    return NUMBERS if float in leaves else ("Integer",)


def _leaves(annotation: Any) -> frozenset[object]:
    arguments = get_args(annotation)
    if not arguments:
        return frozenset((annotation,)) if isinstance(annotation, type) else frozenset()
    return frozenset[object]().union(*(_leaves(argument) for argument in arguments))
