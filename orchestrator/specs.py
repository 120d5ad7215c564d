"""Specs as they are read: from a file or a program, with the `fmo.yaml` that they belong to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.compiler.lock import LockFile, lock_path, parse_lock
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.secrets import no_secret_stands_in
from orchestrator.spec.load import check_spec, read_spec
from orchestrator.spec.project_file import find_project
from orchestrator.spec.reader import decode_utf8

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.spec.load import LoadedSpec, Written
    from orchestrator.spec.project_load import Project

MAX_FILE_BYTES = 10 * 2**20
"""Of a spec or a definition; SageMaker takes definitions up to 1 MB directly."""


def load_file(
    path: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[LoadedSpec, Project]:
    """Return the spec at `path` with the defaults of its project, and the project.

    Raises:
        InputError: With every problem of the project file, else of the spec; or of `env`.
    """
    text, project = _read_spec_text(path), find_project(path)
    no_secret_stands_in(project)
    layers = project.layers(env)
    return check_spec(read_spec(text, file=path), overrides=overrides, layers=layers), project


def load_written(
    written: Written, folder: Path, overrides: Mapping[str, str], env: str | None = None
) -> tuple[LoadedSpec, Project]:
    """Return a spec that a program wrote with the defaults of the project of `folder`, and that.

    Raises:
        InputError: With every problem of the project file, else of the spec; or of `env`.
    """
    project = find_project(folder / "spec")
    no_secret_stands_in(project)
    return check_spec(written, overrides=overrides, layers=project.layers(env)), project


def read_file(path: Path) -> Written:
    """Return what the spec at `path` says, before defaults, overrides and checks."""
    return read_spec(_read_spec_text(path), file=path)


def find_lock(spec: Path) -> LockFile | None:
    """Return the lock beside the spec at `spec`; None if it has none.

    Raises:
        SpecError: If the file there is no lock.
    """
    path = lock_path(spec)
    return LockFile(path, parse_lock(read_text(path), path)) if path.exists() else None


def is_definition(path: Path) -> bool:
    """Return whether the file at `path` is a pipeline definition, not a spec."""
    if path.suffix != ".json":
        return False
    try:
        document = json.loads(read_text(path))
    except ValueError:
        return False  # The spec's reader says where it stops being JSON.
    return isinstance(document, dict) and "Version" in document and "Steps" in document


def read_text(path: Path) -> str:
    """Return the text of a spec or a definition.

    Raises:
        SpecError: If there is none, it is too large to be a spec, may not be read, or is not UTF-8.
    """
    try:
        _check_size(path)
        return decode_utf8(path.read_bytes(), file=path)
    except OSError as error:
        what = f"it cannot be read: {(error.strerror or str(error)).lower()}"
        raise SpecError(Problem("", what, "Check who may read it.", file=path)) from error


def _read_spec_text(path: Path) -> str:
    if is_definition(path):
        fix = "Give the spec that it was compiled from."
        raise SpecError(Problem("", "this is a pipeline definition, not a spec", fix, file=path))
    return read_text(path)


def _check_size(path: Path) -> None:
    if path.is_dir():
        raise SpecError(Problem("", f"'{path}' is a folder", "Name the spec in it."))
    if not path.exists():
        raise SpecError(Problem("", f"there is no file '{path}'", "Check the path."))
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        what = (
            f"the file has {size / 2**20:.0f} MB, more than the {MAX_FILE_BYTES // 2**20} allowed"
        )
        fix = "Put data in files of their own and name them as inputs."
        raise SpecError(Problem("", what, fix, file=path))
