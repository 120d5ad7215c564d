"""What a user gets who installs the wheel."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_carries_the_training_scripts_the_pipelines_and_the_templates(
    wheel: zipfile.ZipFile,
) -> None:
    names = set(wheel.namelist())
    assert {
        "orchestrator/flow.py",
        "training_scripts/launch.py",
        "training_scripts/sft.py",
        "pipelines/aws_docs_assistant.yaml",
        "infra/storage.yaml",
    } <= names


def test_the_wheel_carries_no_caches_and_no_tests(wheel: zipfile.ZipFile) -> None:
    strays = [
        name
        for name in wheel.namelist()
        if "__pycache__" in name or name.startswith(("tests/", ".fmo/", "benchmarks/"))
    ]
    assert strays == []


def test_the_base_install_asks_for_five_packages_and_no_more() -> None:
    names = sorted(requirement.split(">")[0] for requirement in PROJECT["dependencies"])
    assert names == ["boto3", "click", "pydantic", "rich", "ruamel.yaml"]


def test_every_requirement_is_pinned_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line and line[0] != "#"}
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["train"], *extras["data"], *extras["notebook"]]
    wanted += [line for group in groups.values() for line in group]
    names = {requirement.split(">")[0].replace(".", "-").lower() for requirement in wanted}
    assert names - pinned == set()


def test_importing_the_package_loads_no_heavy_library() -> None:
    program = "import orchestrator, sys; print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, text=True, capture_output=True
    ).stdout
    for name in ("torch", "transformers", "boto3", "botocore", "pydantic", "rich"):
        assert f"'{name}'" not in loaded
