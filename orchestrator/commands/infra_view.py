"""What happens to the stacks of an environment: as a table, line by line, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from orchestrator.aws.infra import project_lines
from orchestrator.aws.templates import PARTS, load_template
from orchestrator.results.figures import plural, shortened
from orchestrator.results.tables import new_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from orchestrator.aws.infra import PartPlan
    from orchestrator.aws.stacks import StackEvent
    from orchestrator.commands.terminal import Output
    from orchestrator.results.model import Json

STYLES = {"Add": "green", "Modify": "yellow", "Remove": "red"}
WORDS = {"create": "make", "update": "change", "none": "no change"}
ENDS = ("_COMPLETE", "_FAILED")
ROOM = 200
"""Characters of a reason."""


def plan_parts(plans: Sequence[PartPlan]) -> Iterator[RenderableType]:
    """Yield a line for each part, and a table of what happens to its resources."""
    for plan in plans:
        yield Text(f"{plan.part:<12} {WORDS[plan.action]}: stack {plan.request.name}", style="bold")
    changes = [(plan.part, change) for plan in plans for change in plan.changes]
    if not changes:
        return
    table = new_table(plural(len(changes), "resource"))
    for column in ("part", "change", "resource", "type"):
        table.add_column(column, overflow="fold")
    for part, change in changes:
        word = "Replace" if change.replacement else change.action
        style = "bold red" if change.replacement else STYLES.get(change.action, "")
        kind = change.type.removeprefix("AWS::")
        table.add_row(part, Text(word.lower(), style=style), change.logical_id, kind)
    yield table


def listener(output: Output) -> Callable[[str, StackEvent], None]:
    """Return what tells people of each resource that is done, or is not."""

    def tell(part: str, event: StackEvent) -> None:
        if not event.status.endswith(ENDS):
            return
        failed = event.status.endswith("_FAILED")
        reason = f": {shortened(' '.join(event.reason.split()), ROOM)}" if failed else ""
        status = event.status.lower().replace("_", " ")
        line = f"{part:<12} {event.logical_id} {status}{reason}"
        output.say(line, "red" if failed else "dim")

    return tell


def output_lines(outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield what is there and has no key of `fmo.yaml`, by the name of its output."""
    known = {name for part in PARTS for name in load_template(part).keys}
    made = {name for part in PARTS for name in load_template(part).content["Outputs"]}
    yield from (f"{name}  {outputs[name]}" for name in sorted(made - known) if name in outputs)


def project_text(env: str, outputs: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of `fmo.yaml` that name what is there."""
    yield "environments:"
    yield f"  {env}:"
    for key, value in project_lines(outputs).items():
        yield f"    {key}: {json.dumps(value) if isinstance(value, list) else value}"


def kept_text(env: str, stays: Mapping[str, str]) -> Iterator[str]:
    """Yield how to use again what was kept."""
    if stays:
        yield "# to use again what was kept:"
        yield "environments:"
        yield f"  {env}:"
        yield "    infra:"
        yield "      parameters:"
        yield from (f"        {name}: {value}" for name, value in stays.items())


def plan_to_json(plans: Sequence[PartPlan], env: str, region: str) -> dict[str, Json]:
    """Return everything that would change, as one document."""
    return {
        "environment": env,
        "region": region,
        "parts": [
            {
                "part": plan.part,
                "stack_name": plan.request.name,
                "action": plan.action,
                "parameters": dict(plan.request.parameters),
                "changes": [asdict(change) for change in plan.changes],
            }
            for plan in plans
        ],
    }
