"""Plan to definition: pure, the same bytes each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.compiler.assets import Asset, code_asset, data_asset
from orchestrator.compiler.context import Context
from orchestrator.compiler.job import config_json
from orchestrator.compiler.kinds.bedrock import data_settings
from orchestrator.compiler.new_rows import known_rows_assets
from orchestrator.compiler.parameters import compile_parameter
from orchestrator.compiler.step_code import CONFIG
from orchestrator.compiler.steps import compile_steps
from orchestrator.compiler.tracking import tracking_settings
from orchestrator.compiler.values import hub_uri
from orchestrator.definition.expressions import Get
from orchestrator.definition.model import Definition, definition_bytes
from orchestrator.definition.smoke import PARAMETERS as SMOKE_PARAMETERS
from orchestrator.plan.kinds import LOCAL_MODEL
from orchestrator.plan.model import ApprovedModel, HubModel
from orchestrator.plan.registry import CHAMPION, gated_champion_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.compiler.environment import Environment
    from orchestrator.compiler.sources import Sources
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import Plan, PlannedStep


@dataclass(frozen=True)
class HubAsset:
    """A model of the Hugging Face hub that must stand at `uri` before the definition runs."""

    uri: str
    """`s3://BUCKET/fmo/hub/ID/REVISION/`."""
    model: HubModel


@dataclass(frozen=True)
class Compiled:
    """A definition, and what must be stored before it can run."""

    definition: Definition
    json: bytes
    """The definition as `fmo compile` writes it: UTF-8, one line feed at the end."""
    assets: tuple[Asset, ...]
    """Sorted by URI, each once."""
    hub_models: tuple[HubAsset, ...] = ()
    """Models to fetch from the hub; sorted by URI, each once."""


def compile_plan(plan: Plan, environment: Environment, sources: Sources) -> Compiled:
    """Return the definition of `plan` in `environment`, with the assets it names.

    Args:
        plan: What to compile.
        environment: Where it will run.
        sources: What `gather_sources` read for this plan and this environment.

    Raises:
        SpecError: If the catalogue has no image for a step in the environment's region, or too
            many gates lie inside one another.
    """
    code = _code_assets(plan, environment, sources)
    data = {path: data_asset(environment.bucket, files) for path, files in sources.data.items()}
    context = Context(
        plan=plan,
        environment=environment,
        steps={step.name: step for step in plan.steps},
        scripts={name: found.script for name, found in sources.code.items()},
        code_uris={name: asset.uri for name, asset in code.items()},
        data_uris={path: asset.uri for path, asset in data.items()},
    )
    definition = Definition(
        parameters=(
            *(compile_parameter(context, name, spec) for name, spec in plan.parameters.items()),
            *SMOKE_PARAMETERS,
        ),
        steps=compile_steps(context),
        metadata={},
        experiment_config={
            "ExperimentName": Get("Execution.PipelineName"),
            "TrialName": Get("Execution.PipelineExecutionId"),
        },
    )
    return Compiled(
        definition,
        definition_bytes(definition),
        _sorted_once([*code.values(), *data.values(), *known_rows_assets(context)]),
        _hub_assets(context),
    )


def _code_assets(plan: Plan, environment: Environment, sources: Sources) -> Mapping[str, Asset]:
    assets = {}
    for step in plan.steps:
        code = sources.code.get(step.name)
        if code:
            more = {
                **tracking_settings(step.spec, plan.name, sources.folder),
                **data_settings(step.spec),
                **_champion_settings(plan, step),
            }
            files = {**code.files, CONFIG: config_json(step, code.script, more)}
            assets[step.name] = code_asset(environment.bucket, files)
    return assets


def _champion_settings(plan: Plan, step: PlannedStep) -> dict[str, Json]:
    """Which metrics must be there although there may be no champion: those that gates read."""
    if not isinstance(step.inputs.get(CHAMPION), ApprovedModel):
        return {}
    names = gated_champion_metrics(plan.steps, step.name)
    return {"champion_metrics": list(names)} if names else {}


def _sorted_once(assets: Iterable[Asset]) -> tuple[Asset, ...]:
    by_uri = {asset.uri: asset for asset in assets}
    return tuple(by_uri[uri] for uri in sorted(by_uri))


def _hub_assets(context: Context) -> tuple[HubAsset, ...]:
    models = {
        hub_uri(context.root, source): source
        for step in context.plan.steps
        for channel, source in step.inputs.items()
        if isinstance(source, HubModel) and (channel != LOCAL_MODEL or context.environment.local)
    }
    return tuple(HubAsset(uri, models[uri]) for uri in sorted(models))
