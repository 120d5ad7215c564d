"""The records in a DynamoDB table, each changed by one invocation at a time.

| attribute | what |
|---|---|
| `token` | the key |
| `held_by`, `held_until` | the invocation that may change the record, and until when |
| `job` | `SERVICE JOB_ID`, the key of index `by_job`; from the start of the job on |
| `open`, `touched_at` | the keys of index `by_open`; `open` is gone once the callback is answered |
| `expires_at` | when DynamoDB may delete the record; after a message can no longer be delivered |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.bridge.faults import BusyError, RefusedError, ask
from orchestrator.bridge.model import JobRecord, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEPT_SECONDS = 30 * 24 * 3600
"""After the answer. SQS delivers a message for at most 14 days (MessageRetentionPeriod)."""

CONFLICT = "ConditionalCheckFailedException"

TABLE: Mapping[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "token", "AttributeType": "S"},
        {"AttributeName": "job", "AttributeType": "S"},
        {"AttributeName": "open", "AttributeType": "S"},
        {"AttributeName": "touched_at", "AttributeType": "N"},
    ],
    "KeySchema": [{"AttributeName": "token", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_job",
            "KeySchema": [{"AttributeName": "job", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
        {
            "IndexName": "by_open",
            "KeySchema": [
                {"AttributeName": "open", "KeyType": "HASH"},
                {"AttributeName": "touched_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
}
"""What CreateTable is asked, besides the name."""


@dataclass(frozen=True)
class DynamoJobs:
    """`Jobs` over a client of DynamoDB."""

    client: Any
    table: str
    now: Callable[[], int]
    holder: str
    """This invocation."""
    hold_seconds: int
    """Longer than this invocation can last, calls under way included."""

    def add(self, record: JobRecord) -> None:
        """Keep a new record; nothing changes if its token has one."""
        item = {
            "token": {"S": record.token},
            "execution_arn": {"S": record.execution_arn},
            "service": {"S": record.service},
            "request": {"S": json.dumps(record.request)},
            "outputs": {"S": json.dumps(record.outputs)},
            "created_at": {"N": str(record.created_at)},
            "touched_at": {"N": str(self.now())},
            "stop_requested": {"BOOL": record.stop_requested},
            "open": {"S": "open"},
            **_changing(record),
        }
        self._unless_conflict(
            self.client.put_item, Item=item, ConditionExpression="attribute_not_exists(#token)",
            ExpressionAttributeNames={"#token": "token"},
        )  # fmt: skip

    def request_stop(self, token: str) -> None:
        """Note that a job is to be stopped; whoever holds the record will see it."""
        self._update(token, "SET stop_requested = :yes", {":yes": {"BOOL": True}})

    def hold(self, token: str) -> JobRecord:
        """Return a record that nobody else may change until `release`, or this invocation's end."""
        now = self.now()
        item = self._update(
            token,
            "SET held_by = :me, held_until = :until",
            {
                ":me": {"S": self.holder},
                ":until": {"N": str(now + self.hold_seconds)},
                ":now": {"N": str(now)},
            },
            # Held by this invocation already, if boto3 repeats a call whose answer was lost.
            "attribute_exists(execution_arn) AND "
            "(attribute_not_exists(held_until) OR held_until < :now OR held_by = :me)",
        )
        if item is None:
            message = f"{token}: another invocation is at work on it"
            raise BusyError(message)
        return _record(item)

    def save(self, record: JobRecord) -> JobRecord:
        """Keep a record that is held; return it with what others noted meanwhile."""
        values = _changing(record)
        names = {f"#{name}": name for name in values}
        change = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
        if record.state == "Answered":
            values["expires_at"] = {"N": str(self.now() + KEPT_SECONDS)}
            change += ", expires_at = :expires_at REMOVE #open"
            names["#open"] = "open"
        item = self._update(
            record.token,
            change,
            {**{f":{name}": value for name, value in values.items()}, ":me": {"S": self.holder}},
            "held_by = :me",
            names,
        )
        if item is None:
            message = f"{record.token}: this invocation held it for too long"
            raise BusyError(message)
        return _record(item)

    def release(self, token: str) -> None:
        """Let others hold a record."""
        self._update(
            token,
            "SET touched_at = :now REMOVE held_by, held_until",
            {":me": {"S": self.holder}, ":now": {"N": str(self.now())}},
            "held_by = :me",
        )

    def token_of(self, service: str, job_id: str) -> str | None:
        """Return the token of a job; None if it is not ours, or the index does not have it yet."""
        return next(self._query("by_job", "job", f"{service} {job_id}"), None)

    def open_tokens(self) -> Iterator[str]:
        """Return the tokens of callbacks that are not answered, the longest untouched first."""
        # What this sweep has touched already would come again on a later page.
        before = {":now": {"N": str(self.now())}}
        return self._query("by_open", "open", "open", " AND touched_at < :now", before)

    def _query(
        self,
        index: str,
        name: str,
        key: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> Iterator[str]:
        start: dict[str, Any] = {}
        while True:
            page = ask(
                self.client.query,
                TableName=self.table,
                IndexName=index,
                KeyConditionExpression=f"#name = :key{condition}",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={":key": {"S": key}, **(values or {})},
                **start,
            )
            yield from (item["token"]["S"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _update(
        self,
        token: str,
        change: str,
        values: Mapping[str, Any],
        condition: str = "attribute_exists(execution_arn)",
        names: Mapping[str, str] | None = None,
    ) -> dict[str, Any] | None:
        """Return the item after the change; None if the condition does not hold."""
        answer = self._unless_conflict(
            self.client.update_item,
            Key={"token": {"S": token}},
            UpdateExpression=change,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
            **({"ExpressionAttributeNames": names} if names else {}),
        )
        return None if answer is None else dict(answer["Attributes"])

    def _unless_conflict(self, call: Callable[..., Any], **request: Any) -> Any:
        try:
            return ask(call, TableName=self.table, **request)
        except RefusedError as error:
            if error.code != CONFLICT:
                raise
            return None


def _changing(record: JobRecord) -> dict[str, Any]:
    """Return the attributes that change as a callback is carried."""
    attributes: dict[str, Any] = {"state": {"S": record.state}}
    if record.job_id:
        attributes["job"] = {"S": f"{record.service} {record.job_id}"}
    if record.outcome is not None:
        outcome = record.outcome
        document = [outcome.succeeded, dict(outcome.outputs), outcome.reason]
        attributes["outcome"] = {"S": json.dumps(document)}
    return attributes


def _record(item: Mapping[str, Any]) -> JobRecord:
    outcome = None
    if "outcome" in item:
        succeeded, outputs, reason = json.loads(item["outcome"]["S"])
        outcome = Outcome(succeeded=succeeded, outputs=outputs, reason=reason)
    return JobRecord(
        token=item["token"]["S"],
        execution_arn=item["execution_arn"]["S"],
        service=item["service"]["S"],
        request=json.loads(item["request"]["S"]),
        outputs=json.loads(item["outputs"]["S"]),
        created_at=int(item["created_at"]["N"]),
        state=item["state"]["S"],
        job_id=item["job"]["S"].partition(" ")[2] if "job" in item else "",
        outcome=outcome,
        stop_requested=item["stop_requested"]["BOOL"],
    )
