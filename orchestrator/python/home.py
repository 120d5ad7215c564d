"""Where a program's runs and tables are kept."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.local.home import DEFAULT_HOME, Home


def open_home(path: str | Path | None = None) -> Home:
    """Return the home at `path`, else at `FMO_HOME`, else `.fmo`; it need not exist yet."""
    return Home(Path(path or os.environ.get("FMO_HOME") or DEFAULT_HOME).resolve())
