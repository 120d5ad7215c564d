"""The local backend behind moto's SageMaker: an execution there is a real run here.

What the bucket holds is copied into a store when an execution starts, and what each step stored is
copied back when it ends, as SageMaker's jobs download and upload. How far an execution has come is
read from the journal, and what its jobs print goes to CloudWatch.
"""

from __future__ import annotations

import inspect
import itertools
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from moto.core.utils import utcnow

from orchestrator.definition.model import Step, walk
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import FmoError
from orchestrator.local.journal import Journal
from orchestrator.local.registry import registered_models
from orchestrator.local.run import RunOptions, resume_execution, run_definition
from orchestrator.local.store import Store
from orchestrator.results.model import step_from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from moto.logs.models import LogsBackend
    from moto.s3.models import S3Backend
    from moto.sagemaker.models import SageMakerModelBackend

    from orchestrator.local.clock import Clock
    from orchestrator.local.home import Home
    from orchestrator.results.events import Event
    from orchestrator.results.model import ExecutionResult, StepResult

JOBS = {"Training": "TrainingJob", "Processing": "ProcessingJob"}
"""Step type to the member of its metadata that names the job."""


@dataclass(frozen=True)
class Request:
    """What StartPipelineExecution was asked for, and where its jobs read, write and print."""

    arn: str
    definition: bytes
    parameters: Mapping[str, str]
    s3: S3Backend
    logs: LogsBackend
    sagemaker: SageMakerModelBackend


@dataclass
class LocalEngine:
    """Runs executions on this machine, each in a thread, and all in one home."""

    home: Home
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    hosts: int = 1
    _news: threading.Condition = field(default_factory=threading.Condition)
    _count: int = 0
    _seen: int = 0
    _stored: dict[str, str] = field(default_factory=dict)
    """URI to the version that bucket and store both have."""

    def start(self, request: Request) -> LocalRun:
        """Start an execution, and return it while it runs."""
        run = LocalRun(request, self, self.clock.now())
        run.begin(self._first)
        return run

    def wait(self) -> None:
        """Return when something has happened since the last call."""
        with self._news:
            self._news.wait_for(lambda: self._count > self._seen, timeout=60)
            self._seen = self._count

    def tell(self) -> None:
        """Let whoever waits go on."""
        with self._news:
            self._count += 1
            self._news.notify_all()

    def resume(self, run: LocalRun) -> ExecutionResult:
        """Go on with an execution that failed or was stopped."""
        self._download(run.request.s3)
        return resume_execution(
            run.id, self.home, clock=self.clock, listener=run.hear, options=self._options(run)
        )

    def _first(self, run: LocalRun) -> ExecutionResult:
        self._download(run.request.s3)
        return run_definition(
            run.request.definition,
            self.home,
            parameters=run.request.parameters,
            clock=self.clock,
            pipeline_name=run.request.arn.split("/")[1],
            execution_id=run.id,
            listener=run.hear,
            options=self._options(run),
        )

    def _options(self, run: LocalRun) -> RunOptions:
        return RunOptions(environ=self.environ, stop=run.stopping)

    def _download(self, s3: S3Backend) -> None:
        store = Store(self.home.store)
        self.home.make()
        for bucket in s3.buckets.values():
            for name in list(bucket.keys):
                uri, key = f"s3://{bucket.name}/{name}", bucket.keys[name]
                if self._stored.get(uri) != key.etag:
                    store.put_bytes(uri, key.value)
                    self._stored[uri] = key.etag

    def upload(self, s3: S3Backend) -> None:
        """Bring what jobs stored into the buckets."""
        store = Store(self.home.store)
        for bucket in list(s3.buckets):
            for found in store.list(f"s3://{bucket}/"):
                there = s3.buckets[bucket].keys.get(found.location.key)
                content = found.path.read_bytes()
                if there is None or there.value != content:
                    key = s3.put_object(bucket, found.location.key, content)
                    self._stored[found.uri] = key.etag


class LocalRun:
    """One execution, as SageMaker tells of it."""

    hosts = 1

    def __init__(self, request: Request, engine: LocalEngine, started_at: datetime) -> None:
        self.request = request
        self.arn = request.arn
        self.id = request.arn.rpartition("/")[2]
        self.status = "Executing"
        self.reason: str | None = None
        self.started_at = started_at
        self.changed_at = started_at
        self.stopping = threading.Event()
        self.steps: dict[str, dict[str, Any]] = {}
        self.jobs: dict[str, tuple[Step, dict[str, Any]]] = {}
        self._engine = engine
        self._results: dict[str, StepResult] = {}
        self._printed: dict[str, int] = {}
        self._packages: dict[str, str] = {}
        """ARN in the local registry to the ARN in the account's."""
        self._registering = threading.Lock()
        definition = parse_definition(request.definition)
        self._known = {found.step.name: found.step for found in walk(definition.steps)}
        self._thread = threading.Thread()

    def begin(self, act: Callable[[LocalRun], ExecutionResult]) -> None:
        """Run in a thread of its own."""
        self.status, self.reason = "Executing", None
        self.stopping.clear()
        self._thread = threading.Thread(target=self._work, args=(act,), daemon=True)
        self._thread.start()

    def advance(self, fails: set[str]) -> None:
        """Read how far it has come."""
        del fails  # What fails here, fails for real.
        self._refresh()

    def stop(self) -> None:
        """Ask for its end."""
        self.status = "Stopping"
        self.stopping.set()

    def retry(self) -> None:
        """Go on from where it failed."""
        self.begin(self._engine.resume)

    def join(self) -> None:
        """Return when it has ended."""
        self._thread.join()

    def hear(self, event: Event) -> None:
        """Upload what a step left, and let watchers look."""
        if type(event).__name__ == "StepEnded":
            self._engine.upload(self.request.s3)
        self._engine.tell()

    def outputs_of(self, step: str) -> Mapping[str, str]:
        """Return output name to URI."""
        return self._results[step].outputs

    def metrics_of(self, step: str) -> Mapping[str, float]:
        """Return what the job measured."""
        return self._results[step].metrics

    def secondary_status(self, step: str) -> str:
        """Return how far a training job is: it trains once it has printed something."""
        status = self._results[step].status
        words = {"Succeeded": "Completed", "Failed": "Failed", "Stopped": "Stopped"}
        return words.get(status) or ("Training" if self._lines(step) else "Downloading")

    def _work(self, act: Callable[[LocalRun], ExecutionResult]) -> None:
        try:
            result = act(self)
        except FmoError as error:
            self._end("Failed", str(error))
        else:
            self._engine.upload(self.request.s3)
            self._refresh()
            self._end(result.status, result.failure_reason)

    def _end(self, status: str, reason: str | None) -> None:
        self.reason = reason if status == "Failed" else None
        self.changed_at = self._engine.clock.now()
        self.status = status
        self._engine.tell()

    def _refresh(self) -> None:
        if not self._engine.home.journal.exists():
            return
        with Journal(self._engine.home.journal) as journal:
            records = journal.steps(self.id)
        for record in records:
            result = step_from_json(record.result)
            self._results[record.name] = result
            if result.status != "NotStarted":
                self._take(result)

    def _take(self, result: StepResult) -> None:
        entry = self.steps.setdefault(result.name, {"StepName": result.name})
        entry |= {"StepStatus": result.status, "AttemptCount": result.attempts}
        entry |= {"StartTime": result.started_at} if result.started_at else {}
        entry |= {"EndTime": result.ended_at} if result.ended_at else {}
        entry.pop("FailureReason", None)
        entry |= {"FailureReason": result.failure_reason} if result.failure_reason else {}
        entry |= {"CacheHitResult": {}} if result.cached else {}
        entry["Metadata"] = self._metadata(result, entry)

    def _metadata(self, result: StepResult, entry: dict[str, Any]) -> dict[str, Any]:
        if result.type in JOBS:
            job = f"pipelines-{self.id}-{result.name}-{result.attempts}"
            self.jobs[job] = (self._known[result.name], entry)
            self._print(result, job)
            kind = f"{result.type.lower()}-job"
            return {JOBS[result.type]: {"Arn": f"{self.arn.split(':pipeline/')[0]}:{kind}/{job}"}}
        if result.condition_outcome is not None:
            return {"Condition": {"Outcome": str(result.condition_outcome)}}
        package = result.outputs.get("model_package_arn")
        return {"RegisterModel": {"Arn": self._registered(package)}} if package else {}

    def _registered(self, local: str) -> str:
        """Return the ARN in the account's registry of what has another one in the local one."""
        with self._registering:
            if local not in self._packages:
                with Journal(self._engine.home.journal) as journal:
                    models = registered_models(journal)
                [package] = [one.package for one in models if one.arn == local]
                self._packages[local] = _create_package(package, self.request.sagemaker)
            return self._packages[local]

    def _print(self, result: StepResult, job: str) -> None:
        """Bring what the job has printed since to CloudWatch."""
        lines, logs = self._lines(result.name), self.request.logs
        group, stream = f"/aws/sagemaker/{result.type}Jobs", f"{job}/algo-1-1764000000"
        new = lines[self._printed.get(job, 0) :]
        if not new:
            return
        if group not in logs.groups:
            logs.create_log_group(group, {})
        if stream not in logs.groups[group].streams:
            logs.create_log_stream(group, stream)
        at = int(utcnow().timestamp() * 1000)  # CloudWatch takes no event of a time to come.
        numbered = zip(itertools.count(at), new, strict=False)
        logs.put_log_events(group, stream, [{"timestamp": t, "message": x} for t, x in numbered])
        self._printed[job] = len(lines)

    def _lines(self, step: str) -> list[str]:
        attempt = self._results[step].attempts or 1
        log = self._engine.home.attempt(self.id, step, attempt) / "stdout.log"
        if not log.exists():
            return []
        text = log.read_text(encoding="utf-8", errors="replace")
        return [line for line in text[: text.rfind("\n") + 1].splitlines() if line]


def _create_package(package: Mapping[str, Any], sagemaker: SageMakerModelBackend) -> str:
    """Call CreateModelPackage, as Pipelines does for a RegisterModel step, and return the ARN."""
    group = package["ModelPackageGroupName"]
    if group not in sagemaker.model_package_groups:
        sagemaker.create_model_package_group(group, None, [])
    given = {xform_name(name): value for name, value in package.items()}
    taken = inspect.signature(sagemaker.create_model_package).parameters
    return sagemaker.create_model_package(**{name: given.get(name) for name in taken})
