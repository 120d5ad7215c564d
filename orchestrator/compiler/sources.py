"""What a compile reads from the file system: scripts with what they import, and local data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.compiler.files import hash_data
from orchestrator.compiler.model_folder import refuse_no_model
from orchestrator.compiler.step_code import CodeReader, StepCode
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.kinds import LOCAL_MODEL, facts_of
from orchestrator.plan.model import LocalPath

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.compiler.assets import Content
    from orchestrator.compiler.environment import Environment
    from orchestrator.plan.kinds import Wanted
    from orchestrator.plan.model import Plan

TRAINING_SCRIPTS = Path(__file__).parents[2] / "training_scripts"
"""The library of job scripts, installed beside this package and never imported by it."""


@dataclass(frozen=True)
class Sources:
    """Every file that a compile may put into an asset, so that compiling itself reads nothing."""

    code: Mapping[str, StepCode]
    """Step name to its code; for every step that runs a script."""
    data: Mapping[str, Mapping[str, Content]]
    """Local path as written in the spec to its files, by path below the asset's root."""
    folder: Path = Path()
    """The spec's, for paths of which jobs on this machine use the files where they are."""


def gather_sources(
    plan: Plan, folder: Path, environment: Environment, *, library: Path = TRAINING_SCRIPTS
) -> Sources:
    """Return the code and the local data that `plan` names in `environment`.

    Args:
        plan: The plan to compile.
        folder: The spec's folder; paths of the spec are relative to it.
        environment: Where it will run: a laptop's samples are not read for AWS.
        library: The folder of `training_scripts`.

    Raises:
        SpecError: With every script or path that is missing, too large, or leaves its folder.
    """
    reader = CodeReader(folder, library)
    code: dict[str, StepCode] = {}
    data: dict[str, Mapping[str, Content]] = {}
    problems: list[Problem] = []
    for step in plan.steps:
        try:
            found = reader.step_code(step)
        except SpecError as error:
            problems.extend(error.problems)
            continue
        if found:
            code[step.name] = found
    for where, path, wanted in _local_paths(plan, environment):
        try:
            if wanted == "model":
                refuse_no_model(folder / path, where)
            data[path] = data.get(path) or hash_data(folder / path, where)
        except SpecError as error:
            problems.extend(error.problems)
    if problems:
        raise SpecError(problems)
    return Sources(code, data, folder.resolve())


def is_local_path(value: object) -> bool:
    """Return whether a parameter's value is a path on this machine."""
    return isinstance(value, str) and value.startswith(("./", "../", "/"))


def _local_paths(plan: Plan, environment: Environment) -> Iterator[tuple[str, str, Wanted]]:
    """Yield field, path and what is wanted there of everything to read on this machine."""
    for step in plan.steps:
        for read in facts_of(step.spec).reads:
            if read.channel == LOCAL_MODEL and not environment.local:
                continue
            source = step.inputs.get(read.channel) if read.channel else None
            if isinstance(source, LocalPath):
                yield f"steps.{step.name}.{read.field}", source.path, read.wanted
    for name, parameter in plan.parameters.items():
        value = environment.default_of(parameter)
        if parameter.type == "S3Uri" and isinstance(value, str) and is_local_path(value):
            member = "local" if value == parameter.local else "default"
            yield f"parameters.{name}.{member}", value, "anything"
