"""pydantic's error types to words: what is expected, and what to write instead."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from orchestrator.spec import tracking
from orchestrator.spec.fields import REQUIRES
from orchestrator.spec.suggest import MOST_LISTED, closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic_core import ErrorDetails

TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
NUMBER_TYPES = frozenset(("int_type", "int_from_float", "float_type"))
MAPPING_TYPES = frozenset(("dict_type", "model_type", "model_attributes_type"))
LIST_TYPES = frozenset(("tuple_type", "list_type"))
BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
LENGTHS = {"too_short": "min_length", "too_long": "max_length"}
PARAMETER = r"^\$params\.[A-Za-z][A-Za-z0-9]*$"
PATTERNS = {
    PARAMETER: "$params.Name",
    r"^(\$|\./|\.\./|/|s3://|hf://|glue://)": (
        "a path (./data, /data, s3://bucket/key/, hf://owner/model) or a reference ($step)"
    ),
    r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,47}$": (
        "a step's name: at most 48 letters, digits, '-' and '_', the first a letter or digit"
    ),
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,81}$": "at most 82 letters, digits and hyphens",
    r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$": "at most 63 letters, digits and hyphens",
    r"^[A-Za-z][A-Za-z0-9]*$": "a parameter's name: letters and digits, the first a letter",
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$": "a name of letters, digits, '-' and '_'",
    r"^[A-Za-z][A-Za-z0-9_-]*$": "an argument's name of letters, digits, '-' and '_'",
    r"^(ml\.[a-z0-9-]+\.[a-z0-9-]+|\$params\..+)$": "an instance type such as ml.g5.xlarge",
    r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$": "an instance type such as ml.g5.xlarge",
    r"^[^$].*\.py$": "a Python file such as ./clean.py",
    r"^(\./|\.\./|/)[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*$": (
        "a function in a Python file, such as ./rewards.py:exact"
    ),
    r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$": (
        "an environment's name: at most 32 small letters, digits and hyphens"
    ),
    r"^(s3://.+|\$params\.[A-Za-z][A-Za-z0-9]*)$": "s3://bucket/prefix/ or $params.Name",
    r"^[a-z]{2}(-[a-z]+)+-[0-9]+$": "an AWS region such as eu-central-1",
    r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$": (
        "the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME"
    ),
    r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$": "a bucket's name, without s3:// and without a path",
    REQUIRES: "versions of fmo such as '>=0.2' or '>=0.2, <1', in quotes",
    r"^https://[a-z0-9.-]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}$": (
        "the URL of a queue, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"
    ),
    r"^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$": (
        "the ARN of a queue, arn:aws:sqs:REGION:ACCOUNT:NAME"
    ),
    r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$": (
        "the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:NAME"
    ),
    r"^[a-z][a-z0-9-]{0,25}[a-z0-9]$": (
        "at most 27 small letters, digits and hyphens, the first a letter"
    ),
    r"^[A-Z][A-Za-z0-9]*$": "a parameter of a template, such as KmsKeyArn",
    r"^(arn:aws[a-z-]*:bedrock:.+|[a-z0-9-]+\.[a-z0-9.:-]+)$": (
        "the id of a model in Bedrock such as amazon.nova-lite-v1:0:300k, or its ARN"
    ),
    r"^([0-9a-zA-Z][_-]?){1,63}$": (
        "at most 63 letters and digits, with single hyphens or underscores between them"
    ),
    r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_.:$-]+$": (
        "the ARN of a function, arn:aws:lambda:REGION:ACCOUNT:function:NAME"
    ),
    r"^[a-z0-9][a-z0-9-]{0,254}$": (
        "the id of a model in JumpStart such as meta-textgeneration-llama-3-1-8b"
    ),
    r"^[0-9]+\.[0-9]+\.[0-9]+$": "a version such as 2.1.0",
    r"^[A-Za-z][A-Za-z0-9_]*$": "letters, digits and underscores, the first a letter",
    r"^subnet-[0-9a-z]+$": "a subnet's id such as subnet-0a1b2c3d",
    r"^sg-[0-9a-z]+$": "a security group's id such as sg-0a1b2c3d",
    r"^ml\.[a-z0-9*-]+\.[a-z0-9*-]+$": "an instance type such as ml.g5.xlarge or ml.g5.*",
    r"^(arn:aws[a-z-]*:secretsmanager:[^\s]+|[A-Za-z0-9/_+=.@-]+)$": (
        "the name or ARN of a secret in Secrets Manager"
    ),
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a variable's name: letters, digits and '_'",
    r"^\$": "a reference such as $step.output",
    tracking.URI: "an MLflow server (https://host), its ARN on SageMaker, or a folder (./mlruns)",
    tracking.LABEL: "a name of at most 128 characters without '/'",
    r"^\$[A-Za-z0-9_-]+\.metrics\.[^\s.$][^\s$]*$": "$step.metrics.NAME",
}
INSTANCE = re.compile(r"[a-z0-9-]+\.[0-9]*[a-z]+")
ELSEWHERE = re.compile(r"(https?|ftp|file|gs|azure|abfss?|dbfs|hdfs|s3a|s3n)://.*|[A-Za-z]:[\\/].*")
HYPHENATED: frozenset[object] = frozenset(pattern for pattern in PATTERNS if "(-*" in pattern)
MODEL_KEYS = frozenset(("model_name_or_path", "model", "base_model"))
WORDS_FOR_TRUE = frozenset(("yes", "on", "y"))
WORDS_FOR_FALSE = frozenset(("no", "off", "n"))
LONGEST_SHOWN = 60


def expected(errors: Sequence[ErrorDetails]) -> str:
    """Return what would have been right, from every way in which one value is wrong."""
    bounds = [error for error in errors if error["type"] in BOUNDS]
    types = {error["type"] for error in errors}
    words = [_expected(error) for error in bounds or errors]
    if types & NUMBER_TYPES:
        # The text that a number may be is a parameter.
        words = ["$params.Name" if word == "text" else word for word in words]
    numbers_first = sorted(dict.fromkeys(words), key=lambda word: word.startswith("$"))
    return " or ".join(numbers_first)


def cure(
    errors: Sequence[ErrorDetails], value: object, key: str | int, steps: Iterable[str]
) -> str:
    """Return what to write instead of `value` under `key`; empty if there is nothing to add."""
    types = {error["type"] for error in errors}
    patterns = {error.get("ctx", {}).get("pattern") for error in errors}
    if value is None:
        return "Write a value, or remove the key."
    if "bool_type" in types and isinstance(value, str):
        return _boolean_cure(value)
    if "literal_error" in types:
        choices = _choices(next(error for error in errors if error["type"] == "literal_error"))
        close = closest(str(value), choices)
        # Where none is close: what was expected lists them all.
        return f"Did you mean {close!r}?" if close else ""
    if types & NUMBER_TYPES and _is_number(value):
        return "Remove the quotes." if isinstance(value, str) else _whole_cure(value)
    if types == {"string_type"} and isinstance(value, bool | int | float):
        return f'Put it in quotes: "{show(value)}".'
    if types <= MAPPING_TYPES | LIST_TYPES:
        return _container_cure(value, key, types)
    return _text_cure(value, patterns, key, steps) if isinstance(value, str) else ""


def show(value: object) -> str:
    """Return the value as YAML writes it, cut where long."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    # A backslash stands in YAML as it is, not doubled as Python writes it.
    text = repr(value).replace("\\\\", "\\") if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _expected(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in TYPES:
        return TYPES[kind]
    if kind in BOUNDS:
        key, word = BOUNDS[kind]
        return f"a number {word} {context[key]:,.12g}"
    if kind in LENGTHS:
        side = "at least" if kind == "too_short" else "at most"
        entries = "entry" if context[LENGTHS[kind]] == 1 else "entries"
        return f"{side} {context[LENGTHS[kind]]} {entries}"
    if kind == "literal_error":
        choices = _choices(error)
        more = f" or {len(choices) - MOST_LISTED} more" if len(choices) > MOST_LISTED + 1 else ""
        return "one of " + ", ".join(choices[: MOST_LISTED if more else None]) + more
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return PATTERNS.get(pattern, f"text that matches {pattern}")
    return error["msg"].removeprefix("Input should be ")


def _choices(error: ErrorDetails) -> list[str]:
    # pydantic writes the choices as `'a', 'b' or 'c'`.
    said = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip().strip("'") for word in said.replace(" or ", ", ").split(", ")]


def _text_cure(value: str, patterns: set[object], key: str | int, steps: Iterable[str]) -> str:
    if any("hf://" in str(pattern) for pattern in patterns):
        return _location_cure(value, key, steps)
    if any(str(pattern).startswith((r"^(ml\.", r"^ml\.")) for pattern in patterns):
        return f"Write 'ml.{value}'." if INSTANCE.fullmatch(value) else ""
    for pattern in patterns & HYPHENATED:
        plain = re.sub(r"[^A-Za-z0-9]+", "-", value).strip("-")
        if re.fullmatch(str(pattern), plain):
            return f"Write {plain!r}."
    return ""


def _location_cure(value: str, key: str | int, steps: Iterable[str]) -> str:
    if value in set(steps):
        return f"Write '${value}'."
    if value.startswith("~"):
        return "Write the path from / or from ./ on."
    if ELSEWHERE.fullmatch(value):
        return _elsewhere_cure(value)
    if key in MODEL_KEYS and re.fullmatch(r"[\w.-]+/[\w.-]+", value):
        return f"Write 'hf://{value}' for a model of the hub, './{value}' for a folder."
    if key in MODEL_KEYS and "/" not in value:
        return f"Write 'hf://OWNER/{value}' for a model of the hub, './{value}' for a folder."
    return f"Write './{value}'."


def _elsewhere_cure(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme in {"s3a", "s3n"}:
        return f"Write 's3://{rest}'."
    if scheme == "file":
        return f"Write '{rest}'."
    if "://" in value:
        return "Download it, and write the path of the file or folder."
    return "Write the path from / or from ./ on, with slashes."


def _whole_cure(value: object) -> str:
    return f"Write {int(value)}." if isinstance(value, float) and value.is_integer() else ""


def _container_cure(value: object, key: str | int, types: set[str]) -> str:
    if types <= LIST_TYPES:
        return f"Write [{value}]." if isinstance(value, str | int | float) else ""
    if isinstance(value, list | tuple):
        return "Write `NAME:` in place of each `-`."
    is_read = isinstance(value, str) and value.startswith(("$", "./", "/", "s3://"))
    return f"Write `{key}: {{NAME: {value}}}`." if is_read else ""


def _boolean_cure(value: str) -> str:
    word = value.lower()
    if word in WORDS_FOR_TRUE | WORDS_FOR_FALSE:
        meant = "true" if word in WORDS_FOR_TRUE else "false"
        return f"In YAML 1.2 {value!r} is a word. Write {meant}."
    return "Remove the quotes." if word in {"true", "false"} else "Write true or false."


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, str | int | float) and math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False
