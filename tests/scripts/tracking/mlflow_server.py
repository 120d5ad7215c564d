"""MLflow's REST interface on loopback, as far as a run needs it, over MLflow's own folder store."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos import service_pb2 as protos
from mlflow.protos.databricks_pb2 import ErrorCode
from mlflow.tracking import MlflowClient
from mlflow.utils.proto_json_utils import message_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class MlflowServer:
    """Answers until it is closed; another one on the same folder and port goes on."""

    def __init__(self, folder: Path, *, port: int = 0, refuses: int = 0) -> None:
        self.client = MlflowClient(str(folder))
        self.refuses = refuses
        """A status to answer everything with, 0 for none."""
        self.headers: list[Mapping[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, call: str, given: dict[str, Any]) -> str:
        answers = {
            "experiments/get-by-name": self._experiment,
            "experiments/create": self._new_experiment,
            "runs/create": self._new_run,
            "runs/get": self._run,
            "runs/update": self._updated_run,
            "runs/log-batch": self._batch,
            "runs/log-metric": self._metric,
            "metrics/get-history": self._history,
        }
        return answers[call](given)

    def _experiment(self, given: dict[str, Any]) -> str:
        found = self.client.get_experiment_by_name(given["experiment_name"])
        if found is None:
            message = "There is none."
            code = ErrorCode.Value("RESOURCE_DOES_NOT_EXIST")
            raise MlflowException(message, error_code=code)
        return as_json(protos.GetExperimentByName.Response(experiment=found.to_proto()))

    def _new_experiment(self, given: dict[str, Any]) -> str:
        return json.dumps({"experiment_id": self.client.create_experiment(given["name"])})

    def _new_run(self, given: dict[str, Any]) -> str:
        tags = {tag["key"]: tag["value"] for tag in given["tags"]}
        run = self.client.create_run(given["experiment_id"], tags=tags, run_name=given["run_name"])
        return as_json(protos.CreateRun.Response(run=run.to_proto()))

    def _run(self, given: dict[str, Any]) -> str:
        run = self.client.get_run(given["run_id"])
        return as_json(protos.GetRun.Response(run=run.to_proto()))

    def _updated_run(self, given: dict[str, Any]) -> str:
        self.client.update_run(given["run_id"], status=given.get("status"))
        info = self.client.get_run(given["run_id"]).info
        return as_json(protos.UpdateRun.Response(run_info=info.to_proto()))

    def _batch(self, given: dict[str, Any]) -> str:
        metrics = [metric(item) for item in given.get("metrics", [])]
        parameters = [Param(item["key"], item["value"]) for item in given.get("params", [])]
        self.client.log_batch(given["run_id"], metrics, parameters)
        return "{}"

    def _metric(self, given: dict[str, Any]) -> str:
        self.client.log_batch(given["run_id"], [metric(given)])
        return "{}"

    def _history(self, given: dict[str, Any]) -> str:
        history = self.client.get_metric_history(given["run_id"], given["metric_key"])
        response = protos.GetMetricHistory.Response()
        response.metrics.extend(item.to_proto() for item in history)
        return as_json(response)


def metric(item: dict[str, Any]) -> Metric:
    return Metric(item["key"], item["value"], int(item["timestamp"]), int(item.get("step", 0)))


def as_json(message: Any) -> str:
    return str(message_to_json(message))


def _handler(server: MlflowServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(url.query).items()}
            self._reply(url.path, given)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(self.path, json.loads(body))

        def _reply(self, path: str, given: dict[str, Any]) -> None:
            server.headers.append(dict(self.headers.items()))
            status, text = 200, ""
            if server.refuses:
                status, text = server.refuses, "Not allowed."
            else:
                try:
                    text = server.answer(path.partition("/mlflow/")[2], given)
                except MlflowException as error:
                    status, text = error.get_http_status_code(), error.serialize_as_json()
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Print nothing."""

    return Handler
