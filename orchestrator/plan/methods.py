"""What the method of a training means for its other settings, and for who reads its model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.catalog.methods import LORA_VARIANTS, NEVER_MERGED, REFT, method_fields
from orchestrator.plan.model import StepOutput
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.plan.resolve import Resolver
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec

LORA_ONLY = ("lora_r", "lora_alpha", "lora_dropout")


def idle_method_settings(step: TrainSpec) -> Iterator[tuple[str, str, str]]:
    """Yield each field that means nothing under the step's method, what makes it so, the cure."""
    because = f"`method: {step.method}`"
    if step.method not in LORA_VARIANTS:
        for field in LORA_ONLY:
            fix = "Write `method: lora`, or remove it."
            if step.method != "full":
                fix = "Write it under `method_config`, by peft's name, or remove it."
            yield field, because, fix
    if step.method == "full" or "target_modules" not in method_fields(step.method):
        yield "target_modules", because, "Write `method: lora`, or remove it."
    if step.method == "full" or step.method in NEVER_MERGED:
        yield "merge_adapter", because, "Write `method: lora`, or remove it."


def limits_of_methods_are_told(spec: PipelineSpec, findings: Findings) -> None:
    """Warn that interventions go nowhere without code that makes them."""
    for name, step in spec.steps.items():
        if isinstance(step, TrainSpec) and step.method in REFT:
            findings.warn(
                f"steps.{name}.method",
                f"what `{step.method}` learns can be neither merged nor imported into Bedrock",
                "Read it with `base_model`, or write `method: lora` for a model that stands alone.",
            )


def models_are_whole(resolver: Resolver, findings: Findings) -> None:
    """Refuse steps that need a whole model and read one that is only what was trained beside it."""
    for (name, field), found in resolver.resolved.items():
        if field not in {"model", "model_name_or_path"} or not isinstance(found.source, StepOutput):
            continue
        made = resolver.spec.steps[found.source.step]
        if not isinstance(made, TrainSpec) or not saves_no_model(made):
            continue
        fix = _cure(resolver.spec.steps[name], made)
        if fix:
            what = f"'{found.source.step}' saves {_saved(made)}, without the model under it"
            findings.refuse(f"steps.{name}.{field}", what, fix)


def saves_no_model(step: TrainSpec) -> bool:
    """Return whether a training leaves only what it trained beside a frozen model."""
    if step.objective is None or step.script is not None or step.method == "full":
        return False
    return step.method in NEVER_MERGED or not step.merge_adapter


def _cure(reader: StepSpec, made: TrainSpec) -> str:
    """What to write; empty if the reader can do with it."""
    match reader:
        case EvaluateSpec() | GenerateSpec():
            if reader.base_model is not None:
                return ""
            return "Write `base_model`, the model it was trained on."
        case RegisterSpec():
            # A package of the registry may hold an adapter; who deploys it adds the model.
            return ""
        case _ if made.method in NEVER_MERGED:
            return f"`{made.method}` can never be merged. Start from the model it was trained on."
        case _:
            return "Write `merge_adapter: true` there."


def _saved(made: TrainSpec) -> str:
    return "interventions (ReFT)" if made.method in REFT else "an adapter"
