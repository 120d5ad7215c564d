"""What `fmo lock` does, as code: the services are asked once, and their answers pinned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.aws.jumpstart import find_jumpstart
from orchestrator.compiler.environment import NamedEnvironment, environment_of
from orchestrator.compiler.lock import (
    Lock,
    LockedJumpstart,
    LockedModel,
    hub_key,
    hub_models,
    stale,
)
from orchestrator.compiler.lock_jumpstart import jumpstart_models
from orchestrator.compiler.origins import fields_naming
from orchestrator.errors import DataError, InputError, SpecError
from orchestrator.local.hub import HubListing, list_model
from orchestrator.plan.build import build_plan
from orchestrator.specs import load_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.errors import Problem
    from orchestrator.plan.model import HubModel, Plan
    from orchestrator.spec.load import LoadedSpec

ListModel: TypeAlias = Callable[[str, str], HubListing]
"""Asks the hub for a model at a revision."""


@dataclass(frozen=True)
class Unlocked:
    """A spec in one environment, its branches and tags as they are written."""

    file: Path
    loaded: LoadedSpec
    plan: Plan


def read_spec(path: Path) -> tuple[Unlocked, ...]:
    """Return the spec at `path` as it is without an environment, and in each of the project's.

    Raises:
        InputError: With every problem of the project file, else of the spec.
    """
    loaded, project = load_file(path, {})
    specs = [loaded, *(load_file(path, {}, env)[0] for env in project.environments)]
    return tuple(
        Unlocked(
            path,
            one,
            build_plan(
                one.spec, file=path, lines=one.lines, origins=one.origins, secrets=project.secrets
            )[0],
        )
        for one in specs
    )


def region_of(path: Path, env: str) -> str:
    """Return the region of an environment of the project that the spec at `path` belongs to.

    Raises:
        InputError: If there is no such environment.
    """
    project = load_file(path, {}, env)[1]
    return environment_of(NamedEnvironment(env), project).region


def make_lock(specs: Sequence[Unlocked], ask: ListModel = list_model) -> Lock:
    """Return what the models that a spec names are now.

    Args:
        specs: It in each environment.
        ask: Asks the hub.

    Raises:
        DataError: For every model that the hub does not tell of, at the fields that name it.
    """
    locked: dict[str, LockedModel] = {}
    problems: list[Problem] = []
    for model in _models(specs):
        try:
            listing = ask(model.model_id, model.revision)
        except DataError as error:
            problems += _at_the_fields(specs, model, error)
        else:
            locked[hub_key(model)] = LockedModel.model_validate(asdict(listing))
    if problems:
        raise DataError(dict.fromkeys(problems))
    return Lock(hub=locked)


def lock_jumpstart(names: Sequence[str], aws: Aws) -> dict[str, LockedJumpstart]:
    """Return what JumpStart trains models with in a region.

    Args:
        names: `MODEL_ID`, for its newest version, or `MODEL_ID@VERSION`.
        aws: The region.

    Raises:
        InputError: With every model that JumpStart does not have or cannot train.
    """
    locked: dict[str, LockedJumpstart] = {}
    problems: list[Problem] = []
    for name in names:
        model_id, _, version = name.partition("@")
        try:
            found = find_jumpstart(model_id, version or None, aws)
        except InputError as error:
            problems += error.problems
        else:
            locked[model_id] = LockedJumpstart.model_validate(asdict(found))
    if problems:
        raise InputError(problems)
    return locked


def check_lock(lock: Lock, specs: Sequence[Unlocked], path: Path) -> None:
    """Check that `lock` pins what a spec names, and nothing else; nobody is asked.

    Raises:
        SpecError: With everything that is missing or too much.
    """
    problems = stale(lock, _models(specs), path, jumpstart_names(specs))
    if problems:
        raise SpecError(problems)


def jumpstart_names(specs: Sequence[Unlocked]) -> tuple[str, ...]:
    """Return the models of JumpStart that a spec trains: `ID` or `ID@VERSION`, sorted."""
    return tuple(sorted({name for one in specs for name in jumpstart_models(one.plan)}))


def _models(specs: Sequence[Unlocked]) -> tuple[HubModel, ...]:
    found = {model for one in specs for model in hub_models(one.plan)}
    return tuple(sorted(found, key=hub_key))


def _at_the_fields(specs: Sequence[Unlocked], model: HubModel, error: DataError) -> list[Problem]:
    """Return the problems of `error` at the fields and lines that name `model`."""
    told = []
    for one in specs:
        findings = one.loaded.findings(one.file)
        for where in fields_naming(one.plan, model):
            for problem in error.problems:
                findings.refuse(where, problem.what, problem.fix)
        told += findings.in_order()
    return told
