"""The path, as code. Read this first: spec, plan, definition, backend, results, in that order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.assets import data_asset
from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL, Environment, NamedEnvironment, environment_of
from orchestrator.compiler.files import hash_data
from orchestrator.compiler.origins import field_of_job, fields_naming, spec_path, step_of
from orchestrator.compiler.policy import refuse_what_policy_forbids
from orchestrator.compiler.sources import gather_sources, is_local_path
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.smoke import SMOKE
from orchestrator.definition.validation import validate
from orchestrator.errors import (
    DataError,
    DefinitionError,
    InputError,
    Problem,
    SpecError,
    UnsupportedError,
)
from orchestrator.local.hub import is_described, is_stored, store_description, store_model
from orchestrator.local.run import RunOptions, check_definition, resume_execution, run_definition
from orchestrator.local.store import Store
from orchestrator.plan.build import build_plan
from orchestrator.plan.secrets import no_secret_stands_in
from orchestrator.results.collect import collect
from orchestrator.spec.findings import Findings, line_of
from orchestrator.spec.load import load_spec_with_lines
from orchestrator.spec.project_file import find_project
from orchestrator.spec.reader import decode_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.compile import Compiled, HubAsset
    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition
    from orchestrator.local.home import Home
    from orchestrator.plan.model import Plan
    from orchestrator.results.events import Listener
    from orchestrator.results.model import ExecutionResult
    from orchestrator.spec.load import LoadedSpec
    from orchestrator.spec.project_load import Project

MAX_FILE_BYTES = 10 * 2**20
"""Of a spec or a definition; SageMaker takes definitions up to 1 MB directly."""


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
    source: Mapping[str, Json] = field(default_factory=dict)
    """The receipt: what this was made from."""


@dataclass(frozen=True)
class HowToRun:
    """How a definition runs on this machine, as opposed to what."""

    listener: Listener
    environ: Mapping[str, str]
    """The caller's environment, of which jobs get a few harmless names."""
    workers: int = 2
    """Steps that run at once."""
    use_cache: bool = True


def plan_file(
    path: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[Plan, tuple[Problem, ...]]:
    """Return the plan of the spec at `path` with the defaults of `env`, and warnings."""
    loaded, _ = load_file(path, overrides, env)
    return build_plan(loaded.spec, file=path, lines=loaded.lines, origins=loaded.origins)


def compile_file(
    path: Path, overrides: Mapping[str, str], target: Environment | NamedEnvironment = LOCAL
) -> Prepared:
    """Return the definition of the spec at `path`, validated against the service's own shapes."""
    env = target.name if isinstance(target, NamedEnvironment) else None
    loaded, project = load_file(path, overrides, env)
    environment = target if isinstance(target, Environment) else environment_of(target, project)
    plan, warnings = build_plan(loaded.spec, file=path, lines=loaded.lines, origins=loaded.origins)
    findings = loaded.findings(path)
    if not environment.local:
        refuse_what_policy_forbids(plan, environment, project, findings)
    compiled = _compile(plan, path, environment, findings)
    return Prepared(
        data=compiled.json,
        name=plan.name,
        warnings=warnings,
        assets=compiled.assets,
        hub_models=compiled.hub_models,
        plan=plan,
        loaded=loaded,
        source={"spec": str(path), "overrides": dict(overrides), "environment": environment.name},
    )


def read_definition(path: Path) -> Prepared:
    """Return the definition JSON at `path`, ours or anyone's, validated."""
    data = read_text(path).encode()
    try:
        definition = parse_definition(data)
    except InputError as error:
        raise type(error)(replace(problem, file=path) for problem in error.problems) from error
    _refuse_invalid(definition, path)
    return Prepared(data=data, name=path.stem, source={"definition": str(path)})


def prepare_file(path: Path, overrides: Mapping[str, str], env: str | None = None) -> Prepared:
    """Return what is to run, from a spec or from a definition JSON."""
    if not _is_definition(path):
        return compile_file(path, overrides, LOCAL if env is None else NamedEnvironment(env))
    option = "--set" if overrides else "--env"
    if overrides or env is not None:
        fix = f"Leave {option} out, or give the spec that the definition was compiled from."
        what = f"{option} changes a spec, and {path.name} is a pipeline definition"
        raise InputError(Problem("", what, fix))
    return read_definition(path)


def run_prepared(
    prepared: Prepared,
    home: Home,
    *,
    parameters: Mapping[str, str],
    how: HowToRun,
    smoke: bool = False,
) -> ExecutionResult:
    """Run a definition on this machine and return how it went.

    Args:
        prepared: What to run.
        home: Where store and journal are.
        parameters: Parameter name to value, as text.
        how: How to run it.
        smoke: Try it in minutes: few rows and steps, tiny models, gates that only report.

    Raises:
        InputError: If it cannot run here, or `smoke` is asked of a definition without smoke runs.
    """
    if smoke:
        parameters = {**parameters, **_smoke_parameters(prepared)}
    parameters, given = _parameters_as_uris(parameters, prepared)
    prepared = replace(prepared, assets=(*prepared.assets, *given))
    _check_it_can_run(prepared, home, parameters)
    home.make()
    store_inputs(prepared, Store(home.store), weights=not smoke)
    result = run_definition(
        prepared.data,
        home,
        pipeline_name=prepared.name,
        parameters=parameters,
        source=prepared.source,
        workers=how.workers,
        use_cache=how.use_cache,
        listener=how.listener,
        options=RunOptions(environ=how.environ),
    )
    return with_outputs(result, home)


def models_to_fetch(prepared: Prepared, home: Home, *, weights: bool = True) -> tuple[str, ...]:
    """Return the models of the hub that `prepared` needs and that have yet to be downloaded."""
    store = Store(home.store)
    is_there = is_stored if weights else is_described
    return tuple(
        f"hf://{hub.model.model_id}@{hub.model.revision}"
        for hub in prepared.hub_models
        if not is_there(hub.uri, store)
    )


def resume(execution_id: str, home: Home, how: HowToRun) -> ExecutionResult:
    """Go on with an execution that was stopped, killed or failed; return how it went."""
    result = resume_execution(
        execution_id,
        home,
        workers=how.workers,
        use_cache=how.use_cache,
        listener=how.listener,
        options=RunOptions(environ=how.environ),
    )
    return with_outputs(result, home)


def with_outputs(result: ExecutionResult, home: Home) -> ExecutionResult:
    """Return `result` with metrics, loss history, comparisons and samples read from the store."""
    store = Store(home.store)

    def read(uri: str) -> bytes | None:
        found = store.find(uri)
        return None if found is None else found.path.read_bytes()

    return collect(result, read)


def store_inputs(prepared: Prepared, store: Store, *, weights: bool = True) -> None:
    """Put the code, the local data and the hub's models that a definition names into the store.

    Of the models, without `weights`, only what describes them.

    Raises:
        DataError: For every model that the hub does not give, before any weights are fetched.
    """
    _store_models(prepared, store, store_description)
    for asset in prepared.assets:
        _store_asset(asset, store)
    if weights:
        _store_models(prepared, store, store_model)


def read_text(path: Path) -> str:
    """Return the text of a spec file.

    Raises:
        SpecError: If there is none, it is too large to be a spec, may not be read, or is not UTF-8.
    """
    try:
        _check_size(path)
        return decode_utf8(path.read_bytes(), file=path)
    except OSError as error:
        what = f"it cannot be read: {(error.strerror or str(error)).lower()}"
        raise SpecError(Problem("", what, "Check who may read it.", file=path)) from error


def load_file(
    path: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[LoadedSpec, Project]:
    """Return the spec at `path` with the defaults of its project, and the project.

    Raises:
        InputError: With every problem of the project file, else of the spec; or of `env`.
    """
    if _is_definition(path):
        fix = "Give the spec that it was compiled from."
        raise SpecError(Problem("", "this is a pipeline definition, not a spec", fix, file=path))
    text, project = read_text(path), find_project(path)
    no_secret_stands_in(project)
    layers = project.layers(env)
    return load_spec_with_lines(text, file=path, overrides=overrides, layers=layers), project


def _compile(plan: Plan, path: Path, environment: Environment, findings: Findings) -> Compiled:
    """Return the compiled plan; what is wrong is told in the words and lines of the spec."""
    try:
        compiled = compile_plan(plan, environment, gather_sources(plan, path.parent, environment))
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
            line = (line_of(findings.lines, f"steps.{step}") or None) if step else None
            rest.append(replace(problem, file=path, line=line))
    if rest:
        raise DefinitionError((*findings.in_order(), *rest))
    findings.raise_problems()
    return compiled


def _refuse_invalid(definition: Definition, path: Path) -> None:
    problems = validate(definition, load_shapes())
    if problems:
        raise DefinitionError(replace(problem, file=problem.file or path) for problem in problems)


def _check_size(path: Path) -> None:
    if path.is_dir():
        raise SpecError(Problem("", f"'{path}' is a folder", "Name the spec in it."))
    if not path.exists():
        raise SpecError(Problem("", f"there is no file '{path}'", "Check the path."))
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        what = (
            f"the file has {size / 2**20:.0f} MB, more than the {MAX_FILE_BYTES // 2**20} allowed"
        )
        fix = "Put data in files of their own and name them as inputs."
        raise SpecError(Problem("", what, fix, file=path))


def _is_definition(path: Path) -> bool:
    if path.suffix != ".json":
        return False
    try:
        document = json.loads(read_text(path))
    except ValueError:
        return False  # The spec's reader says where it stops being JSON.
    return isinstance(document, dict) and "Version" in document and "Steps" in document


def _smoke_parameters(prepared: Prepared) -> Mapping[str, str]:
    known = {parameter.name for parameter in parse_definition(prepared.data).parameters}
    if SMOKE not in known:
        what = f"the definition has no parameter {SMOKE!r}, which every definition of fmo has"
        raise InputError(Problem("--smoke", what, "Leave it out, or compile the spec anew."))
    return {SMOKE: "true"}


def _check_it_can_run(prepared: Prepared, home: Home, parameters: Mapping[str, str]) -> None:
    hub_uris = (hub.uri for hub in prepared.hub_models)
    arriving = [*(asset.uri for asset in prepared.assets), *hub_uris]
    try:
        check_definition(prepared.data, home, parameters, arriving=arriving)
    except (DataError, UnsupportedError) as error:
        raise type(error)(_in_the_spec(prepared, error.problems)) from error


def _in_the_spec(prepared: Prepared, problems: Iterable[Problem]) -> Sequence[Problem]:
    """Return a backend's problems at the fields and lines of the spec that they come from."""
    if prepared.plan is None or prepared.loaded is None:
        return tuple(problems)
    findings = prepared.loaded.findings(Path(str(prepared.source["spec"])))
    for problem in problems:
        findings.refuse(field_of_job(problem.where, prepared.plan), problem.what, problem.fix)
    return findings.in_order()


def _store_models(
    prepared: Prepared, store: Store, put: Callable[[str, str, str, Store], None]
) -> None:
    problems: list[Problem] = []
    for hub in prepared.hub_models:
        try:
            put(hub.uri, hub.model.model_id, hub.model.revision, store)
        except DataError as error:
            named = fields_naming(prepared.plan, hub.model) if prepared.plan else []
            where = named[0] if named else ""
            also = f" The same model stands in {' and '.join(named[1:])}." if named[1:] else ""
            problems += [
                replace(problem, where=where or problem.where, fix=problem.fix + also)
                for problem in error.problems
            ]
    if problems:
        raise DataError(_in_the_spec(prepared, problems))


def _parameters_as_uris(
    parameters: Mapping[str, str], prepared: Prepared
) -> tuple[Mapping[str, str], tuple[Asset, ...]]:
    """Return URIs in place of the files that `--param Name=./path` names, and those files."""
    stored, assets = dict(parameters), []
    for name, value in parameters.items():
        known = prepared.plan.parameters.get(name) if prepared.plan else None
        if known is not None and known.type == "S3Uri" and is_local_path(value):
            asset = data_asset(LOCAL.bucket, hash_data(Path(value), f"--param {name}"))
            assets.append(asset)
            stored[name] = asset.uri
    return stored, tuple(assets)


def _store_asset(asset: Asset, store: Store) -> None:
    for path, content in asset.files.items():
        uri = asset.uri + path
        if store.find(uri) is not None:  # The URI holds the hash of what is in it.
            continue
        if isinstance(content, bytes):
            store.put_bytes(uri, content)
        else:
            store.put_file(uri, content)
