"""The oldest Python of a container image, 3.10, can read every script."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import training_scripts

FOLDER = Path(training_scripts.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
# Names that came with 3.11 and 3.12.
NEWER = {"tomllib", "StrEnum", "ExceptionGroup", "Self", "file_digest", "batched", "override"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_script_is_python_3_10(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 10))
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {a.name for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
    assert not names & NEWER
    assert not [node for node in nodes if isinstance(node, ast.TryStar)]


@pytest.mark.parametrize(
    "name",
    [
        "container.py",
        "launch.py",
        "launch_environment.py",
        "launch_process.py",
        "launch_smoke.py",
        "printed_metrics.py",
        "smoke.py",
        "user_script.py",
    ],
)
def test_what_runs_in_any_image_imports_the_standard_library_only(name: str) -> None:
    tree = ast.parse((FOLDER / name).read_text())
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    roots = {module.split(".")[0] for module in found} - {"training_scripts"}
    assert roots <= sys.stdlib_module_names
