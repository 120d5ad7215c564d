"""The MLflow client itself: into a folder, and to a server on loopback."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mlflow")

from mlflow.tracking import MlflowClient

from tests.scripts.tracking.mlflow_server import MlflowServer
from training_scripts.tracking.mlflow import Mlflow
from training_scripts.tracking.sender import Patience, Sender
from training_scripts.tracking.tracker import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training_scripts.tracking.tracker import Row, RunFacts

    Facts = Callable[..., RunFacts]
    Rows = Callable[[int, int], list[Row]]

ARN = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-tracking-server/team"
LOOPBACK = [pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]


def only_run(client: MlflowClient, project: str = "support") -> Any:
    experiment = client.get_experiment_by_name(project)
    (run,) = client.search_runs([experiment.experiment_id])
    return run


def steps(client: MlflowClient, name: str) -> list[int]:
    run_id = only_run(client).info.run_id
    return [metric.step for metric in client.get_metric_history(run_id, name)]


def attempt(uri: str, run: RunFacts, sent: list[Row]) -> Mlflow:
    tracker = Mlflow(uri)
    tracker.start(run)
    tracker.log(sent)
    return tracker


def test_a_run_in_a_folder_holds_settings_metrics_and_an_end(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    folder = tmp_path / "mlruns"
    attempt(str(folder), facts(), rows(1, 1200)).finish("FINISHED", {"train/tokens": 9.0})
    client = MlflowClient(str(folder))
    run = only_run(client)
    assert run.info.run_name == "job-1"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"learning_rate": "0.002", "architecture.hidden_size": "32"}
    assert run.data.tags["fmo.step"] == "sft"
    assert run.data.metrics["train/tokens"] == 9
    assert steps(client, "train/tokens") == [1200]
    assert steps(client, "train/loss") == list(range(1, 1201))
    first = client.get_metric_history(run.info.run_id, "train/loss")[0]
    assert (first.timestamp, first.value) == (1_001_000, 1.0)


def test_a_resumed_run_goes_on_and_has_each_step_once(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    uri = str(tmp_path / "mlruns")
    attempt(uri, facts(), rows(1, 7)).finish("KILLED", {})
    client = MlflowClient(uri)
    assert only_run(client).info.status == "KILLED"
    attempt(uri, facts(resumed_after=4), [*rows(1, 4), *rows(5, 10)])
    assert only_run(client).info.status == "RUNNING"
    assert steps(client, "train/loss") == list(range(1, 11))
    assert steps(client, "eval/loss") == [2, 4, 6, 8, 10]


def test_a_run_whose_validation_was_cut_off_gets_it_on_resuming(
    tmp_path: Path, facts: Facts, rows: Rows
) -> None:
    uri = str(tmp_path / "mlruns")
    attempt(uri, facts(), [row for row in rows(1, 4) if row.step < 4 or "train/loss" in row.values])
    attempt(uri, facts(), rows(1, 4))
    assert steps(MlflowClient(uri), "eval/loss") == [2, 4]


def test_a_run_that_somebody_deleted_is_made_anew(tmp_path: Path, facts: Facts, rows: Rows) -> None:
    uri = str(tmp_path / "mlruns")
    attempt(uri, facts(), rows(1, 2))
    kept = facts().kept / "tracking.json"
    kept.write_text('{"mlflow": "0123456789abcdef0123456789abcdef"}')
    attempt(uri, facts(), rows(1, 3))
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("support")
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_a_missing_library_is_named_with_its_cure() -> None:
    program = (
        "import sys; sys.modules['mlflow.exceptions'] = None\n"
        "from training_scripts.tracking.mlflow import Mlflow; Mlflow('/runs')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "report_to: mlflow is not installed" in done.stderr
    assert "Run: pip install 'fm-orchestrator[mlflow]'" in done.stderr


def test_an_arn_without_its_plug_in_is_named_with_its_cure() -> None:
    program = (
        "import sys; sys.modules['sagemaker_mlflow'] = None\n"
        f"from training_scripts.tracking.mlflow import Mlflow; Mlflow('{ARN}')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "needs the package sagemaker-mlflow. Run: pip install" in done.stderr


class TestServer:
    """To a server, over HTTP."""

    pytestmark = LOOPBACK

    def test_a_run_reaches_it_and_nothing_else_is_said(
        self, tmp_path: Path, facts: Facts, rows: Rows, capfd: pytest.CaptureFixture[str]
    ) -> None:
        server = MlflowServer(tmp_path / "server")
        tracker = attempt(server.uri, facts(), rows(1, 3))
        tracker.finish("FINISHED", {"train/tokens": 9.0})
        where = Mlflow(server.uri).start(facts())
        assert where.startswith(f"experiment 'support', run 'job-1', {server.uri}/#/experiments/")
        attempt(server.uri, facts(resumed_after=2), rows(1, 4))
        server.close()
        assert capfd.readouterr() == ("", "")
        assert steps(server.client, "train/loss") == [1, 2, 3, 4]
        assert only_run(server.client).data.params["learning_rate"] == "0.002"

    def test_one_that_refuses_ends_the_job_before_it_trains(
        self, tmp_path: Path, facts: Facts
    ) -> None:
        server = MlflowServer(tmp_path / "server", refuses=401)
        sender = Sender(Mlflow(server.uri), facts(), Patience())
        with pytest.raises(Misconfigured, match=r"refuses: .*401.*MLFLOW_TRACKING_TOKEN"):
            sender.start([])
        server.close()

    def test_one_that_is_down_for_a_while_has_each_row_once_in_the_end(
        self,
        tmp_path: Path,
        facts: Facts,
        rows: Rows,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        server = MlflowServer(tmp_path / "server")
        sender = Sender(Mlflow(server.uri), facts(), Patience(retry=0.05))
        sender.start(rows(1, 2))
        wait_until(lambda: not sender.waiting)
        server.close()
        for row in rows(3, 6):
            sender.send(row)
        wait_until(lambda: "goes on" in capsys.readouterr().out)
        again = MlflowServer(tmp_path / "server", port=server.port)
        sender.finish("FINISHED", {})
        again.close()
        assert steps(again.client, "train/loss") == [1, 2, 3, 4, 5, 6]
        assert only_run(again.client).info.status == "FINISHED"

    def test_mlflow_on_sagemaker_is_asked_with_a_signature_for_its_arn(
        self, tmp_path: Path, facts: Facts, rows: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("sagemaker_mlflow")
        server = MlflowServer(tmp_path / "server")
        monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", server.uri)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        attempt(ARN, facts(), rows(1, 2))
        server.close()
        assert steps(server.client, "train/loss") == [1, 2]
        sent = {name.lower(): value for name, value in server.headers[0].items()}
        assert sent["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        assert "/eu-central-1/sagemaker-mlflow/" in sent["authorization"]
        assert ARN in sent.values()


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        time.sleep(0.01)
    pytest.fail("it never held")
