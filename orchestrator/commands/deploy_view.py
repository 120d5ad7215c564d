"""What a deployment would change, as lines, as text in colour and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from rich.text import Text

from orchestrator.aws.needs import needs_of
from orchestrator.catalog.instances import LOCAL_STORAGE_FAMILIES, family
from orchestrator.definition.reader import parse_definition
from orchestrator.results.figures import plural, shortened

if TYPE_CHECKING:
    from orchestrator.aws.deploy import DeploymentPlan
    from orchestrator.aws.triggers import TriggerPlan
    from orchestrator.definition.changes import Change
    from orchestrator.results.model import Json

SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}
ROOM = 60
"""Characters of a value."""


def plan_lines(plan: DeploymentPlan, env: str, region: str) -> list[str]:
    """Return where it goes, what is stored and what happens to the pipeline."""
    deployment = plan.deployment
    count, size = len(plan.uploads), sum(upload.size_bytes for upload in plan.uploads)
    stored = f"{plural(count, 'file')}, {size:,} bytes" if count else "nothing"
    lines = [
        f"environment  {env}: account {plan.caller.account}, {region}",
        f"store        {stored} in s3://{deployment.bucket}",
        f"pipeline     {deployment.pipeline_name}: {_action(plan)}",
    ]
    lines[2:2] = [f"hub          {text}" for text in _models(plan)]
    lines += [f"volume       {text}" for text in _volumes(plan)]
    if plan.tags:
        lines.append(f"tags         {', '.join(f'{k}={v}' for k, v in plan.tags.items())}")
    return [*lines, *map(_trigger_line, plan.triggers)]


def all_changes(plan: DeploymentPlan) -> list[Change]:
    """Return what differs in the definition, then in each trigger, below its name."""
    below = [
        replace(change, path=f"{one.trigger.name}.{change.path}")
        for one in plan.triggers
        for change in one.changes
    ]
    return [*plan.changes, *below]


def change_text(change: Change) -> Text:
    """Return one difference as a line, in its colour."""
    sign, style = SIGNS[change.kind]
    text = Text(f"{sign} {change.path}", style=style)
    if change.kind == "changed":
        text.append(f": {_brief(change.before)} -> {_brief(change.after)}", style="none")
    return text


def plan_to_json(plan: DeploymentPlan, env: str, region: str) -> dict[str, Json]:
    """Return everything that would change, as one document."""
    deployment = plan.deployment
    return {
        "environment": env,
        "account": plan.caller.account,
        "region": region,
        "pipeline_name": deployment.pipeline_name,
        "definition_hash": deployment.digest,
        "action": plan.action,
        "changes": [asdict(change) for change in all_changes(plan)],
        "triggers": [
            {"name": one.trigger.name, "action": one.action, "is_paused": one.is_paused}
            for one in plan.triggers
        ],
        "uploads": [{"uri": one.uri, "size_bytes": one.size_bytes} for one in plan.uploads],
        "models": [{"uri": one.uri, "size_bytes": one.size_bytes} for one in plan.models],
        "tags": dict(plan.tags),
        "is_foreign": plan.is_foreign,
    }


def _trigger_line(plan: TriggerPlan) -> str:
    trigger, said = plan.trigger, str(plan.action)
    if plan.action == "none":
        said = "no change"
    elif plan.action == "update":
        said = f"update, {plural(len(plan.changes), 'change')}"
    expression = trigger.request.get("ScheduleExpression")
    when = f" {expression} {trigger.request['ScheduleExpressionTimezone']}" if expression else ""
    paused = ", paused" if plan.is_paused else ""
    return f"{trigger.kind:<13}{trigger.name}{when}: {said}{paused}"


def _action(plan: DeploymentPlan) -> str:
    if plan.action == "create":
        return "create"
    if plan.action == "none":
        return "no change"
    what = plural(len(plan.changes), "change") if plan.changes else "its role"
    return f"update, {what}{', though fmo did not make it' if plan.is_foreign else ''}"


def _models(plan: DeploymentPlan) -> list[str]:
    """Return a line for each model of which something has to be fetched and stored."""
    lines = []
    for model in plan.deployment.models:
        files = [one for one in plan.models if one.model is model]
        size = sum(one.size_bytes for one in files)
        if files:
            what = f"{plural(len(files), 'file')}, {size:,} bytes to fetch and store"
            lines.append(f"{model.model_id}@{model.commit[:12]}: {what}")
    return lines


def _volumes(plan: DeploymentPlan) -> list[str]:
    """Return a line for each job whose disk the environment's key does not encrypt."""
    if plan.deployment.kms_key_id is None:
        return []
    needs = needs_of(parse_definition(plan.deployment.definition), {})
    return [
        f"{one.step}: no kms_key_id, {kind} encrypts its NVMe disk by itself"
        for one in needs.instances
        for kind in one.types
        if family(kind) in LOCAL_STORAGE_FAMILIES
    ]


def _brief(value: Json) -> str:
    return shortened(json.dumps(value, ensure_ascii=False), ROOM)
