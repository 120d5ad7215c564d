"""`--set steps.sft.learning_rate=1e-4`: fields of a spec, set from outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.findings import Findings, join_path
from orchestrator.spec.models import aliases_of, step_models
from orchestrator.spec.reader import read_document
from orchestrator.spec.scalars import resolve_scalar
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.spec.composer import Tree

PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
PATH = re.compile(r"[^.\[\]]+(\.[^.\[\]]+|\[\d+\])*")

Keys = tuple[str | int, ...]


def parse_overrides(arguments: Iterable[str]) -> dict[str, str]:
    """Return path to text of arguments such as `steps.sft.learning_rate=1e-4`; the last one wins.

    Raises:
        SpecError: With every argument that says no path or no value.
    """
    overrides: dict[str, str] = {}
    problems = []
    for argument in arguments:
        path, equals, text = argument.partition("=")
        if equals and PATH.fullmatch(path.strip()):
            overrides[path.strip()] = text
        else:
            what = f"{argument!r} does not say which field to set to what"
            problems.append(
                Problem("--set", what, "Write --set steps.STEP.FIELD=VALUE, without spaces.")
            )
    if problems:
        raise SpecError(problems)
    return overrides


def apply_overrides(
    data: dict[str, Tree], overrides: Mapping[str, str], findings: Findings
) -> dict[str, Tree]:
    """Return `data`, with canonical names, with every override set; bad ones are refused."""
    result: Tree = data
    for path, text in overrides.items():
        keys = _keys(path, data, findings)
        if keys:
            findings.mark_as_set(_join(keys))
            known = len(findings.problems)
            value = _value(text, path, findings)
            if len(findings.problems) == known:
                result = _set(result, keys, value, path, findings)
    return result if isinstance(result, dict) else data


def _keys(path: str, data: dict[str, Tree], findings: Findings) -> Keys:
    if not PATH.fullmatch(path):
        findings.refuse("--set", f"{path!r} is no path", "Write steps.STEP.FIELD.")
        return ()
    parts = tuple(
        int(match.group(2)) if match.group(2) else match.group(1) for match in PART.finditer(path)
    )
    if parts[0] != "steps" or len(parts) < 2:
        return parts
    steps = data.get("steps")
    names = tuple(steps) if isinstance(steps, dict) else ()
    if parts[1] not in names:
        hint = did_you_mean(str(parts[1]), names, noun="steps")
        findings.refuse(f"--set {path}", f"there is no step {parts[1]!r}", hint)
        return ()
    return _canonical(parts, steps[str(parts[1])] if isinstance(steps, dict) else None)


def _canonical(parts: Keys, step: Tree) -> Keys:
    kind = step.get("kind") if isinstance(step, dict) else None
    model = step_models().get(kind) if isinstance(kind, str) else None
    if model is not None and len(parts) > 2:
        name = str(parts[2])
        parts = (*parts[:2], aliases_of(model).get(name, name), *parts[3:])
    if parts[2:3] == ("gates",) and len(parts) > 5:
        # Metric names have dots: steps.exam.gates.max.forgetting.loss_delta
        parts = (*parts[:4], ".".join(str(part) for part in parts[4:]))
    return parts


def _value(text: str, path: str, findings: Findings) -> Tree:
    if text[:1] not in {"[", "{", '"', "'"}:
        return resolve_scalar(text.strip())
    inner = Findings(None, {})
    try:
        value = read_document(f"value: {text}", inner).get("value")
        inner.raise_problems()
    except SpecError as error:
        findings.refuse(f"--set {path}", error.problems[0].what, "Check brackets and quotes.")
        return None
    return value


def _set(tree: Tree, keys: Keys, value: Tree, path: str, findings: Findings) -> Tree:
    """Return a copy of `tree` with `value` at `keys`; what aliases share stays as it was."""
    if not keys:
        return value
    key, rest = keys[0], keys[1:]
    if isinstance(key, str) and (isinstance(tree, dict) or tree is None):
        below = tree or {}
        return {**below, key: _set(below.get(key), rest, value, path, findings)}
    if isinstance(key, int) and isinstance(tree, list) and key < len(tree):
        return [*tree[:key], _set(tree[key], rest, value, path, findings), *tree[key + 1 :]]
    what = f"there is no mapping to hold {key!r}"
    if isinstance(key, int):
        what = f"there is no list with an item [{key}]"
    findings.refuse(f"--set {path}", what, "Set the whole field.")
    return tree


def _join(keys: Keys) -> str:
    path = ""
    for key in keys:
        path = join_path(path, key)
    return path
