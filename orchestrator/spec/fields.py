"""The pieces that every spec model is made of: the strict base model, references, parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError

from orchestrator.spec.documented import field_lines

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue


class Broken(NamedTuple):
    """A rule between the fields of one model that does not hold."""

    field: str
    """The field to change, dotted if nested; empty for the model itself."""
    what: str
    fix: str = ""


class SpecModel(BaseModel):
    """A frozen model that refuses unknown keys; the base of everything a user writes."""

    # extra="forbid": a misspelt key that is ignored costs a GPU bill.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the line under each field as its description."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, line in field_lines(cls).items():
            properties[name]["description"] = line
        return schema

    def broken_rules(self) -> Iterator[Broken]:
        """Yield every rule between fields that does not hold; a model with rules overrides it."""
        yield from ()

    @model_validator(mode="after")
    def _rules_hold(self) -> Self:
        broken = tuple(self.broken_rules())
        if broken:
            text = " ".join(f"{rule.field}: {rule.what}. {rule.fix}".strip() for rule in broken)
            kind = "broken_rules"
            raise PydanticCustomError(kind, "{text}", {"text": text, "broken": broken})
        return self


StepName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_-]{0,47}$")]
"""A step's name; at most 48 characters: gates append `-gate-failed`, SageMaker allows 64."""

Reference = Annotated[str, StringConstraints(pattern=r"^\$")]
"""`$step`, `$step.output`, `$params.Name`, `$secrets.name`, `$registry.GROUP.approved`."""

ParameterReference = Annotated[str, StringConstraints(pattern=r"^\$params\.[A-Za-z][A-Za-z0-9]*$")]
"""`$params.Name`: the value of a pipeline parameter, known when the execution starts."""

REQUIRES = r"^(>=|>|<=|<|==)?[0-9]+(\.[0-9]+){0,2}( ?, ?(>=|>|<=|<|==)[0-9]+(\.[0-9]+){0,2})*$"
"""Versions of fmo: `>=0.2`, `>=0.2, <1`, or one alone for the oldest that will do."""

Location = Annotated[str, StringConstraints(pattern=r"^(\$|\./|\.\./|/|s3://|hf://|glue://)")]
"""Where data or a model comes from: a reference, or a path that starts with `./`, `/`, `s3://`..."""

ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
"""The name of an input or output; it becomes a folder and a part of `$step.output`."""

ScriptPath = Annotated[str, StringConstraints(pattern=r"^[^$].*\.py$")]
"""A Python file of the user's, relative to the spec."""

ArgumentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]

# At most 40 of 500 characters (CreateTrainingJob, MetricDefinitions).
MetricDefinitions = Annotated[
    dict[str, Annotated[str, StringConstraints(min_length=1, max_length=500)]],
    Field(max_length=40),
]
"""Metric name to a regex whose first group is the value, as in SageMaker's `MetricDefinitions`."""

# Strict: `true` is not the number 1, and a quoted "8" is not the number 8.
Count = Annotated[int, Strict(), Field(ge=1)]
Natural = Annotated[int, Strict(), Field(ge=0)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
"""From 0 to 1."""
ShareBelowOne = Annotated[float, Strict(), Field(ge=0, lt=1)]
OpenShare = Annotated[float, Strict(), Field(gt=0, lt=1)]
Flag = StrictBool

InstanceType = Annotated[
    str, StringConstraints(pattern=r"^(ml\.[a-z0-9-]+\.[a-z0-9-]+|\$params\..+)$")
]

InstanceTypes = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9-]+$")], ...],
    Field(min_length=1, max_length=5),
]
"""In the order of preference: SageMaker takes the first that has capacity (InstancePreferences)."""

Scalar = bool | int | Number | str


EXAMPLE_VALUES = {
    "String": 'text such as "small"',
    "S3Uri": "text such as s3://bucket/key/",
    "Integer": "a whole number such as 3",
    "Float": "a number such as 0.5",
    "Boolean": "true or false",
}
PARAMETER_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "S3Uri": (str,),
    "Integer": (int,),
    "Float": (float, int),
    "Boolean": (bool,),
}


class ParameterSpec(SpecModel):
    """A value that may differ from one execution to the next, set by `--param Name=value`."""

    type: Literal["String", "Integer", "Float", "Boolean", "S3Uri"]
    """The type of its values; `S3Uri` may be a path locally."""
    default: Scalar | None = None
    """The value when none is given; without one, every execution must set it."""
    local: Scalar | None = None
    """The default on the local backend, such as a path to a small sample."""
    enum: tuple[Scalar, ...] | None = None
    """The only values allowed."""
    description: str | None = None
    """What it is for."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield values of another type than `type`, and defaults that `enum` does not hold."""
        named = {"default": self.default, "local": self.local}
        given = {name: value for name, value in named.items() if value is not None}
        for index, value in enumerate(self.enum or ()):
            yield from self._value_fits(f"enum[{index}]", value)
        for name, value in given.items():
            yield from self._value_fits(name, value)
            if self.enum is not None and value not in self.enum:
                choices = ", ".join(repr(choice) for choice in self.enum)
                yield Broken(name, f"{value!r} is not in `enum`", f"Write one of {choices}.")
        if self.enum == ():
            yield Broken("enum", "no value is allowed", "Name the values, or leave `enum` out.")

    def _value_fits(self, name: str, value: Scalar) -> Iterator[Broken]:
        # bool is a subclass of int, and `true` is no number here.
        fits = isinstance(value, PARAMETER_TYPES[self.type])
        if not fits or (isinstance(value, bool) and self.type != "Boolean"):
            yield Broken(
                name,
                f"{value!r} is not of type {self.type}",
                f"Write {EXAMPLE_VALUES[self.type]}, or change `type`.",
            )


class Gates(SpecModel):
    """Bounds on a step's metrics. What reads the step's results waits until all of them hold."""

    max: dict[str, Number | ParameterReference] = {}
    """Metric name to the largest value allowed."""
    min: dict[str, Number | ParameterReference] = {}
    """Metric name to the smallest value allowed."""
    otherwise: Literal["fail", "stop"] = "fail"
    """What a gate that stays shut does: fail the execution, or end it there as a success."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield bounds that no value can meet, and a verdict on nothing."""
        if self.otherwise == "stop" and not (self.min or self.max):
            yield Broken("otherwise", "there is no bound to miss", "Add `min:` or `max:`.")
        for name in sorted(set(self.min) & set(self.max)):
            low, high = self.min[name], self.max[name]
            if isinstance(low, float) and isinstance(high, float) and low > high:
                yield Broken(
                    f"min.{name}",
                    f"{low:g} is above the max of {high:g}, so the gate can never open",
                    "Swap them.",
                )


def broken_metric_definitions(definitions: Mapping[str, str]) -> Iterator[Broken]:
    """Yield every regex that cannot find a value."""
    for name, regex in definitions.items():
        field = f"metric_definitions.{name}"
        try:
            groups = re.compile(regex).groups
        except re.error as error:
            what = f"{regex!r} is no regular expression: {error}"
            yield Broken(field, what, "Put a backslash before brackets that mean themselves.")
            continue
        if not groups:
            what = f"{regex!r} has no group in parentheses, which would be the value"
            yield Broken(field, what, f"Write '{name}=([0-9.eE+-]+)', for example.")


def broken_smoke_values(values: Mapping[str, Scalar]) -> Iterator[Broken]:
    """Yield every value that is no literal: what a smoke run tries must not wait for a step."""
    for name, value in values.items():
        if isinstance(value, str) and value.startswith("$"):
            yield Broken(f"smoke.{name}", f"{value!r} is a reference", "Write the value itself.")


def broken_spot(*, spot: bool, instance_type: str | tuple[str, ...] | None) -> Iterator[Broken]:
    """Yield that spot and a choice of instances exclude each other (InstancePreferences)."""
    if spot and isinstance(instance_type, tuple):
        yield Broken(
            "instance_type",
            "a list lets SageMaker take what has capacity, which it does on demand only, and "
            "`spot: true` is given",
            f"Write `instance_type: {instance_type[0]}`, or remove `spot`.",
        )


class StepModel(SpecModel):
    """What every step may say."""

    description: str | None = None
    """Shown in SageMaker Studio and in the report."""
    after: tuple[StepName, ...] = ()
    """Steps that must end first although nothing of theirs is read."""
    retries: Annotated[int, Strict(), Field(ge=0, le=20)] = 2
    """Tries after a service fault, throttling or lost capacity; 0 for none."""
    cache: Flag = True
    """Whether an earlier, equal step's outputs may be used again."""

    @classmethod
    def fields_without_effect(cls, given: Collection[str]) -> frozenset[str]:
        """Return the fields that mean nothing to a step which gives the fields `given`."""
        del given
        return frozenset()


# SageMaker stops a training job after 28 days at the latest (service quotas).
RuntimeSeconds = Annotated[int, Strict(), Field(ge=1, le=2_419_200)]


class JobModel(StepModel):
    """What every step that runs as a job of its own may say."""

    instance_type: InstanceType | InstanceTypes | None = None
    """The SageMaker instance, or up to five, the first with capacity is taken; else a default."""
    instance_count: Count | ParameterReference = 1
    """Instances that share the work."""
    volume_size_gb: Annotated[int, Strict(), Field(ge=1, le=16_384)] | ParameterReference = 30
    """Disk of each instance in GB (SageMaker's default: 30)."""
    max_runtime_seconds: RuntimeSeconds | ParameterReference = 86_400
    """The job is stopped after this long (CreateTrainingJob, StoppingCondition: 86,400)."""
    image_uri: str | None = None
    """A container image of your own; otherwise the catalogue's image for the region."""
    environment: dict[str, str] = {}
    """Environment variables of the job; a secret as `$secrets.NAME`, never itself."""
    requirements: str | None = None
    """A requirements.txt with pinned packages that the image lacks."""
