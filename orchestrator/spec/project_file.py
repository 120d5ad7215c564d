"""The `fmo.yaml` that a spec belongs to: the nearest one beside it or above it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.project_load import FILE_NAME, Project, load_project
from orchestrator.spec.reader import decode_spec


def find_project(spec: Path) -> Project:
    """Return the project of the spec at `spec`; an empty one if there is no `fmo.yaml`.

    Raises:
        SpecError: With every problem of the file.
    """
    folder = Path.cwd().joinpath(spec.parent).resolve()
    for level, above in enumerate((folder, *folder.parents)):
        file = above / FILE_NAME
        if file.is_file():
            shown = _shown(file, spec)
            return load_project(_text(file, shown), file=shown, up="../" * level)
    return Project(None, {}, {})


def _text(file: Path, shown: Path) -> str:
    try:
        return decode_spec(file.read_bytes(), file=shown)
    except OSError as error:
        what = f"it cannot be read: {(error.strerror or str(error)).lower()}"
        raise SpecError(Problem("", what, "Check who may read it.", file=shown)) from error


def _shown(file: Path, spec: Path) -> Path:
    """Return the path for people: from the working folder, as the spec's is."""
    here = Path.cwd()
    return file.relative_to(here) if not spec.is_absolute() and here in file.parents else file
