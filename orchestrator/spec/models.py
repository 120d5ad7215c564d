"""The spec models seen from outside: which fields exist where, and what else they are called."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin

from pydantic import AliasChoices

from orchestrator.spec.fields import Location, Reference, SpecModel
from orchestrator.spec.pipeline import PipelineSpec, StepSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic.fields import FieldInfo

Model = type[SpecModel] | None


@cache
def step_models() -> Mapping[str, type[SpecModel]]:
    """Return the model of every step kind, in the order of the union."""
    models = get_args(get_args(StepSpec)[0])
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in models}


@cache
def aliases_of(model: type[SpecModel]) -> Mapping[str, str]:
    """Return other spellings of fields to the field they mean."""
    aliases: dict[str, str] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            spellings = field.validation_alias.choices
            aliases.update({str(spelling): name for spelling in spellings if spelling != name})
    return aliases


def names_of(model: type[SpecModel]) -> tuple[str, ...]:
    """Return every key that the model takes: its own, those of its bases, then aliases."""
    bases = [base for base in model.__bases__ if issubclass(base, SpecModel)]
    own = [name for name in model.model_fields if not any(name in b.model_fields for b in bases)]
    return (*dict.fromkeys((*own, *model.model_fields)), *aliases_of(model))


@cache
def reference_fields(model: type[SpecModel]) -> frozenset[str]:
    """Return the fields that name what a step reads: those of type `Location` or `Reference`."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if _holds_reference(
            Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        )
    )


def model_at(root: type[SpecModel], path: Sequence[str | int], kind: object) -> Model:
    """Return the model of the mapping at `path`; None where keys are free.

    Args:
        root: Where the path starts.
        path: Keys from there, with canonical names.
        kind: The kind of the step that the path leads through, if it does.
    """
    model: type[SpecModel] | None = root
    rest = list(path)
    if root is PipelineSpec and len(rest) >= 2 and rest[0] == "steps":
        model, rest = step_models().get(str(kind)), rest[2:]
    free = False
    for part in rest:
        if free or isinstance(part, int):
            free = False
            continue
        field = field_of(model, part)
        if field is None:
            return None
        model = _inner_model(field.annotation)
        free = _is_mapping(field.annotation)
    return None if free else model


def field_of(model: Model, name: str) -> FieldInfo | None:
    """Return the field called `name`, or one of its aliases."""
    if model is None:
        return None
    return model.model_fields.get(aliases_of(model).get(name, name))


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the words that the field takes, if it takes certain words only."""
    if get_origin(field.annotation) is Literal:
        return tuple(str(choice) for choice in get_args(field.annotation))
    return ()


def _holds_reference(annotation: object) -> bool:
    return annotation in (Location, Reference) or any(
        _holds_reference(argument) for argument in get_args(annotation)
    )


def _inner_model(annotation: object) -> Model:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation if issubclass(annotation, SpecModel) else None
    arguments = get_args(annotation)
    if get_origin(annotation) is Annotated:
        arguments = arguments[:1]
    for argument in reversed(arguments):
        found = _inner_model(argument)
        if found is not None:
            return found
    return None


def _is_mapping(annotation: object) -> bool:
    return get_origin(annotation) is dict
