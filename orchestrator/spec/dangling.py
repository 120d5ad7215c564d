"""References to steps and parameters that are not there, in a spec with other problems too.

The plan checks references for good, but it needs a whole spec; this lets one report hold both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.spec.findings import join_path
from orchestrator.spec.models import reference_fields, step_models
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.spec.composer import Tree
    from orchestrator.spec.findings import Findings

ALSO_HOLD_REFERENCES = ("arguments", "conditions", "hyperparameters")
"""Fields of other types, in which a reference is one value of several that are allowed."""
REFERENCE = re.compile(r"\$([A-Za-z0-9][A-Za-z0-9_-]*)(?:\.([^\s$]*[^\s$.]))?")
NOT_STEPS = frozenset(("params", "secrets", "execution", "registry"))


def no_such_step(
    name: str, steps: Iterable[str], parameters: Iterable[str] = ()
) -> tuple[str, str]:
    """Return what is wrong and what to write, where a step is named that is not there."""
    meant = f"For the parameter write '$params.{name}'." if name in set(parameters) else ""
    return f"there is no step {name!r}", meant or did_you_mean(name, steps, noun="steps")


def refuse_dangling(data: Mapping[str, Tree], findings: Findings) -> None:
    """Refuse every reference to a step that `data` does not hold."""
    steps = data.get("steps")
    if not isinstance(steps, dict):
        return
    parameters = data.get("parameters")
    known = list(parameters) if isinstance(parameters, dict) else []
    for name, step in steps.items():
        where = f"steps.{name}"
        for path, read in _steps_named(step, where) if isinstance(step, dict) else ():
            if read not in steps:
                findings.refuse(path, *no_such_step(read, steps, known))


def _steps_named(step: dict[str, Tree], where: str) -> Iterator[tuple[str, str]]:
    models = step_models().values()
    fields = frozenset().union(ALSO_HOLD_REFERENCES, *map(reference_fields, models))
    for key in sorted(fields):
        for path, text in _texts(step.get(key), join_path(where, key)):
            match = REFERENCE.fullmatch(text)
            if match and match[1] not in NOT_STEPS:
                yield path, match[1]
    after = step.get("after")
    for name in after if isinstance(after, list) else ():
        if isinstance(name, str):
            yield f"{where}.after", name


def _texts(tree: Tree, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from _texts(value, join_path(path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _texts(value, join_path(path, index))
