"""`fmo.yaml` from text: every problem of it at once, environments with what they extend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from orchestrator.errors import InputError, Problem
from orchestrator.spec.canonical import rename_fields
from orchestrator.spec.findings import Findings, join_path, line_of
from orchestrator.spec.layers import Layer
from orchestrator.spec.models import step_models
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.project import (
    REQUIRED,
    EnvironmentSpec,
    PolicySpec,
    ProjectSpec,
    SecretSpec,
)
from orchestrator.spec.reader import read_document
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.spec.composer import Tree

FILE_NAME = "fmo.yaml"
NOTHING_GIVEN: Mapping[str, str] = {}
KEYS = "`defaults:`, `environments:`, `policy:` or `secrets:`"


@dataclass(frozen=True)
class Project:
    """A project file that is checked."""

    file: Path | None
    """None if there is no such file; then nothing is in it."""
    data: Mapping[str, Tree]
    """What it says, under canonical names."""
    lines: Mapping[str, int]
    up: str = ""
    """From the spec's folder to the file's: `../`, as often as needed."""

    @property
    def environments(self) -> tuple[str, ...]:
        """The names that `--env` takes."""
        return tuple(_mapping(self.data.get("environments")))

    @property
    def secrets(self) -> dict[str, SecretSpec]:
        """The secrets that `$secrets.NAME` may name."""
        declared = _mapping(self.data.get("secrets"))
        return {name: SecretSpec.model_validate(told) for name, told in declared.items()}

    def layers(self, env: str | None) -> tuple[Layer, ...]:
        """Return the defaults that hold in the environment `env`, the strongest first.

        Raises:
            InputError: If there is no such environment.
        """
        names = self._chain(env) if env is not None else ()
        if self.file is None:
            return ()
        places = [(f"environments.{name}.defaults", self._environment(name)) for name in names]
        return tuple(
            Layer(self.file, path, _kinds(part.get("defaults")), self.lines, self.up)
            for path, part in [*places, ("defaults", self.data)]
        )

    def environment(self, env: str, given: Mapping[str, str] = NOTHING_GIVEN) -> EnvironmentSpec:
        """Return the environment `env` with what it extends; nothing it needs is missing.

        Args:
            env: Its name.
            given: What need not be there, because somebody gave it by an option.

        Raises:
            InputError: If there is no such environment, or a value is missing.
        """
        resolved: dict[str, Tree] = {}
        for name in self._chain(env):
            resolved = _under(resolved, self._environment(name))
        findings = Findings(self.file, dict(self.lines))
        where = f"environments.{env}"
        for key in REQUIRED:
            if resolved.get(key) is None and key not in given:
                fix = f"Add `{key}:`, there or in an environment that it extends."
                findings.refuse(where, f"the key {key!r} is missing", fix)
        self._network_is_whole(resolved, where, findings)
        findings.raise_problems()
        return EnvironmentSpec.model_validate(resolved)

    def policy(self, env: str | None) -> PolicySpec:
        """Return the policy that holds in the environment `env`.

        Raises:
            InputError: If there is no such environment.
        """
        resolved: dict[str, Tree] = {}
        for name in self._chain(env) if env is not None else ():
            resolved = _under(resolved, _mapping(self._environment(name).get("policy")))
        return PolicySpec.model_validate(_under(resolved, _mapping(self.data.get("policy"))))

    def line_of(self, path: str) -> int | None:
        """Return the line of `path`, or of what it stands in."""
        return line_of(self.lines, path)

    def _environment(self, name: str) -> Mapping[str, Tree]:
        return _mapping(_mapping(self.data.get("environments")).get(name))

    def _chain(self, env: str) -> tuple[str, ...]:
        if env not in self.environments:
            raise InputError(_unknown_environment(env, self))
        return _chain(env, self._environment)

    @staticmethod
    def _network_is_whole(resolved: Mapping[str, Tree], where: str, findings: Findings) -> None:
        pair = ("subnets", "security_group_ids")
        given = [key for key in pair if resolved.get(key)]
        if len(given) == 1:
            other = next(key for key in pair if key not in given)
            fix = f"Add `{other}:`, or remove `{given[0]}`."
            findings.refuse(f"{where}.{given[0]}", f"a VPC needs {other!r} too", fix)


def load_project(text: str, *, file: Path, up: str = "") -> Project:
    """Return what the project file says.

    Args:
        text: YAML 1.2.
        file: Where it comes from; it goes into problems.
        up: From the spec's folder to the file's.

    Raises:
        SpecError: With every problem found.
    """
    lines: dict[str, int] = {}
    findings = Findings(file, lines)
    data = _canonical(read_document(text, findings, noun="file", keys=KEYS), findings)
    try:
        ProjectSpec.model_validate(data)
    except ValidationError as error:
        refuse_all(error, data, findings, ProjectSpec)
    _extended_environments_exist(data, findings)
    findings.raise_problems()
    return Project(file, data, lines, up)


def _unknown_environment(env: str, project: Project) -> Problem:
    if project.file is None:
        what = f"there is no environment {env!r}: no {FILE_NAME} beside the spec or above it"
        fix = f"Write one with `environments: {{{env}: {{region: ..., role_arn: ...}}}}`."
        return Problem("--env", what, fix)
    names = project.environments
    what = f"there is no environment {env!r} in {project.file}"
    if not names:
        return Problem("--env", what, "Add it under `environments:`.")
    guess = did_you_mean(env, names)
    guess = f"{guess} " if guess.startswith("Did") else ""
    return Problem("--env", what, f"{guess}The environments are: {', '.join(names)}.")


def _canonical(data: dict[str, Tree], findings: Findings) -> dict[str, Tree]:
    """Return `data` with canonical names in all defaults."""
    environments = data.get("environments")
    renamed = _canonical_defaults(data, "", findings)
    if not isinstance(environments, dict):
        return renamed
    return {
        **renamed,
        "environments": {
            name: _canonical_defaults(part, f"environments.{name}", findings)
            if isinstance(part, dict)
            else part
            for name, part in environments.items()
        },
    }


def _canonical_defaults(part: dict[str, Tree], where: str, findings: Findings) -> dict[str, Tree]:
    defaults = part.get("defaults")
    if not isinstance(defaults, dict):
        return part
    path = join_path(where, "defaults")
    return {
        **part,
        "defaults": {
            kind: rename_fields(fields, step_models()[kind], join_path(path, kind), findings)
            if isinstance(fields, dict) and kind in step_models()
            else fields
            for kind, fields in defaults.items()
        },
    }


def _extended_environments_exist(data: Mapping[str, Tree], findings: Findings) -> None:
    environments = _mapping(data.get("environments"))
    for name, part in environments.items():
        where = f"environments.{name}.extends"
        base = _mapping(part).get("extends")
        if isinstance(base, str) and base not in environments:
            others = [other for other in environments if other != name]
            hint = did_you_mean(base, others, noun="environments")
            findings.refuse(where, f"there is no environment {base!r}", hint)
        elif isinstance(base, str):
            chain = _chain(name, lambda other: _mapping(environments.get(other)))
            last = _mapping(environments.get(chain[-1])).get("extends")
            if last == name == min(chain):
                circle = " -> ".join((*chain, name))
                fix = "Remove `extends` from one of them."
                findings.refuse(where, f"the environments extend each other: {circle}", fix)


def _chain(name: str, environment: Callable[[str], Mapping[str, Tree]]) -> tuple[str, ...]:
    """Return `name` and what it extends, up to the first that comes twice."""
    chain = [name]
    base = environment(name).get("extends")
    while isinstance(base, str) and base not in chain and environment(base):
        chain.append(base)
        base = environment(base).get("extends")
    return tuple(chain)


def _under(own: Mapping[str, Tree], base: Mapping[str, Tree]) -> dict[str, Tree]:
    """Return `own` with what only `base` has; mappings in both are merged alike."""
    merged = dict(own)
    for key, value in base.items():
        written = merged.get(key)
        if key not in merged:
            merged[key] = value
        elif isinstance(written, dict) and isinstance(value, dict):
            merged[key] = _under(written, value)
    return merged


def _kinds(tree: Tree) -> Mapping[str, Mapping[str, Tree]]:
    return {kind: _mapping(fields) for kind, fields in _mapping(tree).items()}


def _mapping(tree: Tree) -> Mapping[str, Tree]:
    return tree if isinstance(tree, dict) else {}
