"""Which models a chat asks, from what a person typed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.commands import executions
from orchestrator.errors import InputError, Problem
from orchestrator.local.conversation import AskedModel
from orchestrator.local.hub import lacks_weights
from orchestrator.local.lineage import Origin, model_uri, origin_of
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from orchestrator.local.home import Home

NO_BASE = "none"
MODEL, BASE = "model", "base"


@dataclass(frozen=True)
class Found:
    """A model on this disk."""

    label: str
    """How a person would name it."""
    folder: Path
    origin: Origin = field(default_factory=Origin)
    under: Path | None = None
    """What it was trained from: the model under it, should it be an adapter."""


@dataclass(frozen=True)
class Cast:
    """The models of a chat: `base`, if there is one, and `model`."""

    model: Found
    base: Found | None

    def asked(self) -> tuple[AskedModel, ...]:
        """Return the models in the order in which they are shown."""
        if self.base is None:
            return (AskedModel(MODEL, self.model.folder, self.model.under),)
        return (
            AskedModel(BASE, self.base.folder, self.base.under),
            AskedModel(MODEL, self.model.folder, self.model.under or self.base.folder),
        )


def find_cast(model: str | None, base: str | None, home: Home) -> Cast:
    """Return the models that the command line means.

    Args:
        model: A registered model, an execution or its step, or a folder; None for the newest.
        base: The same, to compare with; `none` for nothing; None for what the exam compared.
        home: The home they are in.

    Raises:
        InputError: If one is not there.
    """
    found = find(model, home)
    if base is None:
        compared = _with_weights(found.origin.base_uri, home)
        return Cast(found, Found(found.origin.base_label, compared) if compared else None)
    return Cast(found, None if base == NO_BASE else find(base, home))


def find(text: str | None, home: Home) -> Found:
    """Return the model that `text` means; InputError if there is none."""
    if text is None:
        text = _newest(home)
    if _is_folder(text):
        return Found(text, _folder(text))
    if text.partition("/")[0] in {one.group for one in executions.list_models(home)}:
        registered = executions.find_model(text, home)
        label = f"{registered.group}/{registered.version}"
        if not registered.artifacts:
            raise InputError(Problem(label, "it names no weights", "Choose another model."))
        return _from_store(label, registered.artifacts[0], registered.execution_id, home)
    execution, _, step = text.partition("/")
    execution_id = _execution(text, execution, home)
    uri = model_uri(execution_id, step or None, home)
    label = f"{execution_id}/{step}" if step else execution_id
    return _from_store(label, uri, execution_id, home)


def _newest(home: Home) -> str:
    models = executions.list_models(home)
    if models:
        return f"{models[0].group}/{models[0].version}"
    past = executions.list_executions(home)
    if past:
        real = [one.execution_id for one in past if not one.is_smoke]
        return (real or [past[0].execution_id])[0]
    fix = "Make one with `fmo run FILE`, or name a folder that holds one."
    raise InputError(Problem("", f"there is no model in {home.root} yet", fix))


def _execution(text: str, execution: str, home: Home) -> str:
    try:
        return executions.find_execution(execution, home)
    except InputError as error:
        names = [f"{one.group}/{one.version}" for one in executions.list_models(home)]
        what = f"there is no model, execution or folder '{text}' ({home.root})"
        known = f"{', '.join(names[:5])}, " if names else ""
        fix = f"Name {known}EXECUTION/STEP as `fmo runs` lists them, or a folder."
        raise InputError(Problem("", what, fix)) from error


def _is_folder(text: str) -> bool:
    if text.startswith((".", "/", "~")):
        return True
    return any((Path(text) / name).is_file() for name in executions.MODEL_FILES)


def _folder(text: str) -> Path:
    folder = Path(text).expanduser()
    if folder.is_dir():
        return folder.resolve()
    what = "it is a file" if folder.exists() else "there is no such folder"
    raise InputError(Problem(text, what, "Name the folder that holds a model."))


def _from_store(label: str, uri: str, execution_id: str, home: Home) -> Found:
    folder = _stored(uri, home)
    if folder is None:
        what = f"its weights are not in the store any more ({uri})"
        raise InputError(Problem(label, what, "Run the pipeline again, or name another model."))
    if folder.is_file():
        fix = f"Extract it: tar -xf {folder} -C FOLDER, and chat with FOLDER."
        raise InputError(Problem(label, "its weights are an archive", fix))
    origin = origin_of(uri, execution_id, home, Store(home.store))
    return Found(label, folder, origin, _with_weights(origin.trained_from_uri, home))


def _with_weights(uri: str | None, home: Home) -> Path | None:
    """Where the model at `uri` lies on this disk; None if it, or its weights, are not there."""
    if uri and lacks_weights(uri, Store(home.store)):
        return None
    return stored_folder(uri, home)


def stored_folder(uri: str | None, home: Home) -> Path | None:
    """Return where the folder at `uri` lies on this disk; None if it is gone."""
    path = _stored(uri, home)
    return path if path and path.is_dir() else None


def _stored(uri: str | None, home: Home) -> Path | None:
    """Where the folder or archive at `uri` lies on this disk; None if it is gone."""
    paths = [item.path for item in Store(home.store).tree(uri).values()] if uri else []
    if len(paths) == 1 and uri and not uri.endswith("/"):
        return paths[0]
    return Path(os.path.commonpath([path.parent for path in paths])) if paths else None
