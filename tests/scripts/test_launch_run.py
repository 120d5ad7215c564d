"""`launch.py` run as SageMaker runs it, in a simulated root, under both contracts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import training_scripts

SCRIPTS = Path(training_scripts.__file__).parent
CODE = {"Training": "input/data/code", "Processing": "processing/input/code"}
LIBRARY = (
    "__init__.py",
    "checkpoints/__init__.py",
    "checkpoints/fingerprint.py",
    "container.py",
    "launch_environment.py",
    "launch_process.py",
    "launch_secrets.py",
    "launch_smoke.py",
    "loading.py",
    "printed_metrics.py",
    "shrink_model.py",
    "smoke.py",
    "user_script.py",
)
FAILURE = {"Training": "output/failure", "Processing": "output/message"}

contracts = pytest.mark.parametrize("contract", ["Training", "Processing"])


@dataclass(frozen=True)
class Simulated:
    """A job's folder with `launch.py` and a script `job.py` in its code channel."""

    root: Path
    contract: str

    @property
    def code(self) -> Path:
        return self.root / CODE[self.contract]

    @property
    def failure(self) -> Path:
        return self.root / FAILURE[self.contract]

    def start(
        self, *arguments: str, script: str = "job.py", **environment: str
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.code / "launch.py"), script, *arguments],
            env={"PATH": os.environ["PATH"], **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def launch(
        self, *arguments: str, script: str = "job.py", **environment: str
    ) -> tuple[int, str, str]:
        process = self.start(*arguments, script=script, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def simulate(root: Path, contract: str, script: str) -> Simulated:
    job = Simulated(root, contract)
    (job.code / "training_scripts").mkdir(parents=True)
    shutil.copy(SCRIPTS / "launch.py", job.code)
    for module in LIBRARY:
        copy = job.code / "training_scripts" / module
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(SCRIPTS / module, copy)
    config = {"kind": "train", "step": "sft", "script": "job.py", "settings": {"seed": 1}}
    (job.code / "config.json").write_text(json.dumps(config))
    (job.code / "job.py").write_text(script)
    return job


@contracts
def test_a_script_finds_its_job_whatever_the_contract(tmp_path: Path, contract: str) -> None:
    job = simulate(
        tmp_path,
        contract,
        "import os\n"
        "from training_scripts.container import current_job\n"
        "job = current_job()\n"
        "job.write_metrics({'seed': job.settings['seed']})\n"
        "print(job.contract, os.environ['SM_MODEL_DIR'], os.getcwd())\n",
    )
    code, out, err = job.launch("--seed=7")
    assert (code, err) == (0, "")
    assert out.split() == [contract, str(tmp_path / "model"), str(job.code)]
    folder = "model" if contract == "Training" else "processing/output/metrics"
    assert json.loads((tmp_path / folder / "metrics.json").read_text()) == {"seed": 7}
    assert not job.failure.exists()


@contracts
def test_the_last_line_of_a_traceback_becomes_the_failure_reason(
    tmp_path: Path, contract: str
) -> None:
    job = simulate(tmp_path, contract, "raise ValueError('x' * 3000)")
    code, _, err = job.launch()
    assert code == 1
    assert "Traceback" in err
    reason = job.failure.read_text()
    assert reason.startswith("job.py: ValueError: xxx")
    assert len(reason) == 1024


@contracts
def test_a_failure_told_by_the_script_is_the_reason_without_a_traceback(
    tmp_path: Path, contract: str
) -> None:
    job = simulate(
        tmp_path,
        contract,
        "from training_scripts.container import current_job\ncurrent_job().input('data')",
    )
    code, _, err = job.launch()
    assert code == 1
    assert "Traceback" not in err
    assert job.failure.read_text() == "inputs.data: the job has no such channel (found: none)."


def test_the_scripts_exit_code_is_kept(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "import sys; sys.exit(17)")
    assert job.launch()[0] == 17
    assert job.failure.read_text() == "job.py: exit code 17."


def test_a_script_that_is_killed_says_so(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "import os; os.kill(os.getpid(), 9)")
    assert job.launch()[0] == 137
    assert "ended by SIGKILL" in job.failure.read_text()


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Processing", "")
    assert job.launch(script="other.py")[0] == 2
    assert job.failure.read_text() == f"launch.py: other.py is not in {job.code}."


def test_a_reason_of_an_earlier_attempt_does_not_outlive_success(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "")
    job.failure.parent.mkdir()
    job.failure.write_text("earlier")
    assert job.launch()[0] == 0
    assert not job.failure.exists()


def test_a_script_that_is_stopped_may_save_its_state(tmp_path: Path) -> None:
    job = simulate(
        tmp_path,
        "Training",
        "import pathlib, signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep(0.3)\n"
        f"    pathlib.Path({str(tmp_path / 'saved')!r}).write_text('state')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n",
    )
    process = job.start()
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert (tmp_path / "saved").read_text() == "state"
    assert "stopping" in out


def test_hundred_megabytes_of_errors_do_not_stay_in_memory(tmp_path: Path) -> None:
    job = simulate(
        tmp_path,
        "Training",
        "import sys\nfor _ in range(100):\n    sys.stderr.write('x' * 1_000_000)\nsys.exit(3)\n",
    )
    script = (
        "import resource, subprocess, sys\n"
        f"code = subprocess.call([sys.executable, {str(job.code / 'launch.py')!r}, 'job.py'],"
        " stderr=subprocess.DEVNULL)\n"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    code, megabytes = map(int, out.stdout.split())
    assert code == 3
    assert megabytes < 100
    assert len(job.failure.read_text()) == 1024


def write_wheel(folder: Path) -> None:
    folder.mkdir(parents=True)
    info = "tiny_wheel-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny_wheel-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_wheel.py", "VALUE = 42\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-wheel\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"tiny_wheel.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")


@contracts
def test_pinned_requirements_come_from_the_wheel_channel(tmp_path: Path, contract: str) -> None:
    job = simulate(tmp_path, contract, "import tiny_wheel; print(tiny_wheel.VALUE)")
    write_wheel(job.code.parent / "wheels")
    (job.code / "requirements.txt").write_text("tiny-wheel==1.0\n")
    target = str(tmp_path / "site")
    code, out, err = job.launch(PIP_TARGET=target, PYTHONPATH=target, HOME=str(tmp_path))
    assert code == 0, err
    assert out.endswith("42\n")


def test_a_requirement_that_cannot_be_installed_fails_before_the_script(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "print('ran')")
    write_wheel(job.code.parent / "wheels")
    (job.code / "requirements.txt").write_text("tiny-wheel==2.0\n")
    code, out, _ = job.launch(HOME=str(tmp_path))
    assert code == 1
    assert "ran" not in out
    reason = job.failure.read_text()
    assert reason.startswith("requirements.txt: pip could not install it: ERROR: ")
    assert "tiny-wheel==2.0" in reason


def test_on_a_laptop_requirements_are_left_to_the_backend(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "print('ran')")
    (job.code / "requirements.txt").write_text("tiny-wheel==2.0\n")
    assert job.launch(FMO_LOCAL="1")[:2] == (0, "ran\n")


def with_two_gpus(root: Path) -> str:
    """A PATH on which the driver lists two GPUs."""
    program = root / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'GPU 0: fake (UUID: 0)'\necho 'GPU 1: fake (UUID: 1)'\n")
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@pytest.mark.train
@pytest.mark.slow
def test_two_gpus_run_two_processes_that_know_each_other(tmp_path: Path) -> None:
    job = simulate(
        tmp_path,
        "Training",
        "import os\n"
        "names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'SM_NUM_GPUS')\n"
        # One write: both processes write into the same pipe.
        "os.write(1, (' '.join(os.environ[name] for name in names) + '\\n').encode())\n",
    )
    code, out, err = job.launch(PATH=with_two_gpus(tmp_path), OMP_NUM_THREADS="1")
    assert code == 0, err
    assert sorted(out.splitlines()) == ["0 2 0 2", "1 2 1 2"]


@pytest.mark.train
@pytest.mark.slow
def test_the_error_of_one_of_several_processes_is_the_reason(tmp_path: Path) -> None:
    job = simulate(
        tmp_path, "Training", "import os\nif os.environ['RANK'] == '1': raise ValueError('boom')\n"
    )
    code, _, _ = job.launch(PATH=with_two_gpus(tmp_path), OMP_NUM_THREADS="1")
    assert code == 1
    assert job.failure.read_text().endswith("ValueError: boom")
