"""All steps of a plan as steps of the definition, each nested under the gates it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from orchestrator.compiler.kinds.approved import compile_approved
from orchestrator.compiler.kinds.bedrock import (
    compile_bedrock,
    compile_bedrock_data,
    compile_bedrock_import,
)
from orchestrator.compiler.kinds.dataset import compile_dataset
from orchestrator.compiler.kinds.evaluate import compile_evaluate
from orchestrator.compiler.kinds.gate import compile_gate
from orchestrator.compiler.kinds.generate import compile_generate
from orchestrator.compiler.kinds.jumpstart import compile_jumpstart, compile_jumpstart_data
from orchestrator.compiler.kinds.processing import compile_processing
from orchestrator.compiler.kinds.register import compile_register
from orchestrator.compiler.kinds.train import compile_train
from orchestrator.compiler.nesting import nest
from orchestrator.compiler.new_rows import remembering
from orchestrator.compiler.smoke import compile_door, door_of
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import DATA_STEP
from orchestrator.spec.approved import ApprovedSpec
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.compiler.context import Context
    from orchestrator.definition.model import Step
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.pipeline import StepSpec


def compile_steps(context: Context) -> tuple[Step, ...]:
    """Return the top-level steps of the definition.

    Raises:
        SpecError: With every step that cannot be compiled, or if gates nest too deep.
    """
    nesting = nest(context.plan)
    compiled = _compiled_steps(context)
    # What lies behind each gate, None for the top level. A gate follows the step it belongs to.
    behind: dict[str | None, list[tuple[str, bool]]] = {None: []}
    behind |= {gate: [] for gate in nesting.gates}
    for step in context.plan.steps:
        door, data = door_of(step), f"{step.name}{DATA_STEP}"
        if data in compiled:  # Also a smoke run makes and checks the data.
            place = nesting.gates[door] if door else nesting.steps[step.name]
            behind[place].append((data, False))
        if door:
            behind[nesting.gates[door]].append((door, True))
        if step.name in compiled:
            behind[nesting.steps[step.name]].append((step.name, False))
        if step.gate:
            behind[nesting.gates[step.name]].append((step.name, True))
    gates: dict[str, Step] = {}

    def resolved(gate: str | None) -> tuple[Step, ...]:
        return tuple(gates[name] if is_gate else compiled[name] for name, is_gate in behind[gate])

    for name in reversed(tuple(nesting.gates)):  # Inner gates first.
        gates[name] = _gate_or_door(context, name, resolved(name))
    return resolved(None)


def compile_step(context: Context, step: PlannedStep) -> Step | None:
    """Return the step of the definition; None for a gate, which is nothing but its gate."""
    if isinstance(step.spec, ApprovedSpec):
        return compile_approved(context, step, step.spec)
    return _compile_written(context, step, step.spec)


def _compile_written(  # noqa: C901, PLR0912 - one case for each kind
    context: Context, step: PlannedStep, written: StepSpec
) -> Step | None:
    match written:
        case ProcessingSpec() as spec:
            return compile_processing(context, step, spec)
        case DatasetSpec() as spec:
            return compile_dataset(context, step, spec)
        case TrainSpec() as spec:
            return compile_train(context, step, spec)
        case GenerateSpec() as spec:
            return compile_generate(context, step, spec)
        case EvaluateSpec() as spec:
            return compile_evaluate(context, step, spec)
        case RegisterSpec() as spec:
            return compile_register(context, step, spec)
        case BedrockSpec() as spec:
            return compile_bedrock(context, step, spec)
        case BedrockImportSpec() as spec:
            return compile_bedrock_import(context, step, spec)
        case JumpstartSpec() as spec:
            return compile_jumpstart(context, step, spec)
        case GateSpec():
            return None
        case _ as unhandled:
            assert_never(unhandled)


def _gate_or_door(context: Context, name: str, behind: Sequence[Step]) -> Step:
    step = context.steps.get(name)
    if step and step.gate:
        behind = (*behind, *remembering(context, step, behind))
        return compile_gate(context, step, step.gate, behind)
    return compile_door(name, behind)


def _compiled_steps(context: Context) -> dict[str, Step]:
    compiled: dict[str, Step] = {}
    problems: list[Problem] = []
    for planned in context.plan.steps:
        try:
            step = compile_step(context, planned)
        except SpecError as error:
            problems.extend(error.problems)
            continue
        if step:
            compiled[planned.name] = step
        data = _data_step(context, planned)
        if data:
            compiled[data.name] = data
    if problems:
        raise SpecError(problems)
    return compiled


def _data_step(context: Context, step: PlannedStep) -> Step | None:
    """The step that converts the rows of a kind which another's script or service trains."""
    match step.spec:
        case BedrockSpec() as spec:
            return compile_bedrock_data(context, step, spec)
        case JumpstartSpec() as spec:
            return compile_jumpstart_data(context, step, spec)
        case _:
            return None
