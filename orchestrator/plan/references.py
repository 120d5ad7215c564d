"""References as text, `$step.output` and its kin, to what they name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.plan.model import (
    ApprovedModel,
    HubModel,
    LocalPath,
    MetricSource,
    ParameterValue,
    S3Uri,
)
from orchestrator.spec.dangling import NOT_STEPS, REFERENCE

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
NOT_HERE = "`$secrets` may only be the value of a variable in `environment`"
IN_ENVIRONMENT = (
    "Write `environment: {NAME: $secrets.name}` in the step, and read the variable NAME in its "
    "script."
)
APPROVED = re.compile(r"([a-zA-Z0-9](?:-*[a-zA-Z0-9])*)\.approved")
LONGEST_GROUP = 55
"""A step named `approved-GROUP` asks for it, and SageMaker allows a name 64 characters."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(@[\w./-]+)?")


@dataclass(frozen=True)
class OutputReference:
    """`$step.output`, or `$step`, whose `output` is None."""

    step: str
    output: str | None


@dataclass(frozen=True)
class Malformed:
    """Text that names nothing: what is wrong with it, and what to write."""

    what: str
    fix: str


Reference = OutputReference | MetricSource | ParameterValue | ApprovedModel | Malformed


def parse_reference(text: str) -> Reference:
    """Return what `text`, which starts with `$`, names."""
    match = REFERENCE.fullmatch(text)
    if match is None:
        return Malformed(f"{text!r} is not a reference", "Write $step, $step.output or $params.X.")
    head, rest = match.group(1), match.group(2)
    if head == "params":
        if rest is None or not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", rest):
            return Malformed(f"{text!r} names no parameter", "Write $params.Name.")
        return ParameterValue(rest)
    if head == "secrets":
        return Malformed(NOT_HERE, IN_ENVIRONMENT)
    if head == "registry":
        return _parse_approved(text, rest or "")
    if head in NOT_STEPS:
        return Malformed(f"'${head}' is not available in this version", "Use a parameter.")
    if rest is not None and rest.startswith("metrics."):
        return MetricSource(head, rest.removeprefix("metrics."))
    return OutputReference(head, rest)


def parse_location(text: str) -> Reference | LocalPath | S3Uri | HubModel:
    """Return what a location names: a reference, a path, an S3 URI or a model of the hub."""
    if text.startswith("$"):
        return parse_reference(text)
    if text.startswith("s3://"):
        return _parse_s3(text)
    if text.startswith("hf://"):
        return _parse_hub(text)
    if text.startswith("glue://"):
        return Malformed(
            f"{text!r} is a Glue table, which this version does not read",
            "Write the s3:// folder of the table.",
        )
    return LocalPath(text)


def _parse_approved(text: str, rest: str) -> ApprovedModel | Malformed:
    match = APPROVED.fullmatch(rest)
    if match is None:
        return Malformed(f"{text!r} names no registered model", "Write $registry.GROUP.approved.")
    if len(match[1]) > LONGEST_GROUP:
        what = f"the group's name in {text!r} has {len(match[1])} characters"
        return Malformed(what, f"Use a group with at most {LONGEST_GROUP}.")
    return ApprovedModel(match[1])


def _parse_s3(text: str) -> S3Uri | Malformed:
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not BUCKET.fullmatch(bucket):
        return Malformed(f"{text!r} has no valid bucket name", "Write s3://bucket/key/.")
    if any(part in {".", ".."} for part in key.split("/")):
        return Malformed(
            f"{text!r} has a key that leaves its folder", "Write the key without '.' and '..'."
        )
    return S3Uri(text)


def _parse_hub(text: str) -> HubModel | Malformed:
    name = text.removeprefix("hf://")
    if not HUB_ID.fullmatch(name):
        return Malformed(
            f"{text!r} is not a model of the hub", "Write hf://OWNER/NAME or hf://OWNER/NAME@REV."
        )
    model_id, _, revision = name.partition("@")
    return HubModel(model_id, revision or "main")
