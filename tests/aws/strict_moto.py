"""moto's SageMaker made as strict as the service where it is lax about pipelines, and extended.

moto 5.2 takes a definition that is no JSON, forgets client tokens, tells of a missing pipeline with
another code than the service model names, has executions that are over at once, and lacks
`ListPipelineExecutionSteps`, `StopPipelineExecution` and `RetryPipelineExecution`. Here an
execution is one step further each time its steps are listed, and its jobs are there to be
described; or, once `run_by` has named an engine, it is a real run on this machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.logs.models import LogsBackend, logs_backends
from moto.s3.models import S3Backend, s3_backends
from moto.sagemaker.exceptions import AWSValidationException, ResourceNotFound
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from orchestrator.aws.shapes import load_shapes
from orchestrator.definition.model import CONDITION, Step
from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate
from orchestrator.errors import DefinitionError
from tests.aws.account import BUCKET
from tests.aws.local_engine import LocalEngine, LocalRun, Request

LAX = {
    name: getattr(SageMakerResponse, name)
    for name in (
        "create_pipeline", "update_pipeline", "describe_pipeline", "start_pipeline_execution",
        "list_pipeline_executions", "describe_pipeline_execution", "describe_training_job",
        "describe_processing_job",
    )
}  # fmt: skip
"""What moto itself does."""
ENDED = {"Succeeded", "Failed", "Stopped"}
OUTPUTS = "out"
"""Where jobs write in the bucket."""
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass
class Run:
    """An execution of jobs that do nothing: its steps in order, as far as they have come."""

    arn: str
    waiting: list[Step]
    known: list[Step] = field(default_factory=list)
    """Every step that has run."""
    status: str = "Executing"
    reason: str | None = None
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[str, tuple[Step, dict[str, Any]]] = field(default_factory=dict)
    logs: LogsBackend | None = None
    s3: S3Backend | None = None
    hosts: int = 1
    started_at: datetime = field(default_factory=utcnow)
    changed_at: datetime = field(default_factory=utcnow)

    def stop(self) -> None:
        """Let the step that runs be the last."""
        self.status = "Stopping"

    def retry(self) -> None:
        """Forget what did not succeed, so that it runs again."""
        lost = [name for name, one in self.steps.items() if one["StepStatus"] != "Succeeded"]
        for name in lost:
            del self.steps[name]
        self.waiting[:0] = [step for step in self.known if step.name in lost]
        self.status, self.reason = "Executing", None
        self.changed_at += timedelta(seconds=1)

    def outputs_of(self, step: str) -> dict[str, str]:
        """Return output name to URI."""
        known, job = next((one, job) for job, (one, _) in self.jobs.items() if one.name == step)
        place = f"s3://{BUCKET}/{OUTPUTS}/{step}"
        if known.type == "Training":
            return {"model": f"{place}/{job}/output/model/"}
        return {name: f"{place}/{name}" for name in _output_names(known)}

    def metrics_of(self, step: str) -> dict[str, float]:
        """Return what a training job measured."""
        del step
        return {"loss": 1.5}

    def secondary_status(self, step: str) -> str:
        """Return how far a training job is."""
        return "Completed" if self.steps[step]["StepStatus"] in ENDED else "Training"

    def advance(self, fails: set[str]) -> None:
        """End the step that runs; else start the next one; else end."""
        if self.status not in {"Executing", "Stopping"}:
            return
        running = [one for one in self.steps.values() if one["StepStatus"] == "Executing"]
        if running:
            self._end(running[0], fails)
        elif self.waiting:
            self._start(self.waiting.pop(0), fails)
        else:
            self.status = "Succeeded"

    def _start(self, step: Step, fails: set[str]) -> None:
        entry: dict[str, Any] = {
            "StepName": step.name, "StepStatus": "Executing", "StartTime": NOW,
            "AttemptCount": 1, "Metadata": {},
        }  # fmt: skip
        self.steps[step.name] = entry
        if step not in self.known:
            self.known.append(step)
        if step.type in {"Training", "Processing"}:
            job = f"pipelines-{self.arn[-12:]}-{step.name}"
            kind = step.type.lower()
            arn = self.arn.split(":pipeline/")[0] + f":{kind}-job/{job}"
            entry["Metadata"] = {f"{step.type}Job": {"Arn": arn}}
            self.jobs[job] = (step, entry)
            self._log(job, "progress step=1/2 train/loss=3.5 tokens_per_second=700")
        elif step.type == CONDITION:
            is_open = step.name not in fails
            entry["Metadata"] = {"Condition": {"Outcome": str(is_open)}}
            self.waiting[:0] = step.if_steps if is_open else step.else_steps
        elif step.type == "Fail":
            entry["Metadata"] = {"Fail": {"ErrorMessage": step.arguments["ErrorMessage"]}}

    def _log(self, job: str, line: str) -> None:
        """Write as a job does: a stream for each of its hosts."""
        assert self.logs is not None
        group = f"/aws/sagemaker/{self.jobs[job][0].type}Jobs"
        if group not in self.logs.groups:
            self.logs.create_log_group(group, {})
        for host in range(1, self.hosts + 1):
            stream = f"{job}/algo-{host}-1764000000"
            if stream not in self.logs.groups[group].streams:
                self.logs.create_log_stream(group, stream)
            at = int(utcnow().timestamp() * 1000)
            self.logs.put_log_events(group, stream, [{"timestamp": at, "message": line}])

    def _write(self, step: Step) -> None:
        """Leave a file in each output."""
        assert self.s3 is not None
        for name in _output_names(step):
            self.s3.put_object(BUCKET, f"{OUTPUTS}/{step.name}/{name}/metrics.json", b'{"rows": 5}')

    def _end(self, entry: dict[str, Any], fails: set[str]) -> None:
        for job, (step, known) in self.jobs.items():
            if known is entry:
                self._log(job, "done")
                self._write(step)
        entry["EndTime"] = NOW
        entry["StepStatus"] = "Stopped" if self.status == "Stopping" else "Succeeded"
        metadata = entry["Metadata"]
        if "Fail" in metadata or (entry["StepName"] in fails and "Condition" not in metadata):
            entry["StepStatus"] = "Failed"
            if "Fail" not in metadata:
                entry["FailureReason"] = "AlgorithmError: ValueError: no rows, exit code: 1"
            self.status = "Failed"
            self.reason = "Step failure: One or multiple steps failed."
        elif self.status == "Stopping":
            self.status = "Stopped"


def create_pipeline(self: SageMakerResponse) -> ActionResult:
    """Refuse what is no definition; answer a repeated token with what it made."""
    tokens, token = _state(self, "tokens"), self._get_param("ClientRequestToken")
    body = json.dumps(self.params, sort_keys=True, default=str)
    if token in tokens:
        before, arn = tokens[token]
        if before != body:
            msg = "The ClientRequestToken was used for another request"
            raise AWSValidationException(msg)
        return ActionResult({"PipelineArn": arn})
    _take_definition(self)
    answer = LAX["create_pipeline"](self)
    tokens[token] = (body, answer.result["PipelineArn"])
    return answer


def update_pipeline(self: SageMakerResponse) -> ActionResult:
    """Refuse what is no definition."""
    _pipeline(self)
    _take_definition(self)
    return LAX["update_pipeline"](self)


def describe_pipeline(self: SageMakerResponse) -> ActionResult:
    """Tell of a missing pipeline as the service does; take an ARN too."""
    self.params["PipelineName"] = _pipeline(self).pipeline_name
    return LAX["describe_pipeline"](self)


def start_pipeline_execution(self: SageMakerResponse) -> ActionResult:
    """Refuse parameters that the definition lacks; answer a repeated token with the same."""
    pipeline = _pipeline(self)
    started, token = _state(self, "started"), self._get_param("ClientRequestToken")
    if token in started:
        return ActionResult({"PipelineExecutionArn": started[token]})
    definition = parse_definition(pipeline.pipeline_definition.encode())
    known = {parameter.name for parameter in definition.parameters}
    given = {item["Name"] for item in self._get_param("PipelineParameters") or ()}
    if given - known:
        msg = f"Unknown parameter(s) {sorted(given - known)}"
        raise AWSValidationException(msg)
    self.params["PipelineName"] = pipeline.pipeline_name  # It may be the ARN.
    answer = LAX["start_pipeline_execution"](self)
    arn = answer.result["PipelineExecutionArn"]
    started[token] = arn
    logs = logs_backends[self.current_account][self.region]
    s3 = s3_backends[self.current_account][self.partition]
    engine: LocalEngine | None = _state(self, "engine").get("one")
    if engine is None:
        _state(self, "runs")[arn] = Run(arn, list(definition.steps), logs=logs, s3=s3)
        return answer
    parameters = {one["Name"]: one["Value"] for one in self._get_param("PipelineParameters") or ()}
    data = pipeline.pipeline_definition.encode()
    _state(self, "runs")[arn] = engine.start(
        Request(arn, data, parameters, s3, logs, self.sagemaker_backend)
    )
    return answer


def list_pipeline_executions(self: SageMakerResponse) -> ActionResult:
    """Tell how each stands, the newest first."""
    self.params["PipelineName"] = _pipeline(self).pipeline_name
    answer = dict(LAX["list_pipeline_executions"](self).result)
    for one in answer["PipelineExecutionSummaries"]:
        run = _state(self, "runs")[one["PipelineExecutionArn"]]
        one |= {"PipelineExecutionStatus": run.status, "StartTime": run.started_at}
        one.pop("PipelineExecutionFailureReason")
    answer["PipelineExecutionSummaries"].reverse()
    return ActionResult(answer)


def describe_pipeline_execution(self: SageMakerResponse) -> ActionResult:
    """Tell how far it has come."""
    run = _run(self)
    found = dict(LAX["describe_pipeline_execution"](self).result)
    found["PipelineExecutionStatus"] = run.status
    found |= {"CreationTime": run.started_at, "LastModifiedTime": run.changed_at}
    found.pop("FailureReason")
    return ActionResult(found | ({"FailureReason": run.reason} if run.reason else {}))


def list_pipeline_execution_steps(self: SageMakerResponse) -> ActionResult:
    """Go one step further, and list the steps, the newest first, two a page."""
    run, start = _run(self), int(self._get_param("NextToken") or 0)
    if not start:
        run.advance(_state(self, "fails").keys())
    steps = list(reversed(run.steps.values()))
    page: dict[str, Any] = {"PipelineExecutionSteps": steps[start : start + 2]}
    if steps[start + 2 :]:
        page["NextToken"] = str(start + 2)
    return ActionResult(page)


def stop_pipeline_execution(self: SageMakerResponse) -> ActionResult:
    """Stop what runs."""
    run = _run(self)
    if run.status != "Executing":
        msg = f"Pipeline execution {run.arn} has ended: {run.status}"
        raise AWSValidationException(msg)
    run.stop()
    return ActionResult({"PipelineExecutionArn": run.arn})


def retry_pipeline_execution(self: SageMakerResponse) -> ActionResult:
    """Run what did not succeed; a repeated token does nothing more."""
    run, retried = _run(self), _state(self, "retried")
    token = self._get_param("ClientRequestToken")
    if token not in retried:
        if run.status not in {"Failed", "Stopped"}:
            msg = f"Pipeline execution {run.arn} cannot be retried: {run.status}"
            raise AWSValidationException(msg)
        run.retry()
        retried[token] = run.arn
    return ActionResult({"PipelineExecutionArn": run.arn})


def describe_training_job(self: SageMakerResponse) -> ActionResult:
    """Describe a job of an execution."""
    found = _job(self, self._get_param("TrainingJobName"))
    if found is None:
        return LAX["describe_training_job"](self)
    run, step, entry = found
    job, outputs = self._get_param("TrainingJobName"), run.outputs_of(step.name)
    place = {"ModelArtifacts": {"S3ModelArtifacts": outputs["model"]}} if outputs else {}
    return ActionResult(
        {
            "TrainingJobName": job,
            "TrainingJobArn": entry["Metadata"]["TrainingJob"]["Arn"],
            "TrainingJobStatus": _job_status(entry),
            "SecondaryStatus": run.secondary_status(step.name),
            "FinalMetricDataList": [
                {"MetricName": name, "Value": value, "Timestamp": NOW}
                for name, value in run.metrics_of(step.name).items()
            ][:40],
            "CreationTime": NOW,
            **place,
        }
    )


def describe_processing_job(self: SageMakerResponse) -> ActionResult:
    """Describe a job of an execution."""
    found = _job(self, self._get_param("ProcessingJobName"))
    if found is None:
        return LAX["describe_processing_job"](self)
    run, step, entry = found
    outputs = [
        {
            "OutputName": name,
            "S3Output": {
                "S3Uri": uri,
                "LocalPath": f"/opt/ml/processing/output/{name}",
                "S3UploadMode": "EndOfJob",
            },
        }
        for name, uri in run.outputs_of(step.name).items()
    ]
    return ActionResult(
        {
            "ProcessingJobName": self._get_param("ProcessingJobName"),
            "ProcessingJobArn": entry["Metadata"]["ProcessingJob"]["Arn"],
            "ProcessingJobStatus": _job_status(entry),
            "ProcessingOutputConfig": {"Outputs": outputs},
            "CreationTime": NOW,
        }
    )


STRICT = (
    create_pipeline,
    update_pipeline,
    describe_pipeline,
    start_pipeline_execution,
    describe_pipeline_execution,
    list_pipeline_execution_steps,
    list_pipeline_executions,
    stop_pipeline_execution,
    retry_pipeline_execution,
    describe_training_job,
    describe_processing_job,
)
for _operation in STRICT:
    # moto finds an operation by the name of a method.
    setattr(SageMakerResponse, _operation.__name__, _operation)


def fail_at(step: str, region: str = "eu-central-1") -> None:
    """Let the step of this name fail in every execution from now on; a condition does not hold."""
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
    backend.__dict__.setdefault("strict", {}).setdefault("fails", {})[step] = True


def run_by(engine: LocalEngine, account: str, region: str) -> None:
    """Let every execution from now on be a real run of `engine`."""
    backend = sagemaker_backends[account][region]
    backend.__dict__.setdefault("strict", {})["engine"] = {"one": engine}


def mend(step: str, region: str = "eu-central-1") -> None:
    """Let the step of this name succeed again."""
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][region]
    del backend.__dict__["strict"]["fails"][step]


def _state(self: SageMakerResponse, name: str) -> dict[str, Any]:
    """Return what this account and region remember; moto forgets it with the rest."""
    state: dict[str, dict[str, Any]] = self.sagemaker_backend.__dict__.setdefault("strict", {})
    return state.setdefault(name, {})


def _pipeline(self: SageMakerResponse) -> Any:
    name = self._get_param("PipelineName").rpartition("pipeline/")[2]
    pipelines = self.sagemaker_backend.pipelines
    if name not in pipelines:
        msg = f"Pipeline '{name}' does not exist."
        raise ResourceNotFound(msg)
    return pipelines[name]


def _run(self: SageMakerResponse) -> Run | LocalRun:
    arn = self._get_param("PipelineExecutionArn")
    runs = _state(self, "runs")
    if arn not in runs:
        msg = f"Pipeline execution '{arn}' does not exist."
        raise ResourceNotFound(msg)
    run: Run | LocalRun = runs[arn]
    return run


def _job(self: SageMakerResponse, name: str) -> tuple[Run | LocalRun, Step, dict[str, Any]] | None:
    for run in _state(self, "runs").values():
        if name in run.jobs:
            return (run, *run.jobs[name])
    return None


def _job_status(entry: dict[str, Any]) -> str:
    words = {"Executing": "InProgress", "Succeeded": "Completed"}
    return words.get(entry["StepStatus"], entry["StepStatus"])


def _take_definition(self: SageMakerResponse) -> None:
    """Check the definition, and take it from S3 if that is where it is."""
    place = self.params.pop("PipelineDefinitionS3Location", None)
    if place:
        backend = s3_backends[self.current_account][self.partition]
        found = backend.get_object(place["Bucket"], place["ObjectKey"])
        self.params["PipelineDefinition"] = found.value.decode()
    text = self.params.get("PipelineDefinition")
    if text is None:
        return
    try:
        problems = validate(parse_definition(text.encode()), load_shapes())
    except DefinitionError as error:
        problems = list(error.problems)
    if problems:
        msg = f"Unable to parse pipeline definition. {problems[0]}"
        raise AWSValidationException(msg)


def _output_names(step: Step) -> list[str]:
    outputs: Any = step.arguments.get("ProcessingOutputConfig", {})
    return [output["OutputName"] for output in outputs.get("Outputs", ())]
