"""Other tools' spellings of a field to ours, before anything is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.spec.findings import join_path
from orchestrator.spec.models import aliases_of, step_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.spec.composer import Tree
    from orchestrator.spec.fields import SpecModel
    from orchestrator.spec.findings import Findings

NO_KINDS: Mapping[str, str] = {}


def rename_aliases(
    data: dict[str, Tree], findings: Findings, kinds: Mapping[str, str] = NO_KINDS
) -> dict[str, Tree]:
    """Return `data` with canonical names in every step; two spellings at once are refused.

    Args:
        data: A spec.
        findings: Where problems go.
        kinds: Step to kind, where the step itself does not say.
    """
    steps = data.get("steps")
    if not isinstance(steps, dict):
        return data
    renamed: dict[str, Tree] = {
        name: _rename_step(step, step.get("kind", kinds.get(name)), f"steps.{name}", findings)
        if isinstance(step, dict)
        else step
        for name, step in steps.items()
    }
    return {**data, "steps": renamed}


def rename_fields(
    fields: dict[str, Tree], model: type[SpecModel], where: str, findings: Findings
) -> dict[str, Tree]:
    """Return `fields` with the names that `model` gives them; two spellings are refused."""
    aliases = aliases_of(model)
    renamed: dict[str, Tree] = {}
    written: dict[str, str] = {}
    for key, value in fields.items():
        name = aliases.get(key, key)
        if name in renamed:
            findings.refuse(
                join_path(where, key),
                f"'{written[name]}' and '{key}' mean the same",
                f"Keep '{name}' and remove the other.",
            )
            continue
        renamed[name], written[name] = value, key
        line = findings.lines.get(join_path(where, key))
        if line is not None:
            findings.lines.setdefault(join_path(where, name), line)
    return renamed


def _rename_step(
    step: dict[str, Tree], kind: Tree, where: str, findings: Findings
) -> dict[str, Tree]:
    model = step_models().get(kind) if isinstance(kind, str) else None
    return step if model is None else rename_fields(step, model, where, findings)
