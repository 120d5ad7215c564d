"""Make or complete a virtual environment for this repository; standard library only.

    python3 tools/make_venv.py .venv --extra local --group dev

Says before it downloads what it will download. Without an NVIDIA GPU it installs the CPU build of
torch where pip can find one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import urllib.request
import venv
from pathlib import Path
from urllib.parse import unquote, urlparse

if sys.version_info < (3, 11):  # noqa: UP036 - this is the message for those who have less
    found = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"python: {found} is too old. fmo needs 3.11 or newer: make PYTHON=python3.11 ...")

import tomllib

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
OTHERS_MEGABYTES = {"local": 189, "dev": 120, "bench": 5}
"""Wheels besides torch, each beyond those before it: Linux x86-64, the pinned versions."""


def main() -> None:
    """Make the environment, say the size of torch, install."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extra", default="local")
    parser.add_argument("--group", action="append", default=[])
    arguments = parser.parse_args()

    python = arguments.folder.resolve() / "bin" / "python"
    if not python.exists():
        say(f"Making {arguments.folder} with Python {sys.version.split()[0]}")
        venv.create(arguments.folder, with_pip=True)
    if not has_torch(python):
        say(f"Installing torch: {describe_torch(python)}")
        pip(python, "install", pinned("torch"))
    wanted = [*requirements(arguments.group)]
    names = [arguments.extra, *arguments.group]
    megabytes = sum(OTHERS_MEGABYTES.get(name, 0) for name in names)
    say(f"Installing {', '.join(names)}: about {megabytes} MB more")
    pip(python, "install", "-c", str(CONSTRAINTS), "-e", f"{ROOT}[{arguments.extra}]", *wanted)


def requirements(groups: list[str]) -> list[str]:
    """Return the requirements of the dependency groups in pyproject.toml (PEP 735)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [line for group in groups for line in project["dependency-groups"][group]]


def pinned(name: str) -> str:
    """Return `name==version` as constraints.txt has it."""
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.split("#")[0].strip()
    sys.exit(f"constraints.txt: no line for {name}. Write {name}==VERSION.")


def has_torch(python: Path) -> bool:
    """Return whether the environment has torch already."""
    return any((python.parent.parent / "lib").glob("python*/site-packages/torch/__init__.py"))


def describe_torch(python: Path) -> str:
    """Return which build of torch pip would take, and how large it is."""
    report = json.loads(
        pip(python, "install", "--dry-run", "--no-deps", "--report", "-", pinned("torch"))
    )
    url = report["install"][0]["download_info"]["url"]
    name = unquote(Path(urlparse(url).path).name)
    gpu = shutil.which("nvidia-smi") is not None
    advice = (
        ""
        if "+cpu" in name or gpu or not sys.platform.startswith("linux")
        else " (a CUDA build, and it needs about 3 GB of libraries more; this machine shows no GPU:"
        " set PIP_EXTRA_INDEX_URL to PyTorch's CPU index for one of 200 MB)"
    )
    return f"{name}, {size_text(url)}{advice}"


def size_text(url: str) -> str:
    """Return the size of a file or of what a server offers, in MB; or say that it is unknown."""
    parsed = urlparse(url)
    if parsed.scheme == "file":
        return f"{Path(unquote(parsed.path)).stat().st_size / 1e6:.0f} MB"
    try:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - pip chose it
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            return f"{int(response.headers['Content-Length']) / 1e6:.0f} MB"
    except (OSError, TypeError, ValueError):
        return "size unknown"


def pip(python: Path, *arguments: str) -> str:
    """Run pip in the environment and return its stdout; what it complains about is shown."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, check=False, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{done.stderr}\npip failed. The command was: {' '.join(command)}")
    return done.stdout


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
