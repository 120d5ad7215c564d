"""An AWS account in moto, with the bridge in it: queues, events, table, services, and a clock."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_api import state_manager

from orchestrator.bridge.bridge import Bridge
from orchestrator.bridge.callbacks import SageMakerCallbacks
from orchestrator.bridge.dynamo import TABLE, DynamoJobs
from orchestrator.bridge.lambdas import receive_all, sweep_all
from orchestrator.bridge.services.bedrock import Bedrock
from orchestrator.bridge.services.bedrock_import import BedrockImport
from orchestrator.bridge.services.glue import Glue
from tests.bridge.moto_extensions import Callback, base_models, callbacks, import_jobs
from tests.bridge.wire import KilledError, Wire, WiredClient

REGION = "us-east-1"
EXECUTION = (
    f"arn:aws:sagemaker:{REGION}:{DEFAULT_ACCOUNT_ID}:pipeline/support/execution/abc123def456"
)
HOLD_SECONDS = 180
MAX_RECEIVE_COUNT = 5
ROUNDS = 12
TOKEN = "Tok3n45678"  # noqa: S105 - no password
"""A callback token, as SageMaker makes them."""

REQUEST = {
    "roleArn": "arn:aws:iam::123456789012:role/fmo",
    "baseModelIdentifier": "amazon.nova-lite-v1:0",
    "customizationType": "FINE_TUNING",
    "trainingDataConfig": {"s3Uri": "s3://acme/rows.jsonl"},
    "outputDataConfig": {"s3Uri": "s3://acme/out/"},
    "hyperParameters": {"epochCount": "2"},
}


@cache
def client(service: str) -> Any:
    """Return a client that does not repeat calls, so that a fault is seen by the bridge."""
    return boto3.client(
        service,
        region_name=REGION,
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 - moto asks for some
        config=Config(retries={"total_max_attempts": 1}),
    )


def backend(service: str) -> Any:
    return get_backend(service)[DEFAULT_ACCOUNT_ID][REGION]


@dataclass
class World:
    """Must be made within `mock_aws`."""

    wire: Wire = field(default_factory=Wire)
    job_ends: str | None = "Completed"
    """How customization jobs end, each after it was seen running once; None if they go on."""
    events_arrive: bool = True
    now: int = 1_700_000_000
    invocations: int = 0

    def __post_init__(self) -> None:
        sqs, events = client("sqs"), client("events")
        self.dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": self._arn(self.dead), "maxReceiveCount": MAX_RECEIVE_COUNT}
        attributes = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
        self.queue = sqs.create_queue(QueueName="callbacks", Attributes=attributes)["QueueUrl"]
        self.events = sqs.create_queue(QueueName="events", Attributes={"VisibilityTimeout": "0"})[
            "QueueUrl"
        ]
        for name, service in self.services(Wire()).items():
            if service.event_pattern:
                events.put_rule(Name=name, EventPattern=json.dumps(service.event_pattern))
                target = {"Id": "complete", "Arn": self._arn(self.events)}
                events.put_targets(Rule=name, Targets=[target])
        client("dynamodb").create_table(TableName="jobs", **TABLE)

    def _arn(self, queue: str) -> str:
        return f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{queue.rpartition('/')[2]}"

    # What SageMaker does.

    def reach_step(
        self,
        token: str = TOKEN,
        *,
        service: str = "bedrock",
        request: Any = REQUEST,
        declared: frozenset[str] | None = None,
        **arguments: Any,
    ) -> None:
        """Let a pipeline reach a callback step."""
        waiting = callbacks(backend("sagemaker"))
        waiting[token] = Callback(EXECUTION, declared)
        self.send(token, arguments={"service": service, "request": request, **arguments})

    def send(self, token: str, *, status: str = "Executing", **body: Any) -> None:
        message = {"token": token, "pipelineExecutionArn": EXECUTION, "status": status, **body}
        self.send_text(json.dumps(message))

    def send_text(self, body: str) -> None:
        client("sqs").send_message(QueueUrl=self.queue, MessageBody=body)

    def stop_step(self, token: str = TOKEN) -> None:
        arguments = {"service": "bedrock", "request": REQUEST}
        self.send(token, status="Stopping", arguments=arguments)

    def answers(self, token: str = TOKEN) -> list[dict[str, Any]]:
        return callbacks(backend("sagemaker"))[token].answers

    # What the services do.

    def customization_jobs(self) -> dict[str, Any]:
        return dict(backend("bedrock").model_customization_jobs)

    def end_jobs(self) -> None:
        """End every running customization job, and tell EventBridge."""
        jobs = self.customization_jobs()
        running = [job for job in jobs.values() if job.status == "InProgress"]
        for job in running if self.job_ends else []:
            job.status = self.job_ends
            self.emit(jobName=job.job_name, jobArn=job.job_arn, jobStatus=job.status)
        for job in import_jobs(backend("bedrock")).values():
            job["status"] = self.job_ends or job["status"]

    def offer(self, model: str, *customizations: str, status: str = "ACTIVE") -> None:
        """Let Bedrock have a base model; from then on it refuses those that it has not."""
        base_models(backend("bedrock"))[model] = {
            "modelArn": f"arn:aws:bedrock:{REGION}::foundation-model/{model}",
            "modelId": model,
            "customizationsSupported": list(customizations),
            "modelLifecycle": {"status": status},
        }

    def emit(
        self,
        source: str = "aws.bedrock",
        kind: str = "Model Customization Job State Change",
        **detail: str,
    ) -> None:
        if self.events_arrive:
            entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
            client("events").put_events(Entries=[entry])

    # The bridge.

    def services(self, wire: Wire) -> dict[str, Any]:
        return {
            "bedrock": Bedrock(WiredClient(client("bedrock"), wire)),
            "bedrock_import": BedrockImport(WiredClient(client("bedrock"), wire)),
            "glue": Glue(WiredClient(client("glue"), wire)),
        }

    def bridge(self) -> Bridge:
        """Return the bridge of a new invocation."""
        self.invocations += 1
        self.wire.dead = False
        table = WiredClient(client("dynamodb"), self.wire)
        holder = f"invocation-{self.invocations}"
        return Bridge(
            DynamoJobs(table, "jobs", lambda: self.now, holder, HOLD_SECONDS),
            SageMakerCallbacks(WiredClient(client("sagemaker"), self.wire)),
            self.services(self.wire),
            lambda: self.now,
        )

    def deliver(self) -> None:
        """Hand a batch of the queue to the start function, and delete what it took."""
        batch = self._receive(self.queue)
        records = [{"messageId": it["MessageId"], "body": it["Body"]} for it in batch]
        if not records:
            return
        try:
            answer = receive_all({"Records": records}, self.bridge())
        except KilledError:
            return
        again = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        self._delete(self.queue, [it for it in batch if it["MessageId"] not in again])

    def deliver_events(self) -> None:
        """Hand each event to the complete function; Lambda keeps those that fail."""
        for message in self._receive(self.events):
            with suppress(Exception, KilledError):
                self.bridge().notice(json.loads(message["Body"]))
                self._delete(self.events, [message])

    def sweep(self) -> None:
        """Run the sweeper; Lambda counts its errors, and the next run comes anyway."""
        with suppress(Exception, KilledError):
            sweep_all(self.bridge(), lambda: 600)

    def settle(self) -> World:
        """Let time pass until nothing is left to do."""
        for _ in range(ROUNDS):
            self.deliver()
            self.end_jobs()
            self.deliver_events()
            self.now += 300
            self.sweep()
            if not self.waiting(self.queue) and not self.open_records():
                break
        return self

    # What is left.

    def records(self) -> list[dict[str, Any]]:
        return client("dynamodb").scan(TableName="jobs")["Items"]

    def open_records(self) -> list[str]:
        return [item["token"]["S"] for item in self.records() if "open" in item]

    def waiting(self, queue: str) -> int:
        return int(backend("sqs").queues[queue.rpartition("/")[2]].approximate_number_of_messages)

    def _receive(self, queue: str) -> list[dict[str, Any]]:
        if not self.waiting(queue):
            return []
        found = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return found.get("Messages", [])

    def _delete(self, queue: str, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def make_glue_job(concurrent: int = 1) -> None:
    """Make a job whose runs take a while: each look at one takes it a step further."""
    transition = {"progression": "manual", "times": 2}
    state_manager.set_transition(model_name="glue::job_run", transition=transition)
    client("glue").create_job(
        Name="clean",
        Role="arn:aws:iam::123456789012:role/fmo",
        Command={"Name": "glueetl", "ScriptLocation": "s3://acme/clean.py"},
        ExecutionProperty={"MaxConcurrentRuns": concurrent},
    )


def glue_runs() -> list[str]:
    """Return the key of each run of every Glue job."""
    jobs = backend("glue").jobs.values()
    return [run.arguments["--fmo_callback"] for job in jobs for run in job.job_runs]


def assert_nothing_is_amiss(world: World, *, dead_letters: int = 0) -> None:
    """Check what must hold whatever happened."""
    waiting = callbacks(backend("sagemaker"))
    assert {token: len(callback.answers) for token, callback in waiting.items()} == dict.fromkeys(
        waiting, 1
    )
    assert [token for token, callback in waiting.items() if callback.conflicts] == []
    assert world.open_records() == []
    assert all(item["state"]["S"] == "Answered" for item in world.records())
    for token in waiting:
        jobs = [name for name in world.customization_jobs() if name.endswith(token)]
        jobs += [run for run in glue_runs() if run.endswith(token)]
        assert len(jobs) <= 1, jobs
    running = [j.job_name for j in world.customization_jobs().values() if j.status == "InProgress"]
    assert running == []
    assert world.waiting(world.queue) == 0
    assert world.waiting(world.dead) == dead_letters
