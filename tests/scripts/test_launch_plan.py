"""`launch.py`: what it would start, decided without starting anything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training_scripts.launch import build_command, failure_reason, missing_requirements
from training_scripts.launch_environment import (
    Container,
    Hosts,
    find_container,
    network_environment,
    read_hosts,
    sagemaker_environment,
)

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS = ["sft.py", "--learning_rate=1e-4"]


def hosts(*names: str, gpus: int = 0, instance_type: str = "ml.p4d.24xlarge") -> Hosts:
    return Hosts(names, names[-1], "eth7", instance_type, gpus)


def training(root: Path) -> Container:
    return Container("Training", root, root / "input/data/code")


def processing(root: Path) -> Container:
    return Container("Processing", root, root / "processing/input/code")


@pytest.mark.parametrize("gpus", [0, 1])
def test_one_device_runs_one_process(tmp_path: Path, gpus: int) -> None:
    command = build_command(training(tmp_path), hosts("a", gpus=gpus), ARGUMENTS, python="py")
    assert command == ["py", str(tmp_path / "input/data/code/sft.py"), "--learning_rate=1e-4"]


def test_several_gpus_run_under_torchrun(tmp_path: Path) -> None:
    command = build_command(training(tmp_path), hosts("a", gpus=4), ARGUMENTS, python="py")
    assert command[:6] == [
        "py",
        "-m",
        "torch.distributed.run",
        "--nnodes=1",
        "--nproc_per_node=4",
        "--standalone",
    ]
    assert command[6:] == [str(tmp_path / "input/data/code/sft.py"), "--learning_rate=1e-4"]


def test_several_hosts_meet_at_the_first(tmp_path: Path) -> None:
    command = build_command(training(tmp_path), hosts("a", "b", gpus=8), ARGUMENTS, python="py")
    assert command[3:8] == [
        "--nnodes=2",
        "--nproc_per_node=8",
        "--node_rank=1",
        "--master_addr=a",
        "--master_port=7777",
    ]


def test_a_processing_job_runs_one_process_on_any_number_of_gpus(tmp_path: Path) -> None:
    command = build_command(processing(tmp_path), hosts("a", gpus=8), ARGUMENTS, python="py")
    assert command[0:1] == ["py"]
    assert "torch.distributed.run" not in command


def test_one_host_needs_no_network_settings() -> None:
    assert network_environment(hosts("a", gpus=8)) == {}


def test_several_hosts_use_the_interface_sagemaker_names_and_the_fabric_they_have() -> None:
    assert network_environment(hosts("a", "b")) == {
        "MASTER_ADDR": "a",
        "MASTER_PORT": "7777",
        "NCCL_SOCKET_IFNAME": "eth7",
        "GLOO_SOCKET_IFNAME": "eth7",
        "FI_PROVIDER": "efa",
        "FI_EFA_USE_DEVICE_RDMA": "1",
    }
    plain = network_environment(hosts("a", "b", instance_type="ml.g5.2xlarge"))
    assert "FI_PROVIDER" not in plain


def test_hosts_are_read_from_the_resource_config_of_either_contract(tmp_path: Path) -> None:
    config = {
        "current_host": "algo-2",
        "hosts": ["algo-2", "algo-1"],
        "network_interface_name": "eth3",
        "current_instance_type": "ml.g5.xlarge",
    }
    for container in (training(tmp_path), processing(tmp_path)):
        container.config.mkdir(parents=True)
        (container.config / "resourceconfig.json").write_text(json.dumps(config))
        found = read_hosts(container, gpus=1)
        assert found == Hosts(("algo-1", "algo-2"), "algo-2", "eth3", "ml.g5.xlarge", 1)


def test_without_a_resource_config_there_is_one_host(tmp_path: Path) -> None:
    assert read_hosts(training(tmp_path), gpus=0).names == ("algo-1",)


def test_the_variables_people_know_are_set(tmp_path: Path) -> None:
    container = training(tmp_path)
    for folder in ("code", "data", "my_model"):
        (tmp_path / "input/data" / folder).mkdir(parents=True)
    container.config.mkdir(parents=True)
    parameters = {"epochs": "3", "name": "abc", "flags": '{"a": true}'}
    (container.config / "hyperparameters.json").write_text(json.dumps(parameters))
    found = sagemaker_environment(container, hosts("a", gpus=2), ARGUMENTS)
    assert found["SM_MODEL_DIR"] == str(tmp_path / "model")
    assert found["SM_OUTPUT_DATA_DIR"] == str(tmp_path / "output/data")
    assert found["SM_OUTPUT_INTERMEDIATE_DIR"] == str(tmp_path / "output/intermediate")
    assert found["SM_MODULE_NAME"] == "sft"
    assert found["SM_CHANNELS"] == '["data", "my_model"]'
    assert found["SM_CHANNEL_MY_MODEL"] == str(tmp_path / "input/data/my_model")
    assert found["SM_NUM_GPUS"] == "2"
    assert found["SM_HOSTS"] == '["a"]'
    assert found["SM_CURRENT_HOST"] == "a"
    assert json.loads(found["SM_HPS"]) == {"epochs": 3, "flags": {"a": True}, "name": "abc"}
    assert found["SM_HP_NAME"] == "abc"
    told = json.loads(found["SM_TRAINING_ENV"])
    assert told["hyperparameters"] == json.loads(found["SM_HPS"])
    assert told["channel_input_dirs"] == {
        name: str(tmp_path / "input/data" / name) for name in ("data", "my_model")
    }
    assert (told["current_host"], told["is_master"], told["num_gpus"]) == ("a", True, 2)
    assert found["SM_USER_ARGS"] == '["--learning_rate=1e-4"]'


def test_the_contract_follows_from_where_the_code_is(tmp_path: Path) -> None:
    code = tmp_path / "processing/input/code"
    assert find_container(code, {}) == Container("Processing", tmp_path, code)
    code = tmp_path / "input/data/code"
    assert find_container(code, {}) == Container("Training", tmp_path, code)


def test_only_requirements_that_are_not_installed_as_pinned_are_missing() -> None:
    lines = [
        "# a comment",
        "",
        f"pytest=={pytest.__version__}  # present",
        "pytest==0.0.1",
        "no-such-package-here==1.0",
        "unpinned>=2",
    ]
    assert missing_requirements(lines) == lines[3:]


TRACEBACK = ["Traceback (most recent call last):", '  File "sft.py", line 3', "    f()"]


@pytest.mark.parametrize(
    ("tail", "code", "reason"),
    [
        ([*TRACEBACK, "ValueError: no rows"], 1, "sft.py: ValueError: no rows"),
        (
            [
                *TRACEBACK,
                "RuntimeError: NaN",
                "warning: this",
                *TRACEBACK,
                "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ",
            ],
            1,
            "sft.py: RuntimeError: NaN",
        ),
        (
            [*TRACEBACK, "safetensors_rust.SafetensorError: I/O error: No space left on device"],
            1,
            "sft.py: the disk is full (safetensors_rust.SafetensorError: I/O error: No space left "
            "on device). Free some space, or raise volume_size_gb.",
        ),
        (["usage: sft.py", "sft.py: error: no", ""], 2, "sft.py: exit code 2. sft.py: error: no"),
        ([], 3, "sft.py: exit code 3."),
        ([], -9, "sft.py: ended by SIGKILL. It probably ran out of memory."),
        ([], -11, "sft.py: ended by SIGSEGV."),
    ],
)
def test_the_reason_is_the_scripts_own_error(tail: list[str], code: int, reason: str) -> None:
    assert failure_reason(tail, code, "sft.py") == reason
