"""What a script that is not ours gets: arguments, metrics of its output, checkpoints of its run."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.scripts.test_launch_run import Simulated, contracts, simulate
from training_scripts.launch import build_command
from training_scripts.launch_environment import Container, Hosts
from training_scripts.printed_metrics import PrintedMetrics
from training_scripts.user_script import UserScript, arguments_of, show_checkpoints

if TYPE_CHECKING:
    from pathlib import Path


def test_hyperparameters_become_arguments_as_the_toolkit_makes_them() -> None:
    hyperparameters = {
        "learning-rate": 1e-05,
        "epochs": 3,
        "fast": True,
        "layers": [1, 2],
        "x": "y",
        "none": None,
        "map": {"b": 2, "a": 1},
        "name": "two words",
        "sagemaker_program": "train.py",
        "_tuning_objective_metric": "loss",
    }
    # sagemaker-training-toolkit, mapping.to_cmd_args: `str` of each value, sorted by name.
    assert arguments_of(hyperparameters) == (
        "--epochs", "3", "--fast", "True", "--layers", "[1, 2]", "--learning-rate", "1e-05",
        "--map", "a=1,b=2", "--name", "two words", "--none", "", "-x", "y",
    )  # fmt: skip


def user_job(
    root: Path, contract: str, script: str, *, hyperparameters: Any = None, **told: Any
) -> Simulated:
    job = simulate(root, contract, script)
    config = json.loads((job.code / "config.json").read_text())
    (job.code / "config.json").write_text(json.dumps({**config, "user_script": told}))
    config_folder = root / "input/config"
    config_folder.mkdir(parents=True, exist_ok=True)
    (config_folder / "hyperparameters.json").write_text(json.dumps(hyperparameters or {}))
    return job


ECHO = """\
import argparse, os
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--word")
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
print(vars(parser.parse_args()), os.environ["SM_USER_ARGS"], os.environ["SM_HP_EPOCHS"])
"""


def test_a_script_of_the_toolkit_finds_hyperparameters_and_channels(tmp_path: Path) -> None:
    parameters = {"epochs": "3", "word": '"012"'}
    job = user_job(tmp_path, "Training", ECHO, hyperparameters=parameters)
    (tmp_path / "input/data/train").mkdir()
    code, out, err = job.launch()
    assert (code, err) == (0, "")
    seen = {"epochs": 3, "word": "012", "train": str(tmp_path / "input/data/train")}
    assert out == f'{seen} ["--epochs", "3", "--word", "012"] 3\n'


def test_a_script_of_ours_gets_no_hyperparameters(tmp_path: Path) -> None:
    job = simulate(tmp_path, "Training", "import sys; print(sys.argv[1:])")
    (tmp_path / "input/config").mkdir(parents=True)
    (tmp_path / "input/config/hyperparameters.json").write_text('{"epochs": "3"}')
    assert job.launch("--seed=1")[1] == "['--seed=1']\n"
    assert not (tmp_path / "all-checkpoints").exists()


def metrics_of(job: Simulated) -> Any:
    inside = "model" if job.contract == "Training" else "processing/output/metrics"
    return json.loads((job.root / inside / "metrics.json").read_text())


@contracts
def test_the_last_printed_values_are_the_metrics(tmp_path: Path, contract: str) -> None:
    script = (
        "import sys\n"
        "for n in (3, 2, 1):\n"
        "    print(f'epoch {n} loss={n / 4}', flush=True)\n"
        "print('accuracy: 71.5%', file=sys.stderr)\n"
    )
    regexes = {"loss": r"loss=([0-9.]+)", "accuracy": r"accuracy: ([0-9.]+)%"}
    job = user_job(tmp_path, contract, script, metric_definitions=regexes)
    code, out, err = job.launch()
    assert code == 0
    assert out == "epoch 3 loss=0.75\nepoch 2 loss=0.5\nepoch 1 loss=0.25\n"
    assert err == "accuracy: 71.5%\n"
    assert metrics_of(job) == {"loss": 0.25, "accuracy": 71.5}


def test_a_training_leaves_its_history(tmp_path: Path) -> None:
    script = "for n in (3, 2):\n    print(f'loss={n} val={n + 1}')\nprint('loss=1')\n"
    regexes = {"loss": r"loss=(\d)", "val": r"val=(\d)"}
    user_job(tmp_path, "Training", script, metric_definitions=regexes).launch()
    lines = (tmp_path / "model/trainer_log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 1, "loss": 3, "val": 4},
        {"step": 2, "loss": 2, "val": 3},
        {"step": 3, "loss": 1},
    ]


@contracts
def test_a_metrics_file_of_the_scripts_own_wins(tmp_path: Path, contract: str) -> None:
    script = (
        "import os, pathlib\n"
        "ml = pathlib.Path(os.environ['FMO_ML_ROOT'])\n"
        "folder = ml / ('model' if (ml / 'input/data').is_dir() else 'processing/output/metrics')\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'metrics.json').write_text('{\"mine\": 1}')\n"
        "print('loss=2')\n"
    )
    job = user_job(tmp_path, contract, script, metric_definitions={"loss": "loss=(.)"})
    if contract == "Processing":
        (tmp_path / "input/config/hyperparameters.json").unlink()
    assert job.launch()[0] == 0
    assert metrics_of(job) == {"mine": 1}


def test_what_was_never_printed_or_is_no_number_is_missing_and_said(tmp_path: Path) -> None:
    regexes = {"loss": "loss=(.*)", "acc": "acc=(.*)", "name": "name=(.*)"}
    script = "print('loss=0.5'); print('loss=nan'); print('name=x')"
    job = user_job(tmp_path, "Training", script, metric_definitions=regexes)
    code, out, _ = job.launch()
    assert code == 0
    assert metrics_of(job) == {}
    assert out.splitlines()[3:] == [
        "metric_definitions.loss: the last value printed is nan, which is no finite number.",
        "metric_definitions.acc: no line of the output matches 'acc=(.*)'.",
        "metric_definitions.name: no line of the output matches 'name=(.*)'.",
    ]


def test_a_script_that_fails_leaves_no_metrics(tmp_path: Path) -> None:
    script = "print('loss=1'); raise SystemExit(3)"
    job = user_job(tmp_path, "Training", script, metric_definitions={"loss": "loss=(.)"})
    assert job.launch()[0] == 3
    assert not (tmp_path / "model").exists()


def test_a_long_history_is_thinned_and_its_last_value_kept(tmp_path: Path) -> None:
    metrics = PrintedMetrics({"loss": "loss=([0-9]+)"})
    for n in range(1, 100_001):
        metrics.read(f"loss={n}")
    metrics.write(tmp_path)
    metrics.write_history(tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"loss": 100_000}
    rows = [json.loads(line) for line in (tmp_path / "trainer_log.jsonl").read_text().splitlines()]
    assert 1000 <= len(rows) <= 2000
    assert all(row["step"] == row["loss"] for row in rows)
    assert rows[-1]["step"] > 99_900


COUNT = """\
import os, pathlib, sys
ml = pathlib.Path(os.environ["FMO_ML_ROOT"])
place = ml / "checkpoints" / "count"
count = int(place.read_text()) + 1 if place.exists() else 1
place.write_text(str(count))
print(count, os.environ["SM_CHECKPOINT_DIR"])
sys.exit(count < 3)
"""


def test_a_run_that_is_tried_again_finds_its_checkpoints_and_success_removes_them(
    tmp_path: Path,
) -> None:
    job = user_job(tmp_path, "Training", COUNT)
    printed = [job.launch()[1].split() for _ in range(3)]
    assert [count for count, _ in printed] == ["1", "2", "3"]
    assert len({folder for _, folder in printed}) == 1
    assert list((tmp_path / "all-checkpoints").iterdir()) == []
    assert job.launch()[1].split()[0] == "1"


def changed_job(root: Path, kept: Path, change: str) -> Simulated:
    """A job in a root of its own, in which SageMaker has restored what it kept."""

    def word(what: str) -> str:
        return "b" if change == what else "a"

    job = user_job(
        root,
        "Training",
        COUNT + f"# {word('script')}\n",
        hyperparameters={"word": word("hyperparameter")},
        environment={"WORD": word("environment")},
    )
    (job.code / "words.py").write_text(f"# {word('module')}\n")
    rows = job.code.parent / f"rows-{word('input name')}"
    rows.mkdir()
    (rows / "x.csv").write_text(word("input file"))
    (root / "all-checkpoints").symlink_to(kept)
    return job


@pytest.mark.parametrize(
    "change", ["script", "module", "hyperparameter", "input file", "input name", "environment"]
)
def test_another_run_starts_without_checkpoints(tmp_path: Path, change: str) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    changes = {"first": "", "again": "", "other": change, "last": ""}
    counts = {
        name: changed_job(tmp_path / name, kept, change).launch()[1].split()[0]
        for name, change in changes.items()
    }
    assert counts == {"first": "1", "again": "2", "other": "1", "last": "3"}


def test_another_version_of_fmo_or_other_regexes_change_no_run(tmp_path: Path) -> None:
    job = user_job(tmp_path, "Training", COUNT)
    assert job.launch()[1].split()[0] == "1"
    (job.code / "launch.py").write_text((job.code / "launch.py").read_text() + "\n")
    (job.code / "__pycache__").mkdir()
    (job.code / "__pycache__/words.pyc").write_text("compiled")
    told = {"metric_definitions": {"loss": "loss=(.*)"}}
    config = json.loads((job.code / "config.json").read_text())
    (job.code / "config.json").write_text(json.dumps({**config, "user_script": told}))
    assert job.launch()[1].split()[0] == "2"


def test_a_script_that_was_stopped_keeps_its_checkpoints_though_it_exits_with_0(
    tmp_path: Path,
) -> None:
    script = (
        "import pathlib, os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "pathlib.Path(os.environ['SM_CHECKPOINT_DIR'], 'state').write_text('half')\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    process = user_job(tmp_path, "Training", script).start()
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    (state,) = (tmp_path / "all-checkpoints").glob("*/state")
    assert state.read_text() == "half"


def test_where_the_image_has_files_of_its_own_the_variable_names_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/of-the-image").touch()
    code = tmp_path / "input/data/code"
    code.mkdir(parents=True)
    folder = show_checkpoints(Container("Training", tmp_path, code), UserScript((), {}, "none", {}))
    assert folder.parent == tmp_path / "all-checkpoints"
    assert folder.is_dir()
    assert "only SM_CHECKPOINT_DIR names the folder that is kept" in capsys.readouterr().out


def test_an_empty_folder_of_the_image_gives_way(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    code = tmp_path / "input/data/code"
    code.mkdir(parents=True)
    folder = show_checkpoints(Container("Training", tmp_path, code), UserScript((), {}, "none", {}))
    assert (tmp_path / "checkpoints").resolve() == folder.resolve()


@pytest.mark.parametrize("shared", [True, False])
def test_only_a_script_that_shares_its_work_runs_on_each_gpu(
    tmp_path: Path, *, shared: bool
) -> None:
    container = Container("Training", tmp_path, tmp_path / "input/data/code")
    hosts = Hosts(("a",), "a", "eth0", "ml.g5.12xlarge", 4)
    command = build_command(container, hosts, ["job.py"], python="py", shared=shared)
    assert ("torch.distributed.run" in command) == shared
    assert command[-1] == str(container.code / "job.py")
