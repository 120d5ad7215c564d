"""A job whose disk is full says so in one line, and leaves nothing half-written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import training_scripts

SCRIPTS = Path(training_scripts.__file__).parent


def can_mount() -> bool:
    try:
        return subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(not can_mount(), reason="this system gives no private mount namespace"),
]

SMALL_DISK = """
mount -t tmpfs -o size="$2" tmpfs "$1/disk" && cp -r "$1/job" "$1/disk/job"
"$3" "$1/disk/job/processing/input/code/launch.py" "$4"
echo "code $?"
cat "$1/disk/job/output/message" 2>/dev/null
find "$1/disk" -name "*partial*" -o -name ".rows*" -o -name "metrics.json"
"""


def launch(folder: Path, script: str, *, megabytes: int) -> subprocess.CompletedProcess[str]:
    """Run a job that is copied onto a small disk of its own."""
    (folder / "disk").mkdir()
    arguments = [str(folder), f"{megabytes}m", sys.executable, script]
    return subprocess.run(
        ["unshare", "-Urm", "sh", "-c", SMALL_DISK, "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def lay_out(folder: Path, settings: dict[str, object]) -> Path:
    """A Processing job with our scripts in its code channel; return the folder of its data."""
    code, data = (folder / "job/processing/input" / name for name in ("code", "data"))
    shutil.copytree(SCRIPTS, code / "training_scripts", ignore=shutil.ignore_patterns("__pyc*"))
    for name in ("launch.py", "prepare_dataset.py"):
        shutil.copy(SCRIPTS / name, code)
    config = {"kind": "dataset", "step": "split", "settings": settings}
    (code / "config.json").write_text(json.dumps(config))
    data.mkdir()
    return data


def test_preparing_data_on_a_full_disk_is_one_clear_message(tmp_path: Path) -> None:
    settings = {
        "format": "auto",
        "columns": {},
        "prompt_template": "plain",
        "system_prompt": None,
        "split": {"validation": 0.1, "test": 0.1, "seed": 0, "group_by": None},
        "deduplicate": "exact",
        "near_duplicate_threshold": 0.8,
        "max_rows": None,
        "min_characters": 1,
        "drop_ties": False,
    }
    data = lay_out(tmp_path, settings)
    lines = [json.dumps({"text": f"row {n} " + "and so on " * 100}) for n in range(2_500)]
    (data / "rows.jsonl").write_text("\n".join(lines))
    done = launch(tmp_path, "prepare_dataset.py", megabytes=6)
    assert "code 1\n" in done.stdout, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("prepare_dataset.py: the disk is full (OSError: [Errno 28] No space")
    assert last.endswith("Free some space, or raise volume_size_gb.")
    assert done.stdout.splitlines()[-1] in ("code 1", last)


SAVE = """
import sys
from pathlib import Path
import torch
sys.path.insert(0, {path!r})
from training_scripts.checkpoints.store import CheckpointStore
from training_scripts.container import current_job
store = CheckpointStore(current_job().checkpoint_dir / "run", keep=2)
store.save(1, {{}}, {{"w": torch.ones(1000)}})
try:
    store.save(2, {{}}, {{"w": torch.ones(3_000_000)}})
finally:
    print("newest", store.load_latest().step)
"""


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(tmp_path: Path) -> None:
    lay_out(tmp_path, {})
    (tmp_path / "job/processing/input/code/save.py").write_text(
        SAVE.format(path=str(SCRIPTS.parent))
    )
    done = launch(tmp_path, "save.py", megabytes=6)
    assert "newest 1\ncode 1\n" in done.stdout, done.stderr
    assert "save.py: the disk is full (" in done.stderr
    assert "partial" not in done.stdout
