"""What made the steps of two executions differ: settings, code, and the files that went in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orchestrator.local.history import PartChange, changed_parts, known_execution
from orchestrator.local.journal import Journal
from orchestrator.local.lineage import execution_jobs, job_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.definition.json import Json
    from orchestrator.local.home import Home
    from orchestrator.local.store import Store

_CONFIG = "inputs.code/config.json"


def step_differences(
    before: str, after: str, home: Home, store: Store
) -> dict[str, tuple[PartChange, ...]]:
    """Return what differs for each step that got as far as running in both executions.

    A setting of the spec is named as such, `settings.learning_rate`, with both values; files are
    named with their SHA-256. A step that runs no job is left out.

    Raises:
        InputError: If there is no such execution.
    """
    with Journal(home.journal) as journal:
        for execution_id in (before, after):
            known_execution(journal, execution_id)
        parts = [
            {step.name: step.cache_parts for step in journal.steps(one)} for one in (before, after)
        ]
    settings = [_settings(one, home, store) for one in (before, after)]
    found = {}
    for step, old in parts[0].items():
        new = parts[1].get(step)
        if old and new:
            found[step] = changed_parts(
                *_with_settings(old, new, [one.get(step) for one in settings])
            )
    return found


def _settings(execution_id: str, home: Home, store: Store) -> dict[str, dict[str, str]]:
    """Return the settings of each step that succeeded, one name for each value."""
    found = {}
    for job in execution_jobs(execution_id, home):
        settings = job_config(job, store).get("settings")
        if isinstance(settings, Mapping):
            found[job.step] = dict(_leaves("settings", settings))
    return found


def _with_settings(
    old: Mapping[str, str], new: Mapping[str, str], settings: Sequence[Mapping[str, str] | None]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the parts with the settings, if both are known, for the file that holds them."""
    known = [one for one in settings if one is not None]
    if len(known) < len(settings):
        return old, new
    first, second = (
        {**{name: value for name, value in parts.items() if name != _CONFIG}, **one}
        for parts, one in zip((old, new), known, strict=True)
    )
    return first, second


def _leaves(path: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from _leaves(f"{path}.{name}", member)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)
