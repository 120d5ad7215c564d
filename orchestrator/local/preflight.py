"""Everything that cannot work on this machine, named before anything starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.definition.durations import parse_duration
from orchestrator.definition.expressions import evaluate, references
from orchestrator.errors import (
    DataError,
    FmoError,
    InputError,
    Problem,
    StoreError,
    UnsupportedError,
)
from orchestrator.local.handlers import Handlers, function_name, is_carried_here, queue_name
from orchestrator.local.images import has_provider
from orchestrator.local.job_plan import is_jumpstart, job_plan
from orchestrator.local.job_secrets import missing_secrets
from orchestrator.local.jobs import missing_data
from orchestrator.local.keys import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orchestrator.definition.graph import Graph
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Step
    from orchestrator.local.home import Home
    from orchestrator.local.store import Store
    from orchestrator.local.values import Values

STEP_TYPES = (
    "Callback",
    "Condition",
    "Fail",
    "Lambda",
    "Model",
    "Processing",
    "RegisterModel",
    "Training",
)
_JOBS = {"Processing", "Training"}
_UNKNOWN = "to be known when the step runs"


@dataclass(frozen=True)
class Machine:
    """What this machine offers."""

    home: Home
    store: Store
    handlers: Handlers
    caller: Mapping[str, str] = field(default_factory=dict)
    """The environment `fmo` runs in, which secrets come from."""
    arriving: tuple[str, ...] = ()
    """URIs of folders that will be in the store before the first step starts."""
    has_module: Callable[[str], bool] = lambda name: importlib.util.find_spec(name) is not None


def check_can_run(graph: Graph, values: Values, machine: Machine) -> None:
    """Refuse an execution that could not work.

    Raises:
        UnsupportedError: For step types, images, handlers and features missing here; all of them.
        StoreError: For URIs that the store cannot hold, such as keys that leave it; all of them.
        DataError: For inputs that are not in the store; all of them.
        InputError: For secrets that the caller's environment does not hold; all of them.
    """
    unsupported = [
        problem for node in graph.values() for problem in _unsupported(node.step, values, machine)
    ]
    if unsupported:
        raise UnsupportedError(unsupported)
    steps = [node.step for node in graph.values() if node.step.type in _JOBS]
    _refuse_keys(steps, values)
    missing = [problem for step in steps for problem in _missing_data(step, values, machine)]
    if missing:
        raise DataError(missing)
    unset = [problem for step in steps for problem in _missing_secrets(step, values, machine)]
    if unset:
        raise InputError(unset)


def _unsupported(step: Step, values: Values, machine: Machine) -> Iterator[Problem]:
    where = f"steps.{step.name}"
    if step.type not in STEP_TYPES:
        known = ", ".join(STEP_TYPES)
        what = f"a step of type {step.type!r} cannot run on this machine"
        yield Problem(where, what, f"These can: {known}.")
    for other, trigger in step.triggers.items():
        what = f"it runs when {other!r} ends as {trigger!r}, which cannot be done on this machine"
        yield Problem(f"{where}.DependsOn", what, "Depend on success.")
    if step.cache and step.cache.enabled and step.cache.expire_after:
        yield from _input_problems(
            where, lambda: parse_duration(str(step.cache and step.cache.expire_after))
        )
    if step.type == "Lambda":
        yield from _missing_lambda(step, where, machine)
    if step.type == "Callback":
        yield from _unanswered(step, where, machine)
    if step.type in _JOBS:
        request = known_part(step, values)
        yield from _image_problems(step, request, where, machine)
        yield from _feature_problems(request, where)
        yield from _input_problems(where, lambda: job_plan(step.type, "job", request))


def _unanswered(step: Step, where: str, machine: Machine) -> Iterator[Problem]:
    if is_carried_here(step, machine.handlers):
        trains = step.arguments["service"] == "bedrock"
        if trains and not machine.has_module("torch"):
            what = "a model is trained in place of Bedrock's, and torch is not installed here"
            yield Problem(where, what, "Run: pip install 'fm-orchestrator[train]'")
    elif queue_name(step) not in machine.handlers.callbacks:
        what = f"no handler in this process answers the queue {queue_name(step)!r}"
        fix = "Run it from Python and pass one in Handlers(callbacks={QUEUE: function})."
        yield Problem(where, what, fix)


def _missing_lambda(step: Step, where: str, machine: Machine) -> Iterator[Problem]:
    name = function_name(step)
    path = machine.home.lambdas / f"{name}.py"
    # The name comes from outside, and must not lead to another folder.
    is_there = path.name == f"{name}.py" and path.is_file()
    if name not in machine.handlers.lambdas and not is_there:
        what = f"there is no handler for the Lambda function {name!r}"
        yield Problem(where, what, f"Write handler(event, context) in {path}.")


def _image_problems(
    step: Step, request: Mapping[str, Json], where: str, machine: Machine
) -> Iterator[Problem]:
    section = "AlgorithmSpecification" if step.type == "Training" else "AppSpecification"
    member = "TrainingImage" if step.type == "Training" else "ImageUri"
    details = request.get(section)
    application = details if isinstance(details, Mapping) else {}
    image = application.get(member)
    if step.type == "Training" and is_jumpstart(request):
        if not machine.has_module("torch"):
            what = "a model is trained in place of JumpStart's, and torch is not installed here"
            yield Problem(where, what, "Run: pip install 'fm-orchestrator[train]'")
        return
    if image != _UNKNOWN and not has_provider(str(image)):
        what = f"nothing on this machine stands in for the image {image!r}"
        fix = "Use a PyTorch, Hugging Face or scikit-learn image of AWS."
        yield Problem(f"{where}.{member}", what, fix)
    elif step.type == "Training" and "pytorch" in str(image) and not machine.has_module("torch"):
        what = "it trains, and torch is not installed here"
        yield Problem(where, what, "Run: pip install 'fm-orchestrator[train]'")
    if not application.get("ContainerEntrypoint"):
        what = "it has no ContainerEntrypoint: what the image would start cannot be known here"
        yield Problem(f"{where}.{section}", what, 'Write ["python3", "/opt/ml/.../script.py"].')


def _feature_problems(request: Mapping[str, Json], where: str) -> Iterator[Problem]:
    for path, value in _members(request):
        name = path.rpartition(".")[2]
        pipe = name in {"InputMode", "S3InputMode", "TrainingInputMode"} and value == "Pipe"
        kind = name == "S3DataType" and value not in {"S3Prefix", _UNKNOWN}
        zipped = (name == "S3CompressionType" or "InputDataConfig" in path) and value == "Gzip"
        source = name in {"FileSystemDataSource", "DatasetDefinition", "FeatureStoreOutput"}
        if pipe or kind or zipped or (source and value):
            what = f"{name if source else value!r} cannot be done on this machine"
            yield Problem(f"{where}.{path}", what, "Use files under an S3 prefix.")


def _refuse_keys(steps: Sequence[Step], values: Values) -> None:
    refused: dict[str, StoreError] = {}
    for step in steps:
        plan = job_plan(step.type, "job", known_part(step, values))
        made = (*plan.outputs, *plan.live_outputs)
        uris = [channel.uri for channel in plan.channels] + [output.uri for output in made]
        for uri in filter(None, [*uris, plan.checkpoint_uri]):
            try:
                parse_uri(uri)
            except StoreError as error:
                if _UNKNOWN not in uri:
                    refused[f"steps.{step.name}: {error}"] = error
    if refused:
        raise type(next(iter(refused.values())))("\n".join(refused))


def _missing_data(step: Step, values: Values, machine: Machine) -> Iterator[Problem]:
    plan = job_plan(step.type, "job", known_part(step, values))
    for channel in plan.channels:
        is_to_come = channel.uri.startswith(machine.arriving)
        if _UNKNOWN not in channel.uri and not is_to_come and not machine.store.tree(channel.uri):
            what, fix = missing_data(channel.uri, machine.store)
            yield Problem(f"steps.{step.name}.inputs.{channel.name}", what, fix)


def _missing_secrets(step: Step, values: Values, machine: Machine) -> Iterator[Problem]:
    plan = job_plan(step.type, "job", known_part(step, values))
    yield from missing_secrets(step.name, plan.environment, machine.caller)


def known_part(step: Step, values: Values) -> dict[str, Json]:
    """Return the step's request with a mark where a value is not known before it runs."""
    known = _known(step.arguments, values)
    return dict(known) if isinstance(known, Mapping) else {}


def _known(value: Json, values: Values) -> Json:
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in {"Get", "Std:Join", "Std:JsonGet"}:
            paths = references(value)
            fixed = all(path.startswith("Parameters.") for path in paths)
            return evaluate(value, values) if fixed and "Std:JsonGet" not in value else _UNKNOWN
        return {name: _known(member, values) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item, values) for item in value]
    return value


def _input_problems(where: str, attempt: Callable[[], object]) -> Iterator[Problem]:
    try:
        attempt()
    except InputError as error:
        for problem in error.problems:
            yield Problem(f"{where}.{problem.where}", problem.what, problem.fix)
    except FmoError as error:
        yield Problem(where, str(error).rstrip("."))


def _members(value: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield f"{path}.{name}".lstrip("."), member
            yield from _members(member, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _members(item, f"{path}[{position}]")
