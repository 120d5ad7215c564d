"""What a job's process sees, how it may end, and that nothing of it is left."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import tarfile
import threading
import time
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import InputError
from orchestrator.local.process import can_show_as_opt_ml
from orchestrator.local.run import RunOptions
from orchestrator.results.events import StepProgress

needs_namespace = pytest.mark.skipif(
    not can_show_as_opt_ml(), reason="this system gives no private mount namespace"
)
PATHS = RunOptions(as_opt_ml=False)


@needs_namespace
def test_a_script_that_hard_codes_opt_ml_runs_unmodified(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x.txt", b"text")
    code = """
        text = open('/opt/ml/processing/input/data/a/x.txt').read()
        open('/opt/ml/processing/output/data/y.txt', 'w').write(text.upper())
        print(os.listdir('/opt/ml'))
    """
    step = lab.processing("a", code, inputs={"data": "s3://lab/in"}, outputs=["data"])
    result = lab.run(step)
    assert result.status == "Succeeded", result.failure_reason
    assert lab.text(result, "a", "data", "y.txt") == "TEXT"
    assert not Path("/opt/ml/processing").exists()


@needs_namespace
def test_the_rest_of_opt_stays_where_it_was(lab: Any) -> None:
    before = sorted({*(path.name for path in Path("/opt").iterdir()), "ml"})
    result = lab.run(lab.processing("a", f"assert sorted(os.listdir('/opt')) == {before!r}"))
    assert result.status == "Succeeded", result.failure_reason


def test_without_a_namespace_paths_in_arguments_are_rewritten(lab: Any) -> None:
    code = """
        target = sys.argv[1].removeprefix('--out=')
        assert target.startswith(str(ml)), target
        open(target, 'w').write(os.environ['THERE'])
    """
    step = lab.processing(
        "a",
        code,
        outputs=["data"],
        arguments=["--out=/opt/ml/processing/output/data/x.txt"],
        environment={"THERE": "/opt/mlx /opt/ml"},
    )
    result = lab.run(step, options=PATHS)
    assert result.status == "Succeeded", result.failure_reason
    folder = lab.home.attempt(result.execution_id, "a", 1)
    assert lab.text(result, "a", "data", "x.txt") == f"/opt/mlx {folder}"


def test_without_a_namespace_paths_in_hyperparameters_are_rewritten(lab: Any) -> None:
    code = """
        import json
        given = json.loads((ml / 'input/config/hyperparameters.json').read_text())
        open(given['out'] + '/x.txt', 'w').write(given['other'])
    """
    step = lab.training("a", code)
    parameters = {"out": "/opt/ml/model", "other": "/opt/mlx"}
    step = replace(step, arguments={**step.arguments, "HyperParameters": parameters})
    result = lab.run(step, options=PATHS)
    assert result.status == "Succeeded", result.failure_reason
    assert lab.text(result, "a", "model", "x.txt") == "/opt/mlx"


def test_what_metric_definitions_find_is_told_as_progress(lab: Any) -> None:
    step = lab.training("a", "print('loss=2'); print('loss=x'); print('loss=1.5 acc=0.5')")
    regexes = {"loss": "loss=([^ ]+)", "acc": "acc=(.*)", "none": "loss=", "broken": "("}
    definitions = [{"Name": name, "Regex": regex} for name, regex in regexes.items()]
    algorithm = {**step.arguments["AlgorithmSpecification"], "MetricDefinitions": definitions}
    lab.run(replace(step, arguments={**step.arguments, "AlgorithmSpecification": algorithm}))
    told = [(news.current, news.metrics) for news in lab.events if isinstance(news, StepProgress)]
    assert told == [(1, {"loss": 2}), (2, {"loss": 1.5, "acc": 0.5})]


def test_a_job_that_reports_progress_by_itself_is_believed(lab: Any) -> None:
    step = lab.training("a", "print('progress step=7/9 loss=3'); print('loss=1')")
    definitions = [{"Name": "loss", "Regex": "loss=(.*)"}]
    algorithm = {**step.arguments["AlgorithmSpecification"], "MetricDefinitions": definitions}
    lab.run(replace(step, arguments={**step.arguments, "AlgorithmSpecification": algorithm}))
    told = [(news.current, news.total) for news in lab.events if isinstance(news, StepProgress)]
    assert told == [(7, 9)]


def test_a_job_gets_no_credentials_and_none_of_the_callers_python(lab: Any) -> None:
    code = """
        names = {'AWS_SECRET_ACCESS_KEY', 'HF_TOKEN', 'PYTHONPATH', 'MY_SECRET'} & set(os.environ)
        assert not names, names
        assert os.environ['OMP_NUM_THREADS'] == '3'
        assert not os.path.exists(os.path.expanduser('~/.aws'))
        assert os.environ['TRAINING_JOB_NAME'].startswith('pipelines-')
        assert os.environ['SM_MODEL_DIR'] == '/opt/ml/model'
    """
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "s",
        "HF_TOKEN": "t",
        "PYTHONPATH": "/x",
        "MY_SECRET": "m",
        "OMP_NUM_THREADS": "3",
        "HOME": str(Path.home()),
    }
    result = lab.run(lab.training("a", code), options=RunOptions(environ=secrets))
    assert result.status == "Succeeded", result.failure_reason


def test_a_job_of_any_definition_gets_its_secret_and_nothing_of_it_is_kept(lab: Any) -> None:
    code = """
        import time
        secret = os.environ['TOKEN']
        print(len(secret), secret[:5], end='', flush=True)
        time.sleep(0.05)
        print(secret, flush=True)
        (ml / 'output/message').write_text('refused: ' + secret)
        sys.exit(1)
    """
    place = {"FMO_SECRET_TOKEN": '{"secret_id": "acme/token", "env": "MINE"}'}
    step = lab.processing("a", code, environment=place)
    result = lab.run(step, options=RunOptions(environ={"MINE": "correct-horse"}))
    assert result.step("a").failure_reason == "refused: ***"
    assert result.step("a").log.read_text() == "13 corre***\n"
    assert "correct-horse" not in str(lab.events)
    files = [path for path in lab.home.root.rglob("*") if path.is_file()]
    assert [path for path in files if b"correct-horse" in path.read_bytes()] == []


def test_a_secret_that_is_not_set_is_named_before_anything_starts(lab: Any) -> None:
    place = {"FMO_SECRET_TOKEN": '{"secret_id": "acme/token"}'}
    with pytest.raises(InputError, match=r"steps.a.environment.TOKEN: .* Run: export TOKEN="):
        lab.run(lab.processing("a", "", environment=place))
    assert lab.events == []


def test_a_training_job_finds_its_configuration_and_leaves_its_model(lab: Any) -> None:
    code = """
        import json
        config = json.loads((ml / 'input/config/inputdataconfig.json').read_text())
        assert set(config) == {'train'}, config
        hosts = json.loads((ml / 'input/config/resourceconfig.json').read_text())
        assert hosts['hosts'] == ['algo-1']
        (ml / 'model/deep').mkdir()
        (ml / 'model/deep/w.bin').write_bytes((ml / 'input/data/train/x').read_bytes())
        (ml / 'model/metrics.json').write_text('{"eval/loss": 1.5, "nan": NaN, "name": "x"}')
        (ml / 'model/trainer_log.jsonl').write_text('{"step": 1, "loss": 2}\\n')
    """
    lab.store.put_bytes("s3://lab/in/x", b"weights")
    result = lab.run(lab.training("a", code, inputs={"train": "s3://lab/in/"}))
    assert result.status == "Succeeded", result.failure_reason
    step = result.step("a")
    assert lab.text(result, "a", "model", "deep/w.bin") == "weights"
    assert step.metrics == {"eval/loss": 1.5}
    assert step.history == ({"step": 1, "loss": 2},)


def test_a_model_is_compressed_unless_the_request_says_otherwise(lab: Any) -> None:
    code = "(ml / 'model/w.bin').write_text('weights')"
    result = lab.run(lab.training("a", code, compression="GZIP"))
    uri = result.step("a").outputs["model"]
    assert uri.endswith("/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(lab.store.get(uri))) as archive:
        assert archive.getnames() == ["w.bin"]


def test_an_input_that_a_job_changes_stays_as_it_was_in_the_store(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/x", b"before")
    code = "(ml / 'processing/input/data/x').write_text('after')"
    result = lab.run(lab.processing("a", code, inputs={"data": "s3://lab/in/x"}))
    assert result.status == "Succeeded"
    assert lab.store.get("s3://lab/in/x") == b"before"


def test_a_link_out_of_an_output_fails_the_step(lab: Any) -> None:
    code = "(ml / 'processing/output/data/x').symlink_to('/etc/passwd')"
    result = lab.run(lab.processing("a", code, outputs=["data"]))
    assert result.status == "Failed"
    assert "outside of what the job wrote" in str(result.step("a").failure_reason)


def test_the_failure_file_says_why_a_job_failed(lab: Any) -> None:
    code = """
        (ml / 'output/failure').write_text('rows.jsonl:3: no prompt')
        sys.exit(1)
    """
    result = lab.run(lab.training("a", code))
    assert result.step("a").failure_reason == "rows.jsonl:3: no prompt"


def test_without_a_failure_file_the_end_of_the_log_says_why(lab: Any) -> None:
    result = lab.run(lab.processing("a", "print('one', flush=True)\nraise ValueError('bad row')"))
    reason = str(result.step("a").failure_reason)
    assert reason.startswith("exit code 1: one | Traceback")
    assert reason.endswith("ValueError: bad row")


def test_a_failure_file_of_any_size_becomes_a_reason_of_at_most_1024_characters(lab: Any) -> None:
    code = """
        with open(ml / 'output/message', 'wb') as file:
            file.write(b"No module named 'torch' " * 50)
            file.truncate(2**34)
        sys.exit(3)
    """
    result = lab.run(lab.processing("a", code))
    reason = str(result.step("a").failure_reason)
    assert len(reason) == 1024
    assert reason.endswith("Run: pip install 'fm-orchestrator[train]'")


def test_a_missing_training_library_is_named_with_the_cure(lab: Any) -> None:
    result = lab.run(lab.processing("a", "import torch"))
    assert str(result.step("a").failure_reason).endswith("pip install 'fm-orchestrator[train]'")


def test_a_job_past_its_time_limit_is_ended_and_says_so(lab: Any) -> None:
    code = """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    """
    started = time.monotonic()
    result = lab.run(lab.processing("a", code, seconds=1), options=RunOptions(grace_seconds=0.2))
    assert time.monotonic() - started < 20
    reason = result.step("a").failure_reason
    assert reason == "ran longer than its limit (MaxRuntimeInSeconds, 1 s) and was ended"


@pytest.mark.parametrize(
    ("name", "said"),
    [("SIGKILL", "killed by SIGKILL, likely out of memory"), ("SIGSEGV", "killed by SIGSEGV")],
)
def test_a_job_that_a_signal_ends_names_it_with_the_last_lines(
    lab: Any, name: str, said: str
) -> None:
    code = f"""
        import signal
        print('half way', flush=True)
        os.kill(os.getpid(), signal.{name})
    """
    result = lab.run(lab.processing("a", code))
    assert result.step("a").failure_reason == f"{said}: half way"


def test_a_job_out_of_memory_says_so(lab: Any) -> None:
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (2**27, 2**27))
        bytearray(2**30)
    """
    result = lab.run(lab.processing("a", code))
    assert "ran out of memory" in str(result.step("a").failure_reason)


def test_a_job_that_prints_100_mb_fills_neither_disk_nor_memory(lab: Any) -> None:
    code = """
        block = b'0123456789' * 1000 + b'\\n'
        for _ in range(10_500):
            os.write(1, block)
        print('the end')
    """
    result = lab.run(lab.processing("a", code))
    log = Path(str(result.step("a").log))
    assert log.stat().st_size < 10 * 2**20
    text = log.read_text()
    assert "MiB of output left out" in text
    assert text.endswith("the end\n")
    assert len(lab.events) < 10_000


def test_a_line_without_end_does_not_fill_memory(lab: Any) -> None:
    code = "for _ in range(3000): os.write(1, b'x' * 10_000)"
    result = lab.run(lab.processing("a", code))
    assert result.status == "Succeeded"


def test_a_process_that_a_job_leaves_behind_is_killed(lab: Any, tmp_path: Any) -> None:
    noted = tmp_path / "pid"
    code = """
        import subprocess
        child = subprocess.Popen(['sleep', '60'], start_new_session=True)
        pathlib.Path(sys.argv[1]).write_text(str(child.pid))
    """
    started = time.monotonic()
    result = lab.run(lab.processing("a", code, arguments=[str(noted)]))
    assert result.status == "Succeeded"
    assert time.monotonic() - started < 30
    assert is_gone(int(noted.read_text()))


def test_a_stop_ends_the_job_and_leaves_the_execution_stopped(lab: Any, tmp_path: Any) -> None:
    noted = tmp_path / "pid"
    code = """
        import time
        pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
        time.sleep(60)
    """
    stop = threading.Event()
    timer = threading.Thread(target=lambda: (wait_for(noted), stop.set()))
    timer.start()
    result = lab.run(
        lab.processing("a", code, arguments=[str(noted)]),
        lab.processing("b", "", depends_on=("a",)),
        options=RunOptions(stop=stop),
    )
    timer.join()
    assert result.status == "Stopped"
    assert [step.status for step in result.steps] == ["Stopped", "NotStarted"]
    assert is_gone(int(noted.read_text()))


def test_requirements_that_are_met_need_no_environment(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/code/job.py", b"import sys; print(sys.executable)")
    pinned = f"click=={version('click')}  # as here\n"
    lab.store.put_bytes("s3://lab/code/requirements.txt", pinned.encode())
    result = lab.run(with_code(lab))
    assert result.status == "Succeeded", result.failure_reason
    assert Path(str(result.step("a").log)).read_text().strip() == sys.executable
    assert not lab.home.envs.exists()


@pytest.mark.slow
def test_pinned_requirements_are_installed_once_and_never_into_the_python_of_fmo(
    lab: Any, tmp_path: Path
) -> None:
    wheels = wheel_of(tmp_path, "fmo_greeting", "WORD = 'hello'")
    lab.store.put_bytes(
        "s3://lab/code/job.py", b"import fmo_greeting, click; print(fmo_greeting.WORD)"
    )
    lab.store.put_bytes("s3://lab/code/requirements.txt", b"fmo-greeting==1.0\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PATH": os.defpath}
    for _ in range(2):
        result = lab.run(with_code(lab), options=RunOptions(environ=offline))
        assert result.status == "Succeeded", result.failure_reason
        log = Path(str(result.step("a").log)).read_text()
        assert log.splitlines()[-1] == "hello"
    assert "Installing" not in log, "the second job finds the environment of the first"
    assert importlib.util.find_spec("fmo_greeting") is None


@pytest.mark.slow
def test_requirements_that_cannot_be_installed_say_what_to_do_offline(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/code/job.py", b"print('never')")
    lab.store.put_bytes("s3://lab/code/requirements.txt", b"no-such-package-of-anyone==1.2.3\n")
    offline = {"PIP_NO_INDEX": "1", "PATH": os.defpath}
    result = lab.run(with_code(lab), options=RunOptions(environ=offline))
    reason = str(result.step("a").failure_reason)
    assert reason.startswith("requirements.txt: pip could not install it: ")
    assert "PIP_FIND_LINKS" in reason


def wheel_of(folder: Path, module: str, text: str) -> Path:
    """Return a folder that holds version 1.0 of `module` as a wheel, which is a zip archive."""
    wheels = folder / "wheels"
    wheels.mkdir()
    meta = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": text,
        f"{meta}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n",
        f"{meta}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{meta}/RECORD"))
    with zipfile.ZipFile(wheels / f"{module}-1.0-py3-none-any.whl", "w") as archive:
        for name, content in {**files, f"{meta}/RECORD": record}.items():
            archive.writestr(name, content)
    return wheels


def with_code(lab: Any) -> Any:
    """Return a Processing step whose script comes in the channel `code`."""
    step = lab.processing("a", "", inputs={"code": "s3://lab/code"})
    command = ["python3", "/opt/ml/processing/input/code/job.py"]
    application = {**step.arguments["AppSpecification"], "ContainerEntrypoint": command}
    return replace(step, arguments={**step.arguments, "AppSpecification": application})


def wait_for(path: Path) -> None:
    """Return once there is something at `path`."""
    while not (path.exists() and path.read_text()):
        time.sleep(0.01)


def is_gone(process: int) -> bool:
    """Return whether the process ends within some seconds."""
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def test_a_shell_script_finds_the_python_that_runs_fmo(lab: Any) -> None:
    step = lab.processing("a", "")
    command = ["bash", "-c", "python3 -c 'import sys; print(sys.prefix)'"]
    application = {**step.arguments["AppSpecification"], "ContainerEntrypoint": command}
    step = replace(step, arguments={**step.arguments, "AppSpecification": application})
    result = lab.run(step)
    assert result.status == "Succeeded", result.failure_reason
    assert Path(str(result.step("a").log)).read_text().strip() == sys.prefix


def test_without_a_namespace_a_script_that_hard_codes_opt_ml_is_told_what_to_read(
    lab: Any,
) -> None:
    code = "open('/opt' + '/ml/processing/input/data/x.txt')  # not to be seen in the arguments"
    result = lab.run(lab.processing("a", code), options=PATHS)
    reason = str(result.step("a").failure_reason)
    assert reason.startswith("this system cannot show the job its folder as /opt/ml: ")
    assert "FMO_ML_ROOT" in reason
