"""An empty folder, and `fmo` as a process in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.cli.conftest import Fmo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fmo(tmp_path: Path) -> Fmo:
    return Fmo(tmp_path)
