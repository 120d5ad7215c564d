"""What the plan knows about each step kind: what it reads, makes, re-exports and measures.

A new kind gets one case and one function here; the rest of the plan reads `StepFacts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, assert_never

from orchestrator.spec.approved import ApprovedSpec
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.own_script import own_script
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.spec.fields import Gates
    from orchestrator.spec.pipeline import StepSpec

LOCAL_MODEL = "local_model"
"""The channel of what is trained in a model's place, on this machine alone."""
Content = Literal["data", "model", "metrics", "files", "arn"]
"""What an output holds; `files` where only the user's script knows."""

Wanted = Literal["data", "model", "metrics", "files", "value", "anything"]
"""What a field wants; `value` for an argument, `anything` for what a gate passes on."""


@dataclass(frozen=True)
class Read:
    """One field that names what a step reads."""

    field: str
    """Relative to the step: `data`, `inputs.rows`."""
    text: str
    """As written."""
    wanted: Wanted
    channel: str | None = None
    """The input channel that it fills; None where it fills none."""


@dataclass(frozen=True)
class StepFacts:
    """One step, with its kind's rules applied."""

    reads: tuple[Read, ...]
    outputs: Mapping[str, Content]
    main: str | None
    """The output that `$step` alone means; None where that would be a guess."""
    reexports: Mapping[str, str] = field(default_factory=dict)
    """Outputs that are another step's: name to the field that names it."""
    gates: Gates | None = None
    """Bounds on the step's own metrics."""
    has_metrics: bool = False
    """Whether it writes a `metrics.json` that gates can read."""
    fits_on: tuple[str, ...] = ()
    """Fields whose rows something is fitted to: never the sealed ones."""
    carries: tuple[str, ...] = ()
    """Outputs that may hold rows that were read, the sealed ones too."""
    seals: tuple[str, ...] = ()
    """Outputs that only measuring may read."""


def facts_of(spec: StepSpec | ApprovedSpec) -> StepFacts:
    """Return what the plan must know about the step."""
    return _approved() if isinstance(spec, ApprovedSpec) else _written(spec)


def _written(spec: StepSpec) -> StepFacts:  # noqa: C901, PLR0912 - one case for each kind
    match spec:
        case ProcessingSpec():
            return _processing(spec)
        case DatasetSpec():
            return _dataset(spec)
        case TrainSpec():
            return _train(spec)
        case GenerateSpec():
            return _generate(spec)
        case EvaluateSpec():
            return _evaluate(spec)
        case GateSpec():
            return _gate(spec)
        case RegisterSpec():
            return _register(spec)
        case BedrockSpec():
            return _bedrock(spec)
        case BedrockImportSpec():
            return StepFacts(
                reads=(Read("model", spec.model, "model", "model"),),
                outputs={"model_arn": "arn"},
                main="model_arn",
            )
        case JumpstartSpec():
            return StepFacts(
                reads=(
                    Read("data", spec.data, "data", "data"),
                    *_optional("local_model", spec.local_model, "model", LOCAL_MODEL),
                ),
                outputs={"model": "model"},
                main="model",
                fits_on=("data",),
            )
        case _:
            assert_never(spec)


def _approved() -> StepFacts:
    return StepFacts(reads=(), outputs={"approved": "files"}, main=None)


def _processing(spec: ProcessingSpec) -> StepFacts:
    outputs: dict[str, Content] = {
        name: "metrics" if name == "metrics" else "files" for name in spec.outputs
    }
    return StepFacts(
        reads=_reads_of_script(spec),
        outputs=outputs,
        main=_only(outputs),
        gates=spec.gates,
        has_metrics="metrics" in outputs,
        carries=tuple(outputs),
    )


def _dataset(spec: DatasetSpec) -> StepFacts:
    return StepFacts(
        reads=(Read("data", spec.data, "data", "data"),),
        outputs={"data": "data", "test": "data", "metrics": "metrics"},
        main="data",
        gates=spec.gates,
        has_metrics=True,
        carries=("data", "test"),
        seals=("test",),
    )


def _train(spec: TrainSpec) -> StepFacts:
    if spec.script is not None:
        return StepFacts(
            reads=_reads_of_script(spec),
            outputs={"model": "model"},
            main="model",
            gates=spec.gates,
            has_metrics=True,
            # Which channel it fits to only the script knows.
            fits_on=tuple(f"inputs.{name}" for name in spec.inputs),
        )
    return StepFacts(
        reads=(
            *_optional("data", spec.data, "data", "data"),
            *_optional("replay_data", spec.replay_data, "data", "replay"),
            *_optional("model_name_or_path", spec.model_name_or_path, "model", "model"),
            *_reward_models(spec),
        ),
        outputs={"model": "model"},
        main="model",
        gates=spec.gates,
        has_metrics=True,
        fits_on=("data", "replay_data"),
    )


def _reward_models(spec: TrainSpec) -> Iterator[Read]:
    for name, reward in spec.rewards.items():
        if reward.model is not None:
            yield Read(f"rewards.{name}.model", reward.model, "model", f"reward-{name}")


def _generate(spec: GenerateSpec) -> StepFacts:
    return StepFacts(
        reads=(
            Read("model", spec.model, "model", "model"),
            Read("data", spec.data, "data", "data"),
            *_optional("base_model", spec.base_model, "model", "base_model"),
        ),
        outputs={"data": "data"},
        main="data",
        gates=spec.gates,
        has_metrics=True,
        carries=("data",),
    )


def _evaluate(spec: EvaluateSpec) -> StepFacts:
    return StepFacts(
        reads=(
            Read("model", spec.model, "model", "model"),
            Read("data", spec.data, "data", "data"),
            *_optional("base_model", spec.base_model, "model", "base_model"),
            *_optional("champion", spec.champion, "model", "champion"),
            *_optional("train_data", spec.train_data, "data", "train_data"),
            *_optional("retention", spec.retention, "data", "retention"),
            *_optional("harm_prompts", spec.harm_prompts, "data", "harm_prompts"),
            *_optional("stereotype_pairs", spec.stereotype_pairs, "data", "stereotype_pairs"),
            *_optional("harm_scorer", spec.harm_scorer, "model", "harm_scorer"),
        ),
        outputs={"model": "model", "metrics": "metrics", "samples": "data"},
        main="model",
        reexports={"model": "model"},
        gates=spec.gates,
        has_metrics=True,
        fits_on=("train_data",),
        carries=("samples",),
    )


def _gate(spec: GateSpec) -> StepFacts:
    return StepFacts(
        reads=tuple(Read(f"passes.{name}", text, "anything") for name, text in spec.passes.items()),
        outputs=dict.fromkeys(spec.passes, "files"),
        main=_only(spec.passes),
        reexports={name: f"passes.{name}" for name in spec.passes},
    )


def _register(spec: RegisterSpec) -> StepFacts:
    return StepFacts(
        reads=(
            Read("model", spec.model, "model", "model"),
            *_optional("metrics", spec.metrics, "metrics", "metrics"),
        ),
        outputs={"model_package_arn": "arn"},
        main="model_package_arn",
    )


def _bedrock(spec: BedrockSpec) -> StepFacts:
    return StepFacts(
        reads=(
            Read("data", spec.data, "data", "data"),
            *_optional("validation_data", spec.validation_data, "data", "validation_data"),
        ),
        outputs={"model_arn": "arn", "data": "data"},
        main="model_arn",
        fits_on=("data", "validation_data"),
        carries=("data",),
    )


def _reads_of_script(spec: ProcessingSpec | TrainSpec) -> tuple[Read, ...]:
    script = own_script(spec)
    if script is None:
        return ()
    arguments = {
        name: value
        for name, value in script.arguments.items()
        if isinstance(value, str) and value.startswith("$")
    }
    return (
        *(Read(f"inputs.{name}", text, "files", name) for name, text in script.inputs.items()),
        *(Read(f"{script.field}.{name}", text, "value") for name, text in arguments.items()),
    )


def _only(outputs: Mapping[str, object]) -> str | None:
    names = [name for name in outputs if name != "metrics"]
    return names[0] if len(names) == 1 else None


def _optional(field: str, text: str | None, wanted: Wanted, channel: str) -> Iterator[Read]:
    if text is not None:
        yield Read(field, text, wanted, channel)
