"""What pydantic found wrong, as our problems: clean paths, all at once, each with a cure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from orchestrator.spec.documented import field_lines
from orchestrator.spec.findings import Findings, join_path
from orchestrator.spec.models import choices_of, field_of, model_at, names_of, step_models
from orchestrator.spec.pipeline import PipelineSpec
from orchestrator.spec.suggest import did_you_mean
from orchestrator.spec.wording import cure, expected, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from orchestrator.spec.fields import SpecModel


class _Place(NamedTuple):
    keys: tuple[str | int, ...]
    """Keys from the root, without pydantic's own labels."""
    kind: object
    """Of the step that the keys lead through."""

    def path(self) -> str:
        """Return the dotted path."""
        path = ""
        for key in self.keys:
            path = join_path(path, key)
        return path


def refuse_all(
    error: ValidationError,
    data: Mapping[str, object],
    findings: Findings,
    root: type[SpecModel] = PipelineSpec,
) -> None:
    """Add a problem for everything that `error` found in `data`."""
    groups: dict[_Place, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        if _is_only_a_consequence(details):
            continue
        groups.setdefault(_place(details, data, root), []).append(details)
    steps = data.get("steps")
    names = tuple(map(str, steps)) if isinstance(steps, dict) else ()
    for place, errors in groups.items():
        if not _is_wrong_below(place, errors, groups):
            _refuse(place, errors, names, findings, root)


def _refuse(
    place: _Place,
    errors: list[ErrorDetails],
    steps: tuple[str, ...],
    findings: Findings,
    root: type[SpecModel],
) -> None:
    first = errors[0]
    where = place.path()
    match first["type"]:
        case "missing":
            _refuse_missing(place, findings, root)
        case "extra_forbidden":
            model = model_at(root, place.keys[:-1], place.kind)
            hint = did_you_mean(str(place.keys[-1]), names_of(model) if model else (), noun="keys")
            findings.refuse(where, f"there is no key {place.keys[-1]!r} here", hint)
        case "union_tag_invalid":
            found = str(first.get("ctx", {}).get("tag"))
            hint = did_you_mean(found, step_models(), noun="kinds")
            findings.refuse(join_path(where, "kind"), f"there is no kind {found!r}", hint)
        case "union_tag_not_found":
            kinds = ", ".join(step_models())
            findings.refuse(where, "the key 'kind' is missing", f"Write `kind:`, one of {kinds}.")
        case "broken_rules":
            for field, what, fix in first.get("ctx", {})["broken"]:
                findings.refuse(f"{where}.{field}".strip("."), what, fix)
        case _:
            value = first["input"]
            what = f"expected {expected(errors)}, found {show(value)}"
            findings.refuse(
                where, what, cure(errors, value, place.keys[-1] if place.keys else "", steps)
            )


def _refuse_missing(place: _Place, findings: Findings, root: type[SpecModel]) -> None:
    name = str(place.keys[-1])
    model = model_at(root, place.keys[:-1], place.kind)
    field = field_of(model, name)
    line = field_lines(model).get(name) if model else None
    choices = choices_of(field) if field else ()
    fix = f"Add `{name}:`."
    if choices:
        fix = f"Add `{name}:`, one of {', '.join(choices)}."
    elif line:
        said = " ".join(line.split())
        fix = f"Add `{name}:`. {said[0].upper()}{said[1:]}".rstrip(".") + "."
    findings.refuse(place.path(), f"the key {name!r} is missing", fix)


def _is_wrong_below(
    place: _Place, errors: list[ErrorDetails], groups: Mapping[_Place, list[ErrorDetails]]
) -> bool:
    """Whether a list is right here, in place of a word, and an item of it is not."""
    size = len(place.keys)
    return isinstance(errors[0]["input"], list | tuple) and any(
        len(other.keys) > size and other.keys[:size] == place.keys for other in groups
    )


def _is_only_a_consequence(details: ErrorDetails) -> bool:
    if details["type"] == "default_factory_not_called":
        return True  # A default that follows from another field, which is wrong.
    # pydantic counts items that failed as absent.
    shortest = details.get("ctx", {}).get("min_length", 0)
    found = details["input"]
    return (
        details["type"] == "too_short"
        and isinstance(found, list | tuple | dict)
        and len(found) >= shortest
    )


def _place(details: ErrorDetails, data: Mapping[str, object], root: type[SpecModel]) -> _Place:
    labels = list(details["loc"])
    kind: object = None
    if root is PipelineSpec and labels[:1] == ["steps"] and len(labels) > 2:
        # After a step's name comes the tag of its kind, which is not in the data.
        kind = labels.pop(2) if labels[2] != "[key]" else None
    current: object = data
    keys: list[str | int] = []
    for index, label in enumerate(labels):
        found, below = _step_into(current, label)
        is_last = index == len(labels) - 1
        if found or (is_last and details["type"] == "missing"):
            keys.append(label)
            current = below
    return _Place(tuple(keys), kind)


def _step_into(current: object, label: str | int) -> tuple[bool, object]:
    if isinstance(current, dict) and label in current:
        return True, current[label]
    if isinstance(current, list | tuple) and isinstance(label, int) and label < len(current):
        return True, current[label]
    return False, current
