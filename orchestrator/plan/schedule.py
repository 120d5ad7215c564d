"""Rules of `schedule`: its parameters are the pipeline's, and what it starts can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.definition.smoke import PARAMETERS as SMOKE_PARAMETERS
from orchestrator.spec.fields import EXAMPLE_VALUES, PARAMETER_TYPES
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from orchestrator.spec.fields import ParameterSpec, Scalar
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec

SMOKE_TYPES = {parameter.name: parameter.type for parameter in SMOKE_PARAMETERS}
PREFIX = "$params."


def schedule_fits(spec: PipelineSpec, findings: Findings) -> None:
    """Refuse a schedule whose executions could not start."""
    if spec.schedule is None:
        return
    types = {name: parameter.type for name, parameter in spec.parameters.items()} | SMOKE_TYPES
    for name, value in spec.schedule.parameters.items():
        where = f"schedule.parameters.{name}"
        if name not in types:
            fix = did_you_mean(name, types, noun="parameters")
            findings.refuse(where, f"there is no parameter {name!r}", fix)
        elif not _fits(value, types[name]):
            fix = f"Write {EXAMPLE_VALUES[types[name]]}."
            findings.refuse(where, f"{value!r} is not of type {types[name]}", fix)
    for name, parameter in spec.parameters.items():
        if parameter.default is None and name not in spec.schedule.parameters:
            what = f"parameter {name!r} has no default, and the schedule gives no value"
            findings.refuse("schedule.parameters", what, f"Write `{name}:` there.")
    _data_are_in_s3(spec, findings)


def data_prefix(
    on_new_data: str, parameters: dict[str, ParameterSpec], given: dict[str, Scalar]
) -> str:
    """Return the `s3://` prefix that `on_new_data` means; other text if it means none."""
    if not on_new_data.startswith(PREFIX):
        return on_new_data
    name = on_new_data.removeprefix(PREFIX)
    value = given.get(name, parameters[name].default if name in parameters else None)
    return str(value)


def _data_are_in_s3(spec: PipelineSpec, findings: Findings) -> None:
    schedule = spec.schedule
    if schedule is None or schedule.on_new_data is None:
        return
    name = schedule.on_new_data.removeprefix(PREFIX)
    if schedule.on_new_data.startswith(PREFIX) and name not in spec.parameters:
        fix = did_you_mean(name, spec.parameters, noun="parameters")
        findings.refuse("schedule.on_new_data", f"there is no parameter {name!r}", fix)
        return
    prefix = data_prefix(schedule.on_new_data, spec.parameters, schedule.parameters)
    if not prefix.startswith("s3://"):
        what = f"{schedule.on_new_data!r} is {prefix!r} on AWS, which is not in S3"
        findings.refuse("schedule.on_new_data", what, "Give it an s3://bucket/prefix/ as default.")


def _fits(value: Scalar, type_name: str) -> bool:
    if isinstance(value, bool):
        return type_name == "Boolean"
    return isinstance(value, PARAMETER_TYPES[type_name])
