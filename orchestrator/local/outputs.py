"""What a job wrote: stored, and the numbers in it read."""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.local.files import naming_full_disks, temporary_file, write_whole
from orchestrator.local.keys import parse_uri
from orchestrator.local.store import files_below

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.definition.json import Json
    from orchestrator.local.job_plan import JobOutput, JobPlan
    from orchestrator.local.store import Store

STORED_FILE = "stored.json"
_READ_BYTES = 16 * 2**20
_SAMPLES = 200


@dataclass(frozen=True)
class Findings:
    """What a job's outputs say about it."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Mapping[str, Json], ...] = ()
    table: Json = None
    samples: tuple[Mapping[str, Json], ...] = ()


def store_outputs(plan: JobPlan, folder: Path, store: Store) -> list[str]:
    """Store all outputs of the job in `folder`; return the objects' URIs.

    What an earlier, interrupted attempt of the step stored is removed unless it is replaced.
    """
    wanted = {
        uri: (output, path)
        for output in plan.outputs
        for uri, path in _objects(output, folder / output.path).items()
    }
    stale = _stored_before(folder) - set(wanted)
    if wanted or stale:
        write_whole(folder / STORED_FILE, json.dumps(sorted(wanted)).encode())
    for uri in sorted(stale):
        store.delete(uri)
    for uri, (output, path) in wanted.items():
        if output.is_archive:
            _store_archive(uri, path, store)
        else:
            store.put_file(uri, path, give_away=True)
    return list(wanted)


def read_findings(plan: JobPlan, folder: Path) -> Findings:
    """Return what `metrics.json`, `trainer_log.jsonl` and their like in the outputs say."""
    found = Findings()
    for output in plan.outputs:
        top = folder / output.path
        found = Findings(
            metrics=found.metrics or _metrics(top / "metrics.json"),
            history=found.history or _rows(top / "trainer_log.jsonl"),
            table=found.table or _document(top / "table.json"),
            samples=found.samples or _rows(top / "samples.jsonl")[:_SAMPLES],
        )
    return found


def _objects(output: JobOutput, folder: Path) -> dict[str, Path]:
    files = files_below(folder) if folder.is_dir() else {}
    if output.is_archive:
        return {output.uri: folder} if files or not output.optional else {}
    base = parse_uri(output.uri)
    return {base.below(relative).uri: path for relative, path in files.items()}


def _stored_before(folder: Path) -> set[str]:
    return {
        uri
        for attempt in folder.parent.glob(f"*/{STORED_FILE}")
        for uri in json.loads(attempt.read_bytes())
    }


def _store_archive(uri: str, folder: Path, store: Store) -> None:
    with temporary_file(folder.parent) as archive, naming_full_disks(archive):
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            for relative, path in files_below(folder).items():
                tar.add(path, arcname=relative, recursive=False)
        store.put_file(uri, archive, give_away=True)


def _metrics(path: Path) -> dict[str, float]:
    document = _document(path)
    if not isinstance(document, Mapping):
        return {}
    numbers = {name: value for name, value in document.items() if isinstance(value, int | float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def _document(path: Path) -> Json:
    text = _text(path)
    try:
        document: Json = json.loads(text) if text else None
    except ValueError:
        return None
    return document


def _rows(path: Path) -> tuple[Mapping[str, Json], ...]:
    try:
        rows = [json.loads(line) for line in _text(path).splitlines() if line.strip()]
    except ValueError:
        return ()
    return tuple(row for row in rows if isinstance(row, dict))


def _text(path: Path) -> str:
    """Return the text of a small file; nothing if there is none or it is too large to show."""
    if not path.is_file() or path.stat().st_size > _READ_BYTES:
        return ""
    return path.read_text("utf-8", "replace")
