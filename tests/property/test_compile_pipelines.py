"""Laws of compiling that hold for every pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.compile import Compiled, compile_plan
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import Sources
from orchestrator.compiler.step_code import StepCode
from orchestrator.definition.expressions import references
from orchestrator.definition.model import Step, definition_bytes, walk
from orchestrator.definition.paths import parse_path
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate
from orchestrator.plan.build import build_plan
from orchestrator.spec.pipeline import PipelineSpec

if TYPE_CHECKING:
    from orchestrator.compiler.assets import Content
    from orchestrator.plan.model import Plan

CODE = StepCode("run.py", {"launch.py": b"", "run.py": b""})
DATA: dict[str, Content] = {"rows.jsonl": b"{}"}


@dataclass
class Made:
    """What the steps so far offer to later ones."""

    steps: dict[str, Any] = field(default_factory=dict)
    rows: list[str] = field(default_factory=lambda: ["./rows", "s3://lake/rows/"])
    datasets: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    measured: list[str] = field(default_factory=list)


@st.composite
def specs(draw: st.DrawFn) -> PipelineSpec:
    made = Made()
    for index in range(draw(st.integers(1, 14))):
        makers = [processing, dataset]
        makers += [train] if made.datasets else []
        makers += [generate] if made.models else []
        makers += [evaluate] if made.models and made.datasets else []
        makers += [gate] if made.models and made.measured else []
        makers += [register] if made.models else []
        name = f"{draw(st.sampled_from(['s', 'a-b', 'x_y', 'Z9-']))}{index}"
        step = draw(st.sampled_from(makers))(draw, name, made)
        step["after"] = (
            draw(st.lists(st.sampled_from([*made.steps]), unique=True, max_size=2))
            if (made.steps)
            else []
        )
        made.steps[name] = step
    return PipelineSpec.model_validate({"name": "generated", "steps": made.steps})


def gates(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    made.measured.append(name)
    names = st.sampled_from(["loss", "a.b", "x/y"])
    most = draw(st.dictionaries(names, st.floats(0, 1e6), max_size=2))
    least = draw(st.dictionaries(names, st.floats(-1e6, 0), max_size=2))
    return {"max": most, "min": least} if draw(st.booleans()) else {}


def processing(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    sources = draw(st.lists(st.sampled_from(made.rows), max_size=3))
    step: dict[str, Any] = {
        "kind": "processing",
        "script": "./run.py",
        "inputs": {f"in{index}": source for index, source in enumerate(sources)},
        "outputs": {"rows": "jsonl"},
        "arguments": draw(st.dictionaries(st.sampled_from("pqr"), st.integers(), max_size=2)),
    }
    if draw(st.booleans()):
        step["outputs"]["metrics"] = "folder"
        step["gates"] = gates(draw, name, made)
    made.rows.append(f"${name}.rows")
    return step


def dataset(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    step = {"kind": "dataset", "data": draw(st.sampled_from(made.rows))}
    made.datasets.append(name)
    return {**step, "gates": gates(draw, name, made)}


def train(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    step = {
        "kind": "train",
        "objective": draw(st.sampled_from(["sft", "continued_pretrain"])),
        "model_name_or_path": draw(st.sampled_from(["s3://models/base/", *made.models])),
        "data": f"${draw(st.sampled_from(made.datasets))}",
        "spot": draw(st.booleans()),
        "gates": gates(draw, name, made),
    }
    made.models.append(f"${name}.model")
    return step


def generate(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    step = {
        "kind": "generate",
        "model": draw(st.sampled_from(made.models)),
        "data": draw(st.sampled_from(made.rows)),
        "spot": draw(st.booleans()),
        "gates": gates(draw, name, made),
    }
    made.rows.append(f"${name}")
    return step


def evaluate(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    step = {
        "kind": "evaluate",
        "model": draw(st.sampled_from(made.models)),
        "data": f"${draw(st.sampled_from(made.datasets))}.test",
        "gates": gates(draw, name, made),
    }
    made.models.append(f"${name}.model")
    return step


def gate(draw: st.DrawFn, name: str, made: Made) -> dict[str, Any]:
    metrics = st.sampled_from(made.measured).map(lambda step: f"${step}.metrics.loss")
    condition = st.fixed_dictionaries({"metric": metrics, "max": st.one_of(st.integers(), metrics)})
    step = {
        "kind": "gate",
        "conditions": draw(st.lists(condition, min_size=1, max_size=3)),
        "any": draw(st.booleans()),
        "passes": {"model": draw(st.sampled_from(made.models))},
    }
    made.models.append(f"${name}.model")
    return step


def register(draw: st.DrawFn, _: str, made: Made) -> dict[str, Any]:
    model = draw(st.sampled_from(made.models))
    return {"kind": "register", "model": model, "model_package_group_name": "group"}


def planned(spec: PipelineSpec) -> Plan:
    return build_plan(spec)[0]


def compiled(plan: Plan) -> Compiled:
    runs = [step.name for step in plan.steps if step.spec.kind not in {"gate", "register"}]
    return compile_plan(plan, LOCAL, Sources(dict.fromkeys(runs, CODE), {"./rows": DATA}))


many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(specs())
def test_a_compiled_definition_is_valid_and_is_read_back_as_it_is(spec: PipelineSpec) -> None:
    result = compiled(planned(spec))
    definition = parse_definition(result.json)
    assert validate(definition, load_shapes()) == ()
    assert definition_bytes(definition) == result.json
    assert json.loads(result.json)["Version"] == "2020-12-01"


@many
@given(specs())
def test_every_step_lies_behind_exactly_the_open_side_of_its_gates(spec: PipelineSpec) -> None:
    plan = planned(spec)
    places = {
        found.step.name: {branch.condition for branch in found.branches if branch.side == "IfSteps"}
        for found in walk(compiled(plan).definition.steps)
    }
    for step in plan.steps:
        name = f"{step.name}-gate" if step.spec.kind == "gate" else step.name
        assert {f"{guard}-gate" for guard in step.guards} <= places[name]
        assert (f"{step.name}-gate" in places) == (step.gate is not None)


@many
@given(specs())
def test_a_step_reads_only_what_stands_before_the_gates_it_lies_in(spec: PipelineSpec) -> None:
    placed = {found.step.name: found for found in walk(compiled(planned(spec)).definition.steps)}
    for found in placed.values():
        for name in steps_read(found.step):
            outer = placed[name].branches
            assert found.branches[: len(outer)] == outer


@many
@given(specs())
def test_compiling_twice_gives_the_same_bytes(spec: PipelineSpec) -> None:
    assert compiled(planned(spec)).json == compiled(planned(spec)).json


def steps_read(step: Step) -> set[str]:
    values = {"Arguments": step.arguments, "Conditions": step.conditions}
    paths = [parse_path(path) for path in references(values)]
    return {str(path[1]) for path in paths if path[0] == "Steps"} | set(step.depends_on)
