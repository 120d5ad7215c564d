"""The script behind `make`, without installing anything."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def make_venv() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_venv", ROOT / "tools" / "make_venv.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_torch_is_installed_at_the_version_that_was_tested(make_venv: ModuleType) -> None:
    assert make_venv.pinned("torch").startswith("torch==")


def test_a_package_without_a_pin_is_named(make_venv: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"constraints.txt: no line for torchx. Write torchx=="):
        make_venv.pinned("torchx")


def test_a_group_of_the_project_becomes_requirements(make_venv: ModuleType) -> None:
    assert any(line.startswith("pytest>=") for line in make_venv.requirements(["dev"]))


def test_the_size_of_a_file_is_said_in_megabytes(make_venv: ModuleType, tmp_path: Path) -> None:
    wheel = tmp_path / "torch 1.whl"
    wheel.write_bytes(b"\0" * 3_000_000)
    assert make_venv.size_text(wheel.as_uri()) == "3 MB"


def test_torch_is_looked_for_in_the_environment_and_not_in_this_one(
    make_venv: ModuleType, tmp_path: Path
) -> None:
    python = tmp_path / "bin" / "python"
    assert not make_venv.has_torch(python)
    package = tmp_path / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    assert make_venv.has_torch(python)
