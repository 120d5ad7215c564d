"""Kind `train` has two ways: `objective`, a trainer of ours, or `script`, the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.spec.fields import (
    Broken,
    JobModel,
    broken_metric_definitions,
    broken_smoke_values,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from orchestrator.spec.train import TrainSpec

SCRIPT_FIELDS = (
    "script",
    "source_dir",
    "inputs",
    "hyperparameters",
    "metric_definitions",
    "distribution",
    "smoke",
)
"""What only a script of the user's needs."""
COMMON_FIELDS = frozenset(JobModel.model_fields) | {"kind", "spot", "gates"}
CHANNELS = {"data": "data", "model_name_or_path": "model"}
"""Fields that name what our trainers read, to the channel that a script would find it in."""
# sagemaker-training-toolkit keeps these for itself (params.py, SAGEMAKER_PREFIX).
RESERVED_PREFIX = "sagemaker_"


def fields_of_the_other_way(given: Collection[str], fields: Iterable[str]) -> frozenset[str]:
    """Return which of `fields` a step that gives the fields `given` has no use for."""
    if "script" in given:
        return frozenset(fields) - COMMON_FIELDS - set(SCRIPT_FIELDS)
    return frozenset(SCRIPT_FIELDS) if "objective" in given else frozenset()


def broken_script_rules(spec: TrainSpec) -> Iterator[Broken]:
    """Yield what is missing of the chosen way, and what belongs to the other."""
    if spec.script is None:
        yield from _of_objective(spec)
        return
    if spec.objective is not None:
        what = f"`objective: {spec.objective}` is a trainer of ours, and a script is given too"
        yield Broken("script", what, "Remove one of the two.")
        return
    unread = fields_of_the_other_way(spec.model_fields_set, type(spec).model_fields)
    for name in type(spec).model_fields:
        if name in unread & spec.model_fields_set:
            what = "only our own trainers read it, and the step has a `script`"
            yield Broken(name, what, _instead(name))
    yield from _of_script(spec)


def _of_objective(spec: TrainSpec) -> Iterator[Broken]:
    if spec.objective is None:
        known = "pretrain, continued_pretrain, sft, reward, dpo, kto, rloo, grpo"
        fix = f"Add `objective:`, one of {known}, or `script: ./train.py`."
        yield Broken("objective", "the key 'objective' is missing", fix)
        return
    if spec.data is None:
        fix = "Add `data:`. Training rows: usually `$split`, whose validation rows come along."
        yield Broken("data", "the key 'data' is missing", fix)
    for name in SCRIPT_FIELDS:
        if name in spec.model_fields_set and name != "script":
            what = f"only a `script` reads it, and the step has `objective: {spec.objective}`"
            yield Broken(name, what, "Remove it.")


def _of_script(spec: TrainSpec) -> Iterator[Broken]:
    if "code" in spec.inputs:
        yield Broken("inputs.code", "'code' is where the script itself lies", "Rename it.")
    for name in spec.hyperparameters:
        if name.startswith(RESERVED_PREFIX):
            what = f"names that start with '{RESERVED_PREFIX}' never reach a script"
            yield Broken(f"hyperparameters.{name}", what, "Rename it.")
    yield from broken_metric_definitions(spec.metric_definitions)
    yield from broken_smoke_values(spec.smoke)


def _instead(name: str) -> str:
    if name in CHANNELS:
        return f"Write it under `inputs`: `{CHANNELS[name]}: ...`."
    return "Write it under `hyperparameters`."
