"""What a job's process starts with: its interpreter, its variables, and nothing of the caller's."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import shutil
import site
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.local.job_plan import ML_ROOT
from orchestrator.local.lock import locked
from orchestrator.local.process import EXIT_FILE, Command, run_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Event

    from orchestrator.local.clock import Clock
    from orchestrator.local.home import Home
    from orchestrator.local.process import Stopper

# Credentials (AWS_*, tokens, proxies with passwords) stay out: a job that needs one on the laptop
# would fail on AWS, and a job must not reach an account by accident.
_PASSED_ON = re.compile(
    r"LANG|LC_\w+|TZ|OMP_NUM_THREADS|MKL_NUM_THREADS|CUDA_VISIBLE_DEVICES|LD_LIBRARY_PATH"
    r"|HF_HUB_CACHE|HF_HUB_OFFLINE|TRANSFORMERS_OFFLINE|TOKENIZERS_PARALLELISM|SSL_CERT_FILE"
)
_FOR_PIP = re.compile(
    r"PIP_\w+|UV_\w+|(HTTPS?|NO|ALL)_PROXY|SSL_CERT_FILE|REQUESTS_CA_BUNDLE", re.I
)
_PINNED = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([\w.!+-]+)")
TEMPORARY = "tmp"
"""A job's folder for temporary files, relative to /opt/ml."""
_INSTALL_SECONDS = 1800.0
_WAIT_SECONDS = 3600.0


def job_variables(
    root: Path,
    given: Mapping[str, str],
    caller: Mapping[str, str],
    *,
    as_opt_ml: bool,
    python: str = sys.executable,
    tracking: Path | None = None,
) -> dict[str, str]:
    """Return the environment of a job's process.

    Args:
        root: The job's folder.
        given: What the request sets.
        caller: The environment `fmo` runs in, of which a few harmless names are passed on.
        as_opt_ml: Whether `root` appears to the job as /opt/ml.
        python: The interpreter that a shell script of the job finds as `python3`.
        tracking: Where the job keeps runs of trackers that it has no server or no key for.
    """
    seen = ML_ROOT if as_opt_ml else str(root)
    passed = {name: value for name, value in caller.items() if _PASSED_ON.fullmatch(name)}
    return {
        "PATH": f"{Path(python).parent}{os.pathsep}{caller.get('PATH', os.defpath)}",
        "LANG": "C.UTF-8",
        **_caches(caller),
        **passed,
        "HOME": f"{seen}/home",
        "FMO_ML_ROOT": seen,
        "FMO_LOCAL": "1",
        **({"FMO_TRACKING_DIR": str(tracking)} if tracking else {}),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        # The path of a socket in a folder as deep as a job's own would be too long.
        **({"TMPDIR": f"{ML_ROOT}/{TEMPORARY}"} if as_opt_ml else {}),
        **{name: rewritten(value, root, as_opt_ml=as_opt_ml) for name, value in given.items()},
    }


def rewritten(text: str, root: Path, *, as_opt_ml: bool) -> str:
    """Return `text` with /opt/ml replaced by `root`, where the job cannot see it as /opt/ml."""
    if as_opt_ml:
        return text
    return re.sub(rf"(?<![\w.]){ML_ROOT}(?![\w.-])", lambda _: str(root), text)


def missing_requirements(text: str) -> list[str]:
    """Return the lines of a requirements.txt that this interpreter does not meet for certain."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not _is_met(line)]


class RequirementsError(Exception):
    """Pinned requirements could not be installed."""


def python_with(
    requirements: str,
    home: Home,
    caller: Mapping[str, str],
    read: Callable[[bytes], None],
    waiting: tuple[Stopper, Clock, Event],
) -> str:
    """Return an interpreter that meets `requirements`, made under `home` unless it is there.

    Args:
        requirements: The text of a requirements.txt.
        home: Keeps the environment for the next job.
        caller: The environment `fmo` runs in; pip gets its proxies and settings.
        read: Takes pip's output.
        waiting: What stops the installation.

    Raises:
        RequirementsError: If pip cannot install them.
    """
    if not missing_requirements(requirements):
        return sys.executable
    stopper, clock, stop = waiting
    identity = f"{sys.executable}\n{sys.version}\n{requirements}"
    folder = home.envs / hashlib.sha256(identity.encode()).hexdigest()[:16]
    done = folder / "complete"
    with locked(folder.with_suffix(".lock"), clock, stop, _WAIT_SECONDS) as lock:
        if lock is None:
            message = "somebody else has been installing the same requirements for too long"
            raise RequirementsError(message)
        if not done.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _install(requirements, folder, _pip_variables(caller), read, stopper)
            done.touch()
    return str(folder / "env/bin/python")


def _install(
    requirements: str,
    folder: Path,
    variables: Mapping[str, str],
    read: Callable[[bytes], None],
    stopper: Stopper,
) -> None:
    folder.mkdir(parents=True)
    listed = folder / "requirements.txt"
    listed.write_text(requirements)
    tail = bytearray()

    def keep(chunk: bytes) -> None:
        read(chunk)
        tail.extend(chunk)
        del tail[:-4096]

    def run(*arguments: str) -> None:
        command = Command(arguments, variables, folder, folder, _INSTALL_SECONDS, as_opt_ml=False)
        if not run_process(command, folder / EXIT_FILE, keep, stopper).succeeded:
            raise RequirementsError(_pip_problem(tail.decode("utf-8", "replace")))

    python = str(folder / "env/bin/python")
    # Looking for the module would wake setuptools, which warns if distutils is there already.
    own_pip = any(importlib.metadata.distributions(name="pip"))
    run(
        sys.executable, "-I", "-m", "venv", *(["--without-pip"] if own_pip else []), f"{folder}/env"
    )
    # A virtual environment made from another sees only the system's packages, not that one's.
    for purelib in (folder / "env/lib").glob("python*/site-packages"):
        (purelib / "fmo_parent.pth").write_text("\n".join(_parent_packages()) + "\n")
    # To put a pip of its own there takes seconds; ours can install into it.
    pip = (
        [sys.executable, "-I", "-m", "pip", "--python", python]
        if own_pip
        else [python, "-m", "pip"]
    )
    run(*pip, "install", "--disable-pip-version-check", "-r", str(listed))


def _parent_packages() -> Sequence[str]:
    paths = sysconfig.get_paths()
    user = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    return list(dict.fromkeys([paths["purelib"], paths["platlib"], *user]))


def _pip_problem(output: str) -> str:
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    said = (errors or output.splitlines() or ["it said nothing"])[-1]
    return (
        f"requirements.txt: pip could not install it: {said.removeprefix('ERROR: ')} "
        "Without a network, install the packages beside fmo, or let PIP_FIND_LINKS name a folder "
        "of wheels."
    )


def _pip_variables(caller: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in caller.items() if _FOR_PIP.fullmatch(name)}
    return {"PATH": caller.get("PATH", os.defpath), "LANG": "C.UTF-8", **passed}


def _caches(caller: Mapping[str, str]) -> dict[str, str]:
    """Models that were downloaded before, without the token that lies beside them."""
    kept = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    home = caller.get("HF_HOME") or f"{caller.get('HOME', '')}/.cache/huggingface"
    hub = Path(home, "hub")
    # HOME may be somebody else's, as it is under `sudo`.
    return {**kept, **({"HF_HUB_CACHE": str(hub)} if os.access(hub, os.R_OK | os.X_OK) else {})}


def _is_met(line: str) -> bool:
    match = _PINNED.fullmatch(line)
    try:
        return bool(match) and metadata.version(match[1] if match else "") == (match and match[2])
    except metadata.PackageNotFoundError:
        return False
