"""What `fmo lock` does, as code: the services are asked once, and their answers pinned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.compiler.lock import Lock, LockedModel, hub_key, hub_models, stale
from orchestrator.compiler.origins import fields_naming
from orchestrator.errors import DataError, SpecError
from orchestrator.local.hub import HubListing, list_model
from orchestrator.plan.build import build_plan
from orchestrator.specs import load_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

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


def check_lock(lock: Lock, specs: Sequence[Unlocked], path: Path) -> None:
    """Check that `lock` pins what a spec names, and nothing else; nobody is asked.

    Raises:
        SpecError: With everything that is missing or too much.
    """
    problems = stale(lock, _models(specs), path)
    if problems:
        raise SpecError(problems)


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
