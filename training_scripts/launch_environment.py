"""What surrounds a job: the contract that laid it out, its hosts, and the variables people know.

Standard library only: `launch.py` reads it in any image.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MASTER_PORT = "7777"
"""As in sagemaker-training-toolkit, torch_distributed.py; SageMaker opens it between hosts."""

# sagemaker-training-toolkit, __init__.py: SM_EFA_NCCL_INSTANCES and SM_EFA_RDMA_INSTANCES, and the
# families that came after it. Other types have no Elastic Fabric Adapter.
_EFA = re.compile(r"ml\.(p3dn|p4d|p4de|p5|p5e|p5en|p6-b200|trn1|trn1n|trn2|g5\.48|g6e?\.48).*")
_EFA_RDMA = re.compile(r"ml\.(p4d|p4de|p5|p5e|p5en|p6-b200|trn1|trn1n|trn2)\..*")


@dataclass(frozen=True)
class Container:
    """The container as SageMaker laid it out."""

    contract: str
    """`Training` or `Processing`."""
    root: Path
    """`/opt/ml`, or the job's folder on a laptop."""
    code: Path

    @property
    def config(self) -> Path:
        """Where SageMaker puts `resourceconfig.json` and its kin."""
        return self.root / ("config" if self.contract == "Processing" else "input/config")

    @property
    def channels(self) -> Path:
        """The folder that holds one folder per input channel."""
        return self.root / ("processing/input" if self.contract == "Processing" else "input/data")

    @property
    def metrics(self) -> Path:
        """The folder that gates read `metrics.json` from."""
        inside = "processing/output/metrics" if self.contract == "Processing" else "model"
        return self.root / inside

    @property
    def failure(self) -> Path:
        """The file SageMaker reads the failure reason from."""
        return self.root / "output" / ("message" if self.contract == "Processing" else "failure")


@dataclass(frozen=True)
class Hosts:
    """Which hosts take part, and which of them this is."""

    names: tuple[str, ...]
    current: str
    interface: str
    instance_type: str
    gpus: int
    """Of this host; all are alike."""


def find_container(code: Path, environment: Mapping[str, str]) -> Container:
    """Return the contract that laid out the folder `code`, which this file is in."""
    processing = code.parent.parent.name == "processing"
    root = environment.get("FMO_ML_ROOT") or str(code.parent.parent.parent)
    return Container("Processing" if processing else "Training", Path(root), code)


def count_gpus() -> int:
    """Return how many NVIDIA GPUs the driver lists; 0 without a driver."""
    # Not torch: this file runs in images without it, and importing it takes seconds.
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    listed = subprocess.run(  # noqa: S603
        [program, "--list-gpus"], capture_output=True, text=True, check=False
    )
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())


def read_hosts(container: Container, *, gpus: int) -> Hosts:
    """Return the hosts that `resourceconfig.json` names; one host if there is no such file."""
    config = read_json(container.config / "resourceconfig.json")
    names = tuple(sorted(config.get("hosts") or ["algo-1"]))
    return Hosts(
        names=names,
        current=config.get("current_host") or names[0],
        interface=config.get("network_interface_name") or "eth0",
        instance_type=config.get("current_instance_type") or "",
        gpus=gpus,
    )


def read_hyperparameters(container: Container) -> dict[str, Any]:
    """Return the hyperparameters of the job as they were before SageMaker made them strings."""
    found = read_json(container.config / "hyperparameters.json")
    return {name: _decoded(value) for name, value in found.items()}


def sagemaker_environment(
    container: Container, hosts: Hosts, arguments: Sequence[str]
) -> dict[str, str]:
    """Return the `SM_*` variables, as sagemaker-training-toolkit's environment.py sets them."""
    parameters = read_hyperparameters(container)
    folders = [path for path in sorted(container.channels.glob("*")) if path != container.code]
    output = container.root / "output"
    values: dict[str, Any] = {
        "CHANNELS": [path.name for path in folders],
        "CURRENT_HOST": hosts.current,
        "CURRENT_INSTANCE_TYPE": hosts.instance_type,
        "HOSTS": list(hosts.names),
        "HPS": parameters,
        "INPUT_CONFIG_DIR": str(container.config),
        "INPUT_DATA_CONFIG": read_json(container.config / "inputdataconfig.json"),
        "INPUT_DIR": str(container.root / "input"),
        "MODEL_DIR": str(container.root / "model"),
        "MODULE_DIR": str(container.code),
        "NETWORK_INTERFACE_NAME": hosts.interface,
        "NUM_CPUS": os.cpu_count() or 1,
        "NUM_GPUS": hosts.gpus,
        "LOG_LEVEL": 20,
        "MODULE_NAME": arguments[0].removesuffix(".py"),
        "OUTPUT_DATA_DIR": str(output / "data"),
        "OUTPUT_DIR": str(output),
        "OUTPUT_INTERMEDIATE_DIR": str(output / "intermediate"),
        "RESOURCE_CONFIG": read_json(container.config / "resourceconfig.json"),
        "USER_ARGS": list(arguments[1:]),
        "USER_ENTRY_POINT": arguments[0],
    }
    values["TRAINING_ENV"] = {
        **{name.lower(): value for name, value in values.items()},
        "channel_input_dirs": {path.name: str(path) for path in folders},
        "hyperparameters": parameters,
        "is_master": hosts.current == hosts.names[0],
        "job_name": os.environ.get("TRAINING_JOB_NAME", ""),
    }
    values |= {f"CHANNEL_{path.name.upper()}": str(path) for path in folders}
    values |= {f"HP_{name.upper()}": value for name, value in parameters.items()}
    return {
        f"SM_{name}": value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in values.items()
    }


def network_environment(hosts: Hosts) -> dict[str, str]:
    """Return what NCCL and torch need to meet across hosts; nothing for one host."""
    if len(hosts.names) == 1:
        return {}
    # An image's own entry point sets these; ours replaces it, so they are ours to set.
    found = {
        "MASTER_ADDR": hosts.names[0],
        "MASTER_PORT": MASTER_PORT,
        "NCCL_SOCKET_IFNAME": hosts.interface,
        "GLOO_SOCKET_IFNAME": hosts.interface,
    }
    if _EFA.fullmatch(hosts.instance_type):
        found["FI_PROVIDER"] = "efa"
    if _EFA_RDMA.fullmatch(hosts.instance_type):
        found["FI_EFA_USE_DEVICE_RDMA"] = "1"
    return found


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if there is no such file."""
    if not path.is_file():
        return {}
    value = json.loads(path.read_text(encoding="utf-8"))
    return value if isinstance(value, dict) else {}


def _decoded(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value
