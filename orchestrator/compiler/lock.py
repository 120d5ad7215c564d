"""The lock of a spec: what only a service knows, pinned, so that compiling asks nobody.

It stands beside the spec as `NAME.lock.json`, is written by `fmo lock` and reviewed like code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from orchestrator.compiler.lock_jumpstart import with_artifacts
from orchestrator.compiler.origins import fields_naming
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import HubModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from orchestrator.plan.model import Plan, Source
    from orchestrator.spec.findings import Findings

SUFFIX = ".lock.json"

Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# A path of the hub becomes part of a key and of a file's name: it may not leave its folder.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
S3Uri = Annotated[str, StringConstraints(pattern=r"^s3://[^/]+/.+")]


class Locked(BaseModel):
    """A part of the lock: frozen, with no other members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedFile(Locked):
    """One file of a model, as the hub tells of it."""

    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256 | None = None
    """Of large files, which the hub keeps by it."""
    git_sha1: Commit | None = None
    """Of the others: the id of git's blob."""


class LockedModel(Locked):
    """A model of the hub at one commit."""

    commit: Commit
    files: dict[FileName, LockedFile]
    """The files that a job reads."""

    @property
    def size_bytes(self) -> int:
        """Of all files together."""
        return sum(file.size_bytes for file in self.files.values())


class LockedRule(Locked):
    """What JumpStart takes for one hyperparameter."""

    type: Literal["int", "float", "bool", "text"]
    min: float | None = None
    max: float | None = None
    options: tuple[str, ...] = ()


class LockedJumpstart(Locked):
    """What JumpStart trains a model with, in one region."""

    version: str
    region: str
    training_image_uri: str
    training_artifact_uri: S3Uri
    script_uri: S3Uri
    hyperparameters: dict[str, str] = {}
    """Name to its default, as text: SageMaker takes no other."""
    rules: dict[str, LockedRule] = {}
    """Name to what it may be."""
    environment: dict[str, str] = {}
    instance_type: str | None = None
    """The one that JumpStart proposes."""
    supported_instance_types: tuple[str, ...] = ()
    eula_uri: S3Uri | None = None
    """The terms to accept, of a model that has some."""


class Lock(Locked):
    """Everything that is pinned for one spec."""

    fmo_lock: Literal[1] = 1
    """The version of this format."""
    hub: dict[str, LockedModel] = {}
    """`hf://ID@REVISION`, as the spec names it, to what it was when it was locked."""
    jumpstart: dict[str, LockedJumpstart] = {}
    """Model id to its artifacts."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pinned."""
        return not self.hub and not self.jumpstart


@dataclass(frozen=True)
class LockFile:
    """A lock, and where it stands."""

    path: Path
    lock: Lock


def lock_path(spec: Path) -> Path:
    """Return where the lock of the spec at `spec` stands: beside it."""
    return spec.with_name(spec.stem + SUFFIX)


def parse_lock(text: str, path: Path) -> Lock:
    """Return the lock that `text` is.

    Raises:
        SpecError: If it is none, with everything that is wrong in it.
    """
    fix = "Write it anew: fmo lock FILE."
    try:
        return Lock.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        what = f"it is no JSON: {error.msg}"
        raise SpecError(Problem("", what, fix, file=path, line=error.lineno)) from error
    except ValidationError as error:
        raise SpecError(
            Problem(".".join(map(str, one["loc"])), one["msg"].lower().rstrip("."), fix, file=path)
            for one in error.errors()
        ) from error


def lock_bytes(lock: Lock) -> bytes:
    """Return the file's content: the same lock, the same bytes."""
    document = lock.model_dump(mode="json", exclude_none=True)
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def hub_key(model: HubModel) -> str:
    """Return `hf://ID@REVISION`."""
    return f"hf://{model.model_id}@{model.revision}"


def hub_models(plan: Plan) -> tuple[HubModel, ...]:
    """Return the models of the hub that the steps of `plan` read, sorted, each once."""
    found = {
        source
        for step in plan.steps
        for source in step.inputs.values()
        if isinstance(source, HubModel)
    }
    return tuple(sorted(found, key=hub_key))


def pinned(plan: Plan, found: LockFile | None, findings: Findings) -> Plan:
    """Return `plan` with the commit of each model of the hub in place of its branch or tag.

    Steps of kind `jumpstart` get what their model is trained with. A model of the hub that the lock
    does not have is a problem, unless its commit is written; so is what JumpStart would refuse.
    """
    if found is None:
        return plan
    known = found.lock.hub
    for model in hub_models(plan):
        if hub_key(model) not in known and not is_commit(model.revision):
            _refuse(plan, model, found, findings)
    steps = tuple(
        replace(
            with_artifacts(step, found, findings),
            inputs={name: _pin(one, known) for name, one in step.inputs.items()},
        )
        for step in plan.steps
    )
    return replace(plan, steps=steps)


def is_commit(revision: str) -> bool:
    """Return whether `revision` is a full commit hash, which names one tree for ever."""
    return len(revision) == 40 and set(revision) <= set("0123456789abcdef")


def stale(
    lock: Lock, models: Iterable[HubModel], path: Path, jumpstart: Iterable[str] = ()
) -> tuple[Problem, ...]:
    """Return how `lock` differs from what the spec names in every environment.

    Args:
        lock: What is pinned.
        models: The models of the hub that the spec names.
        path: Where the lock stands.
        jumpstart: The models of JumpStart that it names: `ID` or `ID@VERSION`.
    """
    named = {hub_key(model) for model in models}
    fix = "Write it anew: fmo lock FILE."
    unpinned = [one for one in jumpstart if not is_pinned(one, lock)]
    again = "Write it anew: fmo lock FILE --env NAME."
    missing = [Problem(key, "it is not locked", fix, file=path) for key in named - lock.hub.keys()]
    extra = [
        Problem(key, "it is locked, and the spec does not name it", fix, file=path)
        for key in lock.hub.keys() - named
    ]
    missing += [Problem(one, "it is not locked", again, file=path) for one in unpinned]
    return tuple(sorted([*missing, *extra], key=lambda problem: problem.where))


def is_pinned(name: str, lock: Lock) -> bool:
    """Return whether `lock` has the model of JumpStart `ID` or `ID@VERSION`."""
    model_id, _, version = name.partition("@")
    found = lock.jumpstart.get(model_id)
    return found is not None and version in {"", found.version}


def locked_model(lock: Lock | None, model: HubModel) -> LockedModel | None:
    """Return what is locked of `model`, which may be pinned already; None if nothing is."""
    if lock is None:
        return None
    found = lock.hub.get(hub_key(model))
    if found is not None:
        return found
    prefix = f"hf://{model.model_id}@"
    for key, one in lock.hub.items():
        if key.startswith(prefix) and one.commit == model.revision:
            return one
    return None


def _pin(source: Source, known: Mapping[str, LockedModel]) -> Source:
    if not isinstance(source, HubModel):
        return source
    found = known.get(hub_key(source))
    return source if found is None else HubModel(source.model_id, found.commit)


def _refuse(plan: Plan, model: HubModel, found: LockFile, findings: Findings) -> None:
    fix = f"Run: fmo lock {findings.file or 'FILE'}. Or write its commit: hf://ID@COMMIT."
    for where in fields_naming(plan, model):
        findings.refuse(where, f"{hub_key(model)} is not in {found.path.name}", fix)
