"""Amazon Bedrock on this machine, as far as the bridge's services call it.

A customization job trains a small stand-in (`training_scripts/bedrock_stand_in.py`) and an import
looks at the weights; both end before the call that creates them returns.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchestrator.local.environments import job_variables
from orchestrator.local.job_log import JobLog, open_log
from orchestrator.local.job_secrets import Redactor
from orchestrator.local.jobs import LOG_FILE
from orchestrator.local.process import EXIT_FILE, Command, run_process
from orchestrator.local.values import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.local.jobs import JobSurroundings

ROOT = Path(__file__).parents[2]
"""Where `training_scripts` lies, in a checkout as in an installation."""
MODULE = "training_scripts.bedrock_stand_in"
# docs.aws.amazon.com/bedrock/latest/userguide/model-customization-import-model.html
IMPORTED_TYPES = frozenset(
    {
        *("gpt_bigcode", "gpt_oss", "llama", "mistral", "mixtral", "mllama"),
        *("qwen2", "qwen2_5_vl", "qwen2_vl", "qwen3", "qwen3_moe", "t5"),
    }
)
"""`model_type` of what Bedrock imports."""
_SORTED_TYPES = sorted(IMPORTED_TYPES)
_FILES = {
    "training_loss": "training_artifacts/step_wise_training_metrics.csv",
    "validation_loss": "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
}


@dataclass
class LocalBedrock:
    """A client with the calls of boto3's that the bridge makes, for one step."""

    step: str
    folder: Path
    """Where a job works; it holds the log afterwards."""
    around: JobSurroundings
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create_model_customization_job(self, **request: Any) -> dict[str, Any]:
        """Train the stand-in on the request's data, to its end."""
        job = self._job("model-customization-job", request["jobName"])
        output = f"{request['outputDataConfig']['s3Uri'].rstrip('/')}/{_work_name(job)}/"
        reason = self._fetch(request)
        if reason is None:
            reason = self._train(output)
        losses = {} if reason else _losses(self.folder / "customized")
        job |= {
            "status": "Completed" if reason is None else self._failed(),
            "failureMessage": reason or "",
            "outputDataConfig": request["outputDataConfig"],
            "outputModelName": request["customModelName"],
            "outputModelArn": _arn("custom-model", request["baseModelIdentifier"], job),
            "trainingMetrics": {"trainingLoss": losses.get("training_loss")},
            "validationMetrics": [{"validationLoss": losses.get("validation_loss")}],
        }
        return {"jobArn": job["jobArn"]}

    def get_model_customization_job(self, **request: Any) -> dict[str, Any]:
        """Return a job that was created."""
        return self._found(request["jobIdentifier"])

    def create_model_import_job(self, **request: Any) -> dict[str, Any]:
        """Look whether Bedrock could import the weights; nothing is copied."""
        job = self._job("model-import-job", request["jobName"])
        reason = self._why_not_imported(request["modelDataSource"]["s3DataSource"]["s3Uri"])
        job |= {
            "status": "Completed" if reason is None else "Failed",
            "failureMessage": reason or "",
            "importedModelName": request["importedModelName"],
            "importedModelArn": _arn("imported-model", "", job),
        }
        return {"jobArn": job["jobArn"]}

    def get_model_import_job(self, **request: Any) -> dict[str, Any]:
        """Return a job that was created."""
        return self._found(request["jobIdentifier"])

    def _job(self, kind: str, name: str) -> dict[str, Any]:
        number = name.lower().rpartition("-")[2].ljust(12, "0")[:12]
        arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:{kind}/{number}"
        self.jobs[name] = {"jobName": name, "jobArn": arn, "status": "InProgress"}
        return self.jobs[name]

    def _found(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            error = {"Code": "ResourceNotFoundException", "Message": f"there is no job {name}"}
            raise ClientError({"Error": error}, "GetJob")
        return self.jobs[name]

    def _failed(self) -> str:
        return "Stopped" if self.around.stopping.event.is_set() else "Failed"

    def _fetch(self, request: Mapping[str, Any]) -> str | None:
        """Lay out the job's folder; return what is missing for it."""
        data = self.folder / "bedrock"
        data.mkdir(parents=True, exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        (self.folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        validators = request.get("validationDataConfig", {}).get("validators", [])
        given = [request["trainingDataConfig"], *validators]
        for side, source in zip(("train", "validation"), given, strict=False):
            uri = source["s3Uri"]
            if self.around.store.find(uri) is None:
                return f"the local store has nothing at {uri}"
            (data / f"{side}.jsonl").write_bytes(self.around.store.get(uri))
        return None

    def _train(self, output: str) -> str | None:
        """Run the stand-in and store what it wrote; return why it failed, if it did."""
        around, folder = self.around, self.folder
        variables = job_variables(folder, {"PYTHONPATH": str(ROOT)}, around.caller, as_opt_ml=False)
        arguments = [sys.executable, "-P", "-m", MODULE, str(folder)]
        command = Command(
            arguments,
            variables,
            folder,
            folder,
            grace_seconds=around.grace_seconds,
            as_opt_ml=False,
            locks=(around.lock,),
        )
        with open_log(folder / LOG_FILE) as file:
            log = JobLog(file, self.step, around.tell, around.clock, {}, Redactor(()))
            ended = run_process(command, folder / EXIT_FILE, log.read, around.stopping)
            log.close()
        if not ended.succeeded:
            said = list(log.last_lines)[-1:] or [f"exit code {ended.exit_code}"]
            return ended.reason or said[0].strip()
        around.store.upload(folder / "customized", output)
        return None

    def _why_not_imported(self, uri: str) -> str | None:
        files = self.around.store.tree(uri)
        if "config.json" not in files or not any(name.endswith(".safetensors") for name in files):
            found = ", ".join(sorted(files)[:5]) or "nothing"
            return f"{uri} holds no merged model, config.json and *.safetensors, but {found}"
        config = json.loads(files["config.json"].path.read_bytes())
        found = config.get("model_type")
        if found not in IMPORTED_TYPES:
            return (
                f"Bedrock imports no model of type {found!r}: {', '.join(sorted(IMPORTED_TYPES))}"
            )
        return None


def _work_name(job: Mapping[str, Any]) -> str:
    return f"model-customization-job-{job['jobArn'].rpartition('/')[2]}"


def _arn(kind: str, base: str, job: Mapping[str, Any]) -> str:
    number = job["jobArn"].rpartition("/")[2]
    path = "/".join(filter(None, [kind, base.rpartition("/")[2], number]))
    return f"arn:aws:bedrock:{REGION}:{ACCOUNT}:{path}"


def _losses(folder: Path) -> dict[str, float]:
    """The last value of each file of metrics that there is."""
    losses = {}
    for name, place in _FILES.items():
        if (folder / place).is_file():
            with (folder / place).open(encoding="utf-8", newline="") as file:
                losses[name] = float(list(csv.DictReader(file))[-1][name])
    return losses
