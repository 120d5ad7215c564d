"""Checks what needs no service model: names, parameters, caches, retries, conditions, limits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.catalog import limits
from orchestrator.definition.conditions import COMPARISONS, CONDITION_TYPES, negated
from orchestrator.definition.durations import parse_duration
from orchestrator.definition.json import type_name
from orchestrator.definition.model import CONDITION, VERSION, definition_bytes, walk
from orchestrator.definition.parameters import parameter_problems
from orchestrator.definition.step_types import STEP_TYPES
from orchestrator.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition, RetryPolicy, Step

_NAME = re.compile(r"[A-Za-z0-9\-_]+")
_TRIGGERS = ("Completed", "Failed", "Stopped", "Any")
_CONDITION_MEMBERS = {
    **dict.fromkeys(COMPARISONS, ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Or": ("Conditions",),
}


def definition_problems(definition: Definition) -> Iterator[Problem]:
    """Yield the problems of the definition as a whole and of its parameters."""
    if definition.version != VERSION:
        yield Problem("Version", f"there is no version {definition.version!r}", f"Use {VERSION!r}.")
    if not definition.steps:
        yield Problem("Steps", "there are no steps", "Give at least one.")
    if len(definition.parameters) > limits.PARAMETERS:
        found = f"there are {len(definition.parameters)} parameters"
        yield Problem("Parameters", found, f"At most {limits.PARAMETERS} are allowed.")
    yield from _duplicates(
        (parameter.name for parameter in definition.parameters), "Parameters", "parameters"
    )
    yield from _duplicates((found.step.name for found in walk(definition.steps)), "Steps", "steps")
    for parameter in definition.parameters:
        yield from parameter_problems(parameter)
    size = len(definition_bytes(definition).decode())
    if size > limits.DEFINITION_CHARACTERS:
        fix = f"At most {limits.DEFINITION_CHARACTERS} are allowed."
        yield Problem("definition", f"it has {size} characters", fix)


def step_problems(step: Step, where: str) -> Iterator[Problem]:
    """Yield the problems of one step's own members, its arguments and references left out."""
    if not _NAME.fullmatch(step.name) or len(step.name) > limits.STEP_NAME_CHARACTERS:
        fix = f"Use 1 to {limits.STEP_NAME_CHARACTERS} letters, digits, hyphens and underscores."
        yield Problem(f"{where}.Name", f"{step.name!r} is not a step name", fix)
    known = STEP_TYPES.get(step.type)
    if known is None:
        close = get_close_matches(step.type, STEP_TYPES, 1)
        fix = f"Did you mean {close[0]!r}?" if close else f"Use one of {', '.join(STEP_TYPES)}."
        yield Problem(f"{where}.Type", f"there is no step type {step.type!r}", fix)
        return
    for name in known.step_fields:
        if name not in step.extra:
            yield Problem(where, f"{name} is missing")
    yield from _labels(step, where)
    yield from _outputs_and_triggers(step, where)
    yield from _cache(step, where, allowed=known.caches)
    for index, policy in enumerate(step.retry_policies):
        yield from _retry(policy, known.retries, f"{where}.RetryPolicies[{index}]")
    yield from _property_files(step, where)
    if step.type == CONDITION:
        yield from _conditions(step.conditions, f"{where}.Arguments.Conditions")


def _duplicates(names: Iterator[str], where: str, what: str) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            fix = "Names are unique in the whole definition, branches included."
            yield Problem(where, f"{count} {what} are called {name!r}", fix)


def _labels(step: Step, where: str) -> Iterator[Problem]:
    labels = (
        ("Description", step.description, limits.STEP_DESCRIPTION_CHARACTERS),
        ("DisplayName", step.display_name, limits.STEP_DISPLAY_NAME_CHARACTERS),
    )
    for name, text, most in labels:
        if text is not None and len(text) > most:
            what = f"it has {len(text)} characters"
            yield Problem(f"{where}.{name}", what, f"At most {most} are allowed.")


def _outputs_and_triggers(step: Step, where: str) -> Iterator[Problem]:
    outputs = step.extra.get("OutputParameters")
    if isinstance(outputs, list | tuple) and len(outputs) > limits.OUTPUT_PARAMETERS:
        fix = f"At most {limits.OUTPUT_PARAMETERS} are allowed."
        yield Problem(f"{where}.OutputParameters", f"there are {len(outputs)} outputs", fix)
    for name, trigger in step.triggers.items():
        if trigger not in _TRIGGERS:
            fix = f"Use one of {', '.join(_TRIGGERS)}."
            yield Problem(f"{where}.DependsOn", f"{name!r} has no trigger {trigger!r}", fix)


def _cache(step: Step, where: str, *, allowed: bool) -> Iterator[Problem]:
    if step.cache is None:
        return
    if not allowed:
        what = f"a {step.type} step has no cache"
        yield Problem(f"{where}.CacheConfig", what, "Leave CacheConfig out.")
    if step.cache.expire_after is None:
        return
    try:
        parse_duration(step.cache.expire_after)
    except DefinitionError as error:
        problem = error.problems[0]
        yield Problem(f"{where}.CacheConfig.ExpireAfter", problem.what, problem.fix)


def _retry(policy: RetryPolicy, allowed: tuple[str, ...], where: str) -> Iterator[Problem]:
    if not policy.exception_types:
        yield Problem(where, "ExceptionType is empty", "Name what to retry after.")
    for name in policy.exception_types:
        if name not in allowed:
            fix = f"Use one of {', '.join(allowed)}." if allowed else "Leave RetryPolicies out."
            yield Problem(where, f"this step type is not retried after {name!r}", fix)
    if (policy.max_attempts is None) == (policy.expire_after_minutes is None):
        yield Problem(where, "give one of MaxAttempts and ExpireAfterMin, not both or neither")
    yield from _in_range(policy.max_attempts, 1, limits.RETRY_MAX_ATTEMPTS, f"{where}.MaxAttempts")
    longest = limits.RETRY_EXPIRE_AFTER_MINUTES
    yield from _in_range(policy.expire_after_minutes, 1, longest, f"{where}.ExpireAfterMin")
    yield from _in_range(policy.backoff_rate, 0, None, f"{where}.BackoffRate")
    yield from _in_range(policy.interval_seconds, 0, None, f"{where}.IntervalSeconds")


def _in_range(value: float | None, least: int, most: int | None, where: str) -> Iterator[Problem]:
    if value is None:
        return
    if value < least or (most is not None and value > most):
        until = f" to {most}" if most is not None else " or more"
        yield Problem(where, f"the value is {value}", f"Use {least}{until}.")


def _property_files(step: Step, where: str) -> Iterator[Problem]:
    if step.property_files and step.type != "Processing":
        what = f"only Processing steps have property files, not {step.type}"
        yield Problem(f"{where}.PropertyFiles", what, "Read the file with an S3Uri instead.")
        return
    config = step.arguments.get("ProcessingOutputConfig")
    outputs = config.get("Outputs") if isinstance(config, Mapping) else None
    names = {
        str(output.get("OutputName"))
        for output in (outputs if isinstance(outputs, list | tuple) else ())
        if isinstance(output, Mapping)
    }
    for file in step.property_files:
        if file.output_name not in names:
            what = f"file {file.name!r} is in output {file.output_name!r}, which is not there"
            fix = f"The outputs are {', '.join(sorted(names)) or 'none'}."
            yield Problem(f"{where}.PropertyFiles", what, fix)


def _conditions(conditions: Json, where: str) -> Iterator[Problem]:
    if not isinstance(conditions, list | tuple) or not conditions:
        yield Problem(where, "there are no conditions", "Give a list of at least one.")
        return
    for index, condition in enumerate(conditions):
        yield from _condition(condition, f"{where}[{index}]")


def _condition(condition: Json, where: str) -> Iterator[Problem]:
    if not isinstance(condition, Mapping):
        yield Problem(where, f"{type_name(condition)} is not a condition")
        return
    kind = condition.get("Type")
    if kind == "Not":
        try:
            yield from _condition(negated(condition), f"{where}.Condition")
        except DefinitionError:
            yield Problem(where, "Condition is missing")
    elif kind not in _CONDITION_MEMBERS:
        fix = f"Use one of {', '.join(CONDITION_TYPES)}."
        yield Problem(where, f"there is no condition type {kind!r}", fix)
    else:
        for name in _CONDITION_MEMBERS[str(kind)]:
            if name not in condition:
                yield Problem(where, f"{name} is missing")
        if kind == "Or":
            yield from _conditions(condition.get("Conditions"), f"{where}.Conditions")
