"""A small spec with its script and data, and `fmo` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
import json
import pathlib
import sys

words = pathlib.Path("/opt/ml/processing/input/words")
rows = pathlib.Path("/opt/ml/processing/output/rows")
metrics = pathlib.Path("/opt/ml/processing/output/metrics")
limit = int(sys.argv[1].removeprefix("--limit="))
found = [word for path in sorted(words.iterdir()) for word in path.read_text().split()]
rows.mkdir(parents=True, exist_ok=True)
metrics.mkdir(parents=True, exist_ok=True)
(rows / "rows.jsonl").write_text("".join(json.dumps({"text": w}) + "\\n" for w in found[:limit]))
(metrics / "metrics.json").write_text(json.dumps({"rows": len(found[:limit])}))
print("progress step=1/1 rows=%d" % len(found[:limit]))
if "poison" in found:
    sys.exit("count.py: the word 'poison' is not allowed")
"""
SPEC = """\
name: count-words
parameters:
  Limit: {type: Integer, default: 5}
steps:
  count:
    kind: processing
    script: ./count.py
    inputs: {words: ./words}
    outputs: {rows: jsonl, metrics: json}
    arguments: {limit: $params.Limit}
    gates: {min: {rows: 2}}
  again:
    kind: processing
    script: ./again.py
    inputs: {rows: $count.rows}
    outputs: {copy: jsonl}
"""
AGAIN = """\
import pathlib
import shutil

target = pathlib.Path("/opt/ml/processing/output/copy")
target.mkdir(parents=True, exist_ok=True)
for path in pathlib.Path("/opt/ml/processing/input/rows").iterdir():
    shutil.copy(path, target / path.name)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails if there is anything beside it."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Fmo:
    """`fmo`, started in a folder of its own."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FMO_")}
        return kept | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"} | more


@pytest.fixture
def fmo(tmp_path: Path) -> Fmo:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "count.py").write_text(SCRIPT)
    (tmp_path / "again.py").write_text(AGAIN)
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "words.txt").write_text("alpha beta gamma delta epsilon zeta")
    return Fmo(tmp_path)
