"""Size of the base install: what `pip install fm-orchestrator` puts on a disk, without extras.

    python benchmarks/base_install.py [--json]

Makes a virtual environment in a temporary folder, so it needs a package index or pip's cache.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Install, add up the bytes of the files, print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "venv"
        # pip itself is not ours to count, so it stays outside.
        venv.create(environment, with_pip=False)
        python = environment / "bin" / "python"
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        subprocess.run(
            [sys.executable, "-m", "pip", "--quiet", "--quiet", "--disable-pip-version-check",
             "--python", str(python), "install", "--compile", "-c", str(ROOT / "constraints.txt"),
             *project["dependencies"]],
            check=True,
        )  # fmt: skip
        packages = folder_megabytes(environment / "lib")
    own = sum(
        folder_megabytes(ROOT / name) for name in ("orchestrator", "training_scripts", "pipelines")
    )
    row = {
        "what": "base install, bytecode included",
        "ours": round(packages + own, 1),
        "unit": "MB",
        "target": "under 60",
        "holds": packages + own < 60,
    }
    print(
        json.dumps([row])
        if arguments.json
        else f"{row['what']}: {row['ours']} MB ({row['target']})"
    )


def folder_megabytes(folder: Path) -> float:
    """Return the bytes of all files under a folder, in 10^6."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
