"""Start a step's script under SageMaker's Training or Processing contract.

    python3 /opt/ml/processing/input/code/launch.py prepare_dataset.py --seed=1

The first file to run in any image, so standard library only.
Sets the `SM_*` variables people know, installs pinned requirements that the image lacks, starts
`torchrun` across GPUs and hosts, forwards SIGTERM, and writes the reason when the script fails. A
script that is not ours gets hyperparameters, checkpoints and metrics as well: `user_script.py`. In
a smoke run a tiny model takes the place of each model that the job reads: `launch_smoke.py`.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from training_scripts.launch_environment import (
    MASTER_PORT,
    count_gpus,
    find_container,
    network_environment,
    read_hosts,
    sagemaker_environment,
)
from training_scripts.launch_process import Surroundings, run
from training_scripts.launch_secrets import (
    SecretProblemError,
    redactor,
    secret_values,
    without_markers,
)
from training_scripts.launch_smoke import with_tiny_models
from training_scripts.printed_metrics import PrintedMetrics
from training_scripts.smoke import take_smoke
from training_scripts.user_script import (
    forget_checkpoints,
    read_user_script,
    show_checkpoints,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from training_scripts.launch_environment import Container, Hosts
    from training_scripts.launch_process import Ended
    from training_scripts.smoke import Smoke
    from training_scripts.user_script import UserScript

REASON_LENGTH = 1024
"""SageMaker shows the first 1,024 characters (DescribeTrainingJob, FailureReason)."""

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9.+!_-]+)$")
_NO_SPACE = "No space left on device"
"""As the system words it, also in errors of libraries that are not Python."""
_DISK_FULL = "the disk is full"
_DISK_CURE = "Free some space, or raise volume_size_gb."


def main(arguments: Sequence[str]) -> int:
    """Run `arguments[0]` with the rest as its arguments; return the exit code."""
    container = find_container(Path(__file__).resolve().parent, os.environ)
    arguments, smoke = take_smoke(arguments)
    container.failure.parent.mkdir(parents=True, exist_ok=True)
    container.failure.unlink(missing_ok=True)
    if not arguments or not (container.code / arguments[0]).is_file():
        named = arguments[0] if arguments else "no script"
        return _failed(container, f"launch.py: {named} is not in {container.code}.", 2)
    script = read_user_script(container, smoke)
    if script:
        arguments = [*arguments, *script.arguments]
    try:
        secrets = secret_values(os.environ)
    except SecretProblemError as error:
        return _failed(container, str(error), 1)
    hosts = read_hosts(container, gpus=count_gpus())
    environment = {
        **without_markers(os.environ),
        **secrets,
        **sagemaker_environment(container, hosts, arguments),
        **network_environment(hosts),
        "FMO_FAILURE_FILE": str(container.failure),
        "FMO_ML_ROOT": str(container.root),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(container.code), _python_path()])),
        "PYTHONUNBUFFERED": "1",
    }
    around = Surroundings(environment, container.code, redactor(secrets.values()))
    problem, around = prepare(container, around, smoke)
    if problem:
        return _failed(container, problem, 1)
    shared = script is None or script.distribution == "torch_distributed"
    command = build_command(container, hosts, arguments, python=sys.executable, shared=shared)
    if script is None:
        ended = run(command, around)
    else:
        ended = run_user_script(script, command, around, container, hosts)
    return _report(ended, around, container, arguments[0])


def prepare(
    container: Container, around: Surroundings, smoke: Smoke | None
) -> tuple[str, Surroundings]:
    """Make ready what the script needs; return what went wrong or '', and what it runs in."""
    problem = install_requirements(container, around)
    if problem or smoke is None:
        return problem, around
    return with_tiny_models(container, around, smoke)


def run_user_script(
    script: UserScript,
    command: Sequence[str],
    around: Surroundings,
    container: Container,
    hosts: Hosts,
) -> Ended:
    """Run a script that is not ours, with the checkpoints of its run; keep what it measured."""
    metrics = PrintedMetrics(script.metric_definitions)
    read = metrics.read if script.metric_definitions else None
    if container.contract == "Processing":
        ended = run(command, around, read)
    else:
        checkpoints = show_checkpoints(container, script)
        shown = {**around.environment, "SM_CHECKPOINT_DIR": str(checkpoints)}
        ended = run(command, replace(around, environment=shown), read)
        if ended.exit_code == 0 and not ended.was_stopped:
            forget_checkpoints(checkpoints)
    if ended.exit_code == 0 and hosts.current == hosts.names[0]:
        metrics.write(container.metrics)
        if container.contract == "Training":
            metrics.write_history(container.metrics)
    return ended


def _report(ended: Ended, around: Surroundings, container: Container, script: str) -> int:
    """Return the exit code; leave the reason where SageMaker looks for it."""
    if ended.exit_code == 0:
        container.failure.unlink(missing_ok=True)
        return 0
    # As a shell counts: 128 and the signal's number.
    exit_code = ended.exit_code if ended.exit_code > 0 else 128 - ended.exit_code
    told = container.failure.read_text("utf-8") if container.failure.exists() else ""
    if told:
        _write_failure(container, around.hidden(told))
        return exit_code
    reason = failure_reason(ended.tail, ended.exit_code, script)
    if _DISK_FULL in reason:
        # Into the log as well: the failure file may not fit on the disk either.
        return _failed(container, reason, exit_code)
    _write_failure(container, reason)
    return exit_code


def build_command(
    container: Container,
    hosts: Hosts,
    arguments: Sequence[str],
    *,
    python: str,
    shared: bool = True,
) -> list[str]:
    """Return the command: one process, or `torchrun` for training on several GPUs or hosts.

    Args:
        container: Where the script is.
        hosts: On which it runs.
        arguments: The script and its arguments.
        python: The interpreter.
        shared: Whether the processes of a training know how to share its work.
    """
    script = [str(container.code / arguments[0]), *arguments[1:]]
    is_alone = hosts.gpus <= 1 and len(hosts.names) == 1
    if container.contract == "Processing" or is_alone or not shared:
        return [python, *script]
    command = [python, "-m", "torch.distributed.run"]
    command += [f"--nnodes={len(hosts.names)}", f"--nproc_per_node={max(1, hosts.gpus)}"]
    if len(hosts.names) == 1:
        return [*command, "--standalone", *script]
    rank = hosts.names.index(hosts.current)
    command += [f"--node_rank={rank}", f"--master_addr={hosts.names[0]}"]
    return [*command, f"--master_port={MASTER_PORT}", *script]


def install_requirements(container: Container, around: Surroundings) -> str:
    """Install what `requirements.txt` pins and the image lacks; return what went wrong, or ''.

    A channel `wheels` takes the place of the package index, for jobs without network.
    """
    file = container.code / "requirements.txt"
    # On a laptop the backend has put them into an environment of their own already.
    if not file.is_file() or around.environment.get("FMO_LOCAL"):
        return ""
    missing = missing_requirements(file.read_text("utf-8").splitlines())
    if not missing:
        return ""
    print(f"installing {', '.join(missing)}", flush=True)
    wheels = container.channels / "wheels"
    where = ["--no-index", "--find-links", str(wheels)] if wheels.is_dir() else []
    command = [sys.executable, "-m", "pip", "install", "--no-input", *where, "-r", str(file)]
    ended = run(command, around)
    if ended.exit_code == 0:
        return ""
    tail = list(ended.tail)
    errors = [line for line in tail if line.startswith("ERROR:")] or tail[-1:]
    if any(_NO_SPACE in line for line in errors):
        return f"requirements.txt: {_DISK_FULL} while installing it. {_DISK_CURE}"
    cure = "Pin versions the index has, or give the job a channel `wheels`."
    return f"requirements.txt: pip could not install it: {' '.join(errors)} {cure}"


def missing_requirements(lines: Iterable[str]) -> list[str]:
    """Return the requirements that are not installed at the version they pin."""
    wanted = [line.split(" #")[0].strip() for line in lines]
    return [line for line in wanted if line and line[0] != "#" and not _is_installed(line)]


def failure_reason(tail: Sequence[str], return_code: int, script: str) -> str:
    """Return why the script failed, from its last error lines and its exit code."""
    if return_code < 0:
        name = signal.Signals(-return_code).name
        cure = " It probably ran out of memory." if name == "SIGKILL" else ""
        return f"{script}: ended by {name}.{cure}"
    found = [text for text in _raised(tail) if not text.startswith("torch.distributed.elastic")]
    if any(_NO_SPACE in text for text in found):
        return f"{script}: {_DISK_FULL} ({found[-1]}). {_DISK_CURE}"
    if found:
        return f"{script}: {found[-1]}"
    last = next((line for line in reversed(tail) if line.strip()), "")
    return f"{script}: exit code {return_code}. {last}".rstrip()


def _raised(tail: Sequence[str]) -> list[str]:
    """The exception texts of the tracebacks: what is not indented after each head."""
    found: list[str] = []
    inside = False
    for line in tail:
        if "Traceback (most recent call last):" in line:
            inside = True
        elif inside and line and not line[0].isspace():
            found.append(line)
            inside = False
    return found


def _failed(container: Container, reason: str, exit_code: int) -> int:
    print(reason, file=sys.stderr, flush=True)
    _write_failure(container, reason)
    return exit_code


def _write_failure(container: Container, reason: str) -> None:
    short = reason if len(reason) <= REASON_LENGTH else reason[: REASON_LENGTH - 3] + "..."
    with contextlib.suppress(OSError):
        container.failure.write_text(short, encoding="utf-8")


def _is_installed(requirement: str) -> bool:
    pinned = _PINNED.match(requirement)
    if not pinned:
        return False
    from importlib import metadata  # Costs 30 ms, and few jobs have requirements.

    try:
        return metadata.version(pinned[1]) == pinned[2]
    except metadata.PackageNotFoundError:
        return False


def _python_path() -> str:
    return os.environ.get("PYTHONPATH", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
