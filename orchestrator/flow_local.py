"""The path's last part on this machine, as code: a prepared definition becomes a result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.compiler.assets import data_asset
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.files import hash_data
from orchestrator.compiler.origins import field_of_job, fields_naming
from orchestrator.compiler.sources import is_local_path
from orchestrator.compiler.values import hub_uri
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.smoke import SMOKE
from orchestrator.errors import DataError, InputError, Problem, UnsupportedError
from orchestrator.local.hub import is_described, is_stored, store_description, store_model
from orchestrator.local.run import RunOptions, check_definition, resume_execution, run_definition
from orchestrator.local.store import Store
from orchestrator.local.surroundings import surroundings
from orchestrator.results.collect import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orchestrator.compiler.assets import Asset
    from orchestrator.flow import Prepared
    from orchestrator.local.home import Home
    from orchestrator.plan.model import HubModel
    from orchestrator.results.events import Listener
    from orchestrator.results.model import ExecutionResult


@dataclass(frozen=True)
class HowToRun:
    """How a definition runs on this machine, as opposed to what."""

    listener: Listener
    environ: Mapping[str, str]
    """The caller's environment, of which jobs get a few harmless names."""
    workers: int = 2
    """Steps that run at once."""
    use_cache: bool = True


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
    options = RunOptions(environ=how.environ)
    _check_it_can_run(prepared, home, parameters, options)
    home.make()
    store_inputs(prepared, Store(home.store), weights=not smoke)
    result = run_definition(
        prepared.data,
        home,
        pipeline_name=prepared.name,
        parameters=parameters,
        source={**prepared.source, **surroundings()},
        workers=how.workers,
        use_cache=how.use_cache,
        listener=how.listener,
        options=options,
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


def hub_model_uri(model: HubModel, home: Home) -> str | None:
    """Return where the store has a model of the hub, its tokenizer at least; None if it has not."""
    uri = hub_uri(LOCAL.root, model)
    return uri if is_described(uri, Store(home.store)) else None


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
    """Return `result` with what is in its outputs, and where they lie in the store."""
    store = Store(home.store)

    def read(uri: str) -> bytes | None:
        found = store.find(uri)
        return None if found is None else found.path.read_bytes()

    return collect(result, read, store.path)


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


def _smoke_parameters(prepared: Prepared) -> Mapping[str, str]:
    known = {parameter.name for parameter in parse_definition(prepared.data).parameters}
    if SMOKE not in known:
        what = f"the definition has no parameter {SMOKE!r}, which every definition of fmo has"
        raise InputError(Problem("--smoke", what, "Leave it out, or compile the spec anew."))
    return {SMOKE: "true"}


def _check_it_can_run(
    prepared: Prepared, home: Home, parameters: Mapping[str, str], options: RunOptions
) -> None:
    hub_uris = (hub.uri for hub in prepared.hub_models)
    arriving = [*(asset.uri for asset in prepared.assets), *hub_uris]
    try:
        check_definition(prepared.data, home, parameters, arriving=arriving, options=options)
    except (DataError, UnsupportedError) as error:
        raise type(error)(_in_the_spec(prepared, error.problems)) from error


def _in_the_spec(prepared: Prepared, problems: Iterable[Problem]) -> Sequence[Problem]:
    """Return a backend's problems at the fields and lines of the spec that they come from."""
    if prepared.plan is None or prepared.loaded is None:
        return tuple(problems)
    findings = prepared.loaded.findings(prepared.file)
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
