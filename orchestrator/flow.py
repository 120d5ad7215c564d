"""The path, as code. Read this first: spec, plan, definition.

From here `flow_local.py` goes on to a run on this machine, and `flow_aws.py` to an account.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL, Environment, NamedEnvironment, environment_of
from orchestrator.compiler.lock import pinned
from orchestrator.compiler.lock_jumpstart import warn_of_stand_ins
from orchestrator.compiler.origins import spec_path, step_of
from orchestrator.compiler.policy import refuse_what_policy_forbids
from orchestrator.compiler.sources import gather_sources
from orchestrator.compiler.tracking import trackers_can_be_reached
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate
from orchestrator.errors import DefinitionError, InputError, Problem, SpecError
from orchestrator.plan.build import build_plan
from orchestrator.specs import find_lock, is_definition, load_file, load_written, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.compile import Compiled, HubAsset
    from orchestrator.compiler.lock import LockFile
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition
    from orchestrator.plan.model import Plan
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.load import LoadedSpec, Written
    from orchestrator.spec.project_load import Project

WRITTEN_IN_PYTHON = "written in Python"
"""In the receipt, where a spec has no file."""


@dataclass(frozen=True)
class Prepared:
    """A definition that is checked, and what must be in the store before it runs."""

    data: bytes
    """The definition JSON: the only thing that a backend sees."""
    name: str
    """The pipeline's; the JSON has none."""
    warnings: tuple[Problem, ...] = ()
    assets: tuple[Asset, ...] = ()
    hub_models: tuple[HubAsset, ...] = ()
    plan: Plan | None = None
    """None when the file was a definition already."""
    loaded: LoadedSpec | None = None
    """What `plan` was made of, for the lines of errors; None like it."""
    file: Path | None = None
    """Where the spec or the definition stands; None if a program wrote it."""
    source: Mapping[str, Json] = field(default_factory=dict)
    """The receipt: what this was made from."""
    environment: Environment = LOCAL
    """Where it is to run."""
    lock: LockFile | None = None
    """What `fmo lock` pinned for the spec; None if nothing is."""


@dataclass(frozen=True)
class Place:
    """Where a spec stands, and what stands beside it."""

    file: Path | None
    folder: Path
    """Its paths are relative to it."""
    lock: LockFile | None


def plan_file(
    path: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[Plan, tuple[Problem, ...]]:
    """Return the plan of the spec at `path` with the defaults of `env`, and warnings."""
    loaded, project = load_file(path, overrides, env)
    return _plan(loaded, project, path, find_lock(path))


def plan_written(
    written: Written, folder: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[Plan, tuple[Problem, ...]]:
    """Return the plan of a spec that a program wrote; its paths are relative to `folder`."""
    loaded, project = load_written(written, folder, overrides, env)
    lock = find_lock(_file_of(written, loaded, folder))
    return _plan(loaded, project, written.file, lock)


def compile_file(
    path: Path, overrides: Mapping[str, str], target: Environment | NamedEnvironment = LOCAL
) -> Prepared:
    """Return the definition of the spec at `path`, validated against the service's own shapes."""
    loaded, project = load_file(path, overrides, _name_of(target))
    source: dict[str, Json] = {"spec": str(path), "overrides": dict(overrides)}
    place = Place(path, path.parent, find_lock(path))
    return _compiled(loaded, project, target, place, source)


def compile_written(
    written: Written,
    folder: Path,
    overrides: Mapping[str, str],
    target: Environment | NamedEnvironment = LOCAL,
) -> Prepared:
    """Return the definition of a spec that a program wrote, as `compile_file` does of a file's."""
    loaded, project = load_written(written, folder, overrides, _name_of(target))
    spec = str(written.file) if written.file else WRITTEN_IN_PYTHON
    source: dict[str, Json] = {"spec": spec, "overrides": dict(overrides)}
    lock = find_lock(_file_of(written, loaded, folder))
    return _compiled(loaded, project, target, Place(written.file, folder, lock), source)


def read_definition(path: Path) -> Prepared:
    """Return the definition JSON at `path`, ours or anyone's, validated."""
    data = read_text(path).encode()
    try:
        definition = parse_definition(data)
    except InputError as error:
        raise type(error)(replace(problem, file=path) for problem in error.problems) from error
    _refuse_invalid(definition, path)
    return Prepared(data=data, name=path.stem, file=path, source={"definition": str(path)})


def prepare_file(path: Path, overrides: Mapping[str, str], env: str | None = None) -> Prepared:
    """Return what is to run, from a spec or from a definition JSON."""
    if not is_definition(path):
        return compile_file(path, overrides, LOCAL if env is None else NamedEnvironment(env))
    option = "--set" if overrides else "--env"
    if overrides or env is not None:
        fix = f"Leave {option} out, or give the spec that the definition was compiled from."
        what = f"{option} changes a spec, and {path.name} is a pipeline definition"
        raise InputError(Problem("", what, fix))
    return read_definition(path)


def _name_of(target: Environment | NamedEnvironment) -> str | None:
    return target.name if isinstance(target, NamedEnvironment) else None


def _file_of(written: Written, loaded: LoadedSpec, folder: Path) -> Path:
    """Return the spec's file, or for one without the file that it would have by its name."""
    return written.file or folder / f"{loaded.spec.name}.yaml"


def _plan(
    loaded: LoadedSpec, project: Project, file: Path | None, lock: LockFile | None
) -> tuple[Plan, tuple[Problem, ...]]:
    plan, warnings = build_plan(
        loaded.spec,
        file=file,
        lines=loaded.lines,
        origins=loaded.origins,
        secrets=project.secrets,
    )
    findings = loaded.findings(file)
    locked = pinned(plan, lock, findings)
    findings.raise_problems()
    return locked, warnings


def _compiled(
    loaded: LoadedSpec,
    project: Project,
    target: Environment | NamedEnvironment,
    place: Place,
    source: Mapping[str, Json],
) -> Prepared:
    environment = target if isinstance(target, Environment) else environment_of(target, project)
    plan, warnings = _plan(loaded, project, place.file, place.lock)
    findings = loaded.findings(place.file)
    if not environment.local:
        refuse_what_policy_forbids(plan, environment, project, findings)
        trackers_can_be_reached(plan, environment, findings)
    else:
        warn_of_stand_ins(plan, findings)
    compiled = _compile(plan, place.folder, environment, findings)
    return Prepared(
        data=compiled.json,
        name=plan.name,
        warnings=(*warnings, *findings.warnings),
        assets=compiled.assets,
        hub_models=compiled.hub_models,
        plan=plan,
        loaded=loaded,
        file=place.file,
        source={**source, "environment": environment.name},
        environment=environment,
        lock=place.lock,
    )


def _compile(plan: Plan, folder: Path, environment: Environment, findings: Findings) -> Compiled:
    """Return the compiled plan; what is wrong is told in the words and lines of the spec."""
    try:
        compiled = compile_plan(plan, environment, gather_sources(plan, folder, environment))
    except SpecError as error:
        for problem in error.problems:
            findings.refuse(problem.where, problem.what, problem.fix)
        raise SpecError(findings.in_order()) from error
    rest = []
    names = {step.name for step in plan.steps}
    for problem in validate(compiled.definition, load_shapes()):
        key, step = spec_path(problem.where, names), step_of(problem.where, names)
        if key is not None:
            findings.refuse(key, problem.what, problem.fix)
        else:
            file, line = findings.place_of(f"steps.{step}") if step else (findings.file, None)
            rest.append(replace(problem, file=file, line=line))
    if rest:
        raise DefinitionError((*findings.in_order(), *rest))
    findings.raise_problems()
    return compiled


def _refuse_invalid(definition: Definition, path: Path) -> None:
    problems = validate(definition, load_shapes())
    if problems:
        raise DefinitionError(replace(problem, file=problem.file or path) for problem in problems)
