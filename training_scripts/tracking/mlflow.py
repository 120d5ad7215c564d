"""MLflow: a run on a server, in MLflow on SageMaker, or in a folder of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training_scripts.tracking.tracker import Misconfigured, flat, keep_id, known_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from training_scripts.tracking.tracker import Row, RunFacts, Status

_ENVIRONMENT = {
    # Folders are in maintenance mode, and MLflow's cure, SQLite, takes 8 s to set up.
    "MLFLOW_ALLOW_FILE_STORE": "true",
    # MLflow would try for minutes; here a thread tries again, and keeps the rows meanwhile.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_METRICS_AT_ONCE, _PARAMETERS_AT_ONCE = 1000, 100
"""MLflow's limits on one log-batch request."""
_LONGEST_PARAMETER = 500
"""The limit of servers before MLflow 2.8; newer ones take more."""
_REFUSED = {401, 403, 404}
_CREDENTIALS = (
    "Check the address, and give the job MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD; on SageMaker, its role the actions sagemaker-mlflow:*."
)


class Mlflow:
    """Reports through MLflow's client, which keeps no state of its own."""

    name = "mlflow"

    def __init__(self, uri: str) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # It would report to the makers of MLflow.
        if uri.startswith("arn:") and importlib.util.find_spec("sagemaker_mlflow") is None:
            message = (
                f"tracking_uri: {uri} needs the package sagemaker-mlflow. "
                "Run: pip install 'fm-orchestrator[mlflow]'"
            )
            raise Misconfigured(message)
        try:
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            cure = "Run: pip install 'fm-orchestrator[mlflow]'"
            message = f"report_to: mlflow is not installed ({error}). {cure}"
            raise Misconfigured(message) from error
        if not uri.startswith("arn:"):
            # With sagemaker-mlflow installed, MLflow warns at each request that this is no ARN.
            logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)
        self.errors: tuple[type[Exception], ...] = (MlflowException, OSError)
        self._uri = uri
        self._client: Any = None
        self._run_id = ""
        self._last: dict[str, int] = {}
        """Metric to the last step of it that the run has."""

    def start(self, run: RunFacts) -> str:
        """Make the run, or find that of an earlier attempt and what it has."""
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient, set_tracking_uri

        set_tracking_uri(self._uri)  # sagemaker-mlflow reads the ARN from there, not the client's.
        try:
            self._client = MlflowClient(tracking_uri=self._uri)
            with self._alone():
                found = self._earlier_run(run) or self._new_run(run)
            self._run_id = found.info.run_id
            self._take_over(found, run)
        except MlflowException as error:
            if error.get_http_status_code() in _REFUSED:
                message = f"tracking_uri: {self._uri} refuses: {_first_line(error)} {_CREDENTIALS}"
                raise Misconfigured(message) from error
            raise
        where = self._uri
        if where.startswith("http"):
            where = f"{where}/#/experiments/{found.info.experiment_id}/runs/{self._run_id}"
        return f"experiment {run.project!r}, run {found.info.run_name!r}, {where}"

    def log(self, rows: Sequence[Row]) -> None:
        """Store the rows' numbers that the run lacks."""
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(row.time * 1000), row.step)
            for row in rows
            for name, value in row.values.items()
            if row.step > self._last.get(name, 0)
        ]
        for first in range(0, len(metrics), _METRICS_AT_ONCE):
            batch = metrics[first : first + _METRICS_AT_ONCE]
            self._client.log_batch(self._run_id, metrics=batch)
            self._last.update({metric.key: metric.step for metric in batch})

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Store the summary at the last step, and the status."""
        step = max(self._last.values(), default=0)
        for name, value in summary.items():
            if name not in self._last:
                self._client.log_metric(self._run_id, name, value, step=step)
        self._client.set_terminated(self._run_id, status=status)

    def _earlier_run(self, run: RunFacts) -> Any:
        from mlflow.exceptions import MlflowException

        run_id = known_id(run, self.name)
        if run_id is None:
            return None
        try:
            return self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None  # Somebody deleted it.

    def _new_run(self, run: RunFacts) -> Any:
        experiment = self._client.get_experiment_by_name(run.project)
        experiment_id = (
            self._client.create_experiment(run.project)
            if experiment is None
            else experiment.experiment_id
        )
        made = self._client.create_run(
            experiment_id, run_name=run.name, tags={"fmo.step": run.step}
        )
        keep_id(run, self.name, made.info.run_id)
        return made

    def _take_over(self, found: Any, run: RunFacts) -> None:
        if found.info.status != "RUNNING":
            self._client.update_run(self._run_id, status="RUNNING")
        if not found.data.params:  # MLflow refuses to change one.
            self._log_parameters(run.hyperparameters)
        self._last = {
            name: max(metric.step for metric in self._client.get_metric_history(self._run_id, name))
            for name in found.data.metrics
        }

    def _log_parameters(self, hyperparameters: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        parameters = [
            Param(name, _as_text(value)[:_LONGEST_PARAMETER])
            for name, value in flat(hyperparameters).items()
        ]
        for first in range(0, len(parameters), _PARAMETERS_AT_ONCE):
            batch = parameters[first : first + _PARAMETERS_AT_ONCE]
            self._client.log_batch(self._run_id, params=batch)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other jobs of this machine out while an experiment may be made in a folder."""
        if not self._uri.startswith("/"):
            yield
            return
        folder = Path(self._uri)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".fmo.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300]
