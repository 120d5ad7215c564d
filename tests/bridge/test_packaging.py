"""What must be in the archive of the Lambda functions: `orchestrator/bridge`, and no more of us."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "orchestrator"
RUNTIME = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
"""What every Python runtime of Lambda has: boto3 and what it needs."""
OPTIONAL = {"certifi"}
"""What botocore takes where it is installed."""

LOADED = """
import sys
sys.path.insert(0, {folder!r})
import orchestrator.bridge.lambdas
import orchestrator.bridge.starter
print(*{{name.partition(".")[0] for name in sys.modules if not name.startswith("__")}})
print(orchestrator.bridge.lambdas.__file__)
"""


def test_the_handlers_load_from_an_archive_with_nothing_but_boto3(tmp_path: Path) -> None:
    (tmp_path / "orchestrator").mkdir()
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "orchestrator")
    shutil.copytree(PACKAGE / "bridge", tmp_path / "orchestrator" / "bridge")
    program = LOADED.format(folder=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    names, file = done.stdout.splitlines()
    assert Path(file).is_relative_to(tmp_path)
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    already = {name.partition(".")[0] for name in bare.stdout.split()}
    assert set(names.split()) - sys.stdlib_module_names - already - RUNTIME - OPTIONAL == {
        "orchestrator"
    }
