"""A model of the Hugging Face hub, fetched by a process that has the hub's library."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.errors import DataError, Problem
from orchestrator.local.script import run_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.local.store import Store

Fetch: TypeAlias = "Callable[[str, str, Path], None]"
"""Downloads a model at a revision into a folder."""
_MIRRORED = re.compile(r"s3://[^/]+/fmo/hub/(?P<id>.+)/(?P<revision>[^/]+)/?")
SCRIPT = Path(__file__).parents[2] / "training_scripts" / "fetch_model.py"


@dataclass(frozen=True)
class HubFile:
    """One file of a model, as the hub tells of it."""

    size_bytes: int
    sha256: str | None = None
    """Of large files."""
    git_sha1: str | None = None
    """Of the others: the id of git's blob."""


@dataclass(frozen=True)
class HubListing:
    """What a model is at a revision."""

    commit: str
    files: Mapping[str, HubFile]


def list_model(model_id: str, revision: str, *, python: str = sys.executable) -> HubListing:
    """Return the commit of `model_id` at `revision`, and the files that a job reads.

    Raises:
        DataError: If the hub does not tell, with the reason that the script gave.
    """
    told = json.loads(_run(model_id, revision, ["--list"], python))
    return HubListing(told["commit"], {name: HubFile(**one) for name, one in told["files"].items()})


def fetch_model(
    model_id: str,
    revision: str,
    folder: Path,
    *,
    weights: bool = True,
    only: str | None = None,
    python: str = sys.executable,
) -> None:
    """Download `model_id` at `revision` into `folder`, with its weights unless `weights` is false.

    Raises:
        DataError: If it cannot be had, with the reason that the script gave.
    """
    options = [f"--output={folder}"]
    options += [] if weights else ["--no-weights"]
    options += [f"--only={only}"] if only else []
    _run(model_id, revision, options, python)


def fetch_description(model_id: str, revision: str, folder: Path) -> None:
    """Download what describes a model: its settings and its tokenizer, a few megabytes.

    Raises:
        DataError: If it cannot be had, with the reason that the script gave.
    """
    fetch_model(model_id, revision, folder, weights=False)


def store_model(
    uri: str, model_id: str, revision: str, store: Store, fetch: Fetch = fetch_model
) -> None:
    """Put a model of the hub into the store below `uri`, unless all of it is there already.

    Raises:
        DataError: If it cannot be had.
    """
    if not is_stored(uri, store):
        _store(uri, store, "complete", lambda folder: fetch(model_id, revision, folder))


def store_description(
    uri: str, model_id: str, revision: str, store: Store, fetch: Fetch = fetch_description
) -> None:
    """Put a model's description below `uri`, which a smoke run needs; whole models stay whole.

    Raises:
        DataError: If it cannot be had.
    """
    if not is_described(uri, store):
        _store(uri, store, "described", lambda folder: fetch(model_id, revision, folder))


def hub_name(uri: str) -> str | None:
    """Return `hf://ID@REVISION` of the model that is mirrored at `uri`; None if none is."""
    found = _MIRRORED.fullmatch(uri)
    if found is None:
        return None
    revision = "" if found["revision"] == "main" else f"@{found['revision']}"
    return f"hf://{found['id']}{revision}"


def is_stored(uri: str, store: Store) -> bool:
    """Return whether all of the model at `uri` is in the store."""
    return store.find(_mark(uri, "complete")) is not None


def is_described(uri: str, store: Store) -> bool:
    """Return whether the settings and the tokenizer of the model at `uri` are in the store."""
    return is_stored(uri, store) or store.find(_mark(uri, "described")) is not None


def lacks_weights(uri: str, store: Store) -> bool:
    """Return whether a smoke run stored the description of a hub's model and no weights."""
    return is_described(uri, store) and not is_stored(uri, store)


def _run(model_id: str, revision: str, options: Sequence[str], python: str) -> str:
    """Return what the script printed."""
    command = [python, str(SCRIPT), f"--revision={revision}", *options, "--", model_id]
    done = run_script(command)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        what, *fix = re.split(r"\. (?=[A-Z])", lines[-1].rstrip("."), maxsplit=1)
        cure = f"{fix[0]}." if fix else ""
        raise DataError(Problem(f"hf://{model_id}@{revision}", what, cure))
    return done.stdout


def _store(uri: str, store: Store, mark: str, fetch: Callable[[Path], None]) -> None:
    with store.scratch() as folder:
        fetch(Path(folder))
        store.upload(Path(folder), uri, give_away=True)
    store.put_bytes(_mark(uri, mark), b"")


def _mark(uri: str, what: str) -> str:
    # Beside the folder, not in it: a job gets what is below `uri`.
    return f"{uri.rstrip('/')}.{what}"
