"""What steps on AWS wrote, in the local store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import flow_aws
from orchestrator.aws.artifacts import Artifact, artifacts_below
from orchestrator.aws.watch import watch
from orchestrator.errors import KeyOutsideStoreError, UnavailableError
from orchestrator.local.home import Home
from orchestrator.local.store import Store
from tests.aws.account import BUCKET
from tests.aws.strict_moto import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.aws.clients import Aws
    from orchestrator.results.model import ExecutionResult
    from tests.aws.faults import Faults

LARGE = b"x" * 9_000_000
"""More than one part of a download."""


@pytest.fixture
def result(started: str, aws: Aws) -> ExecutionResult:
    """An execution that succeeded; its model has a large file."""
    found = watch(started, aws, lambda _: None, now=lambda: NOW, wait=lambda: None).result
    key = found["sft"].outputs["model"].split("/", 3)[3]
    aws.put(BUCKET, f"{key}model.safetensors", LARGE)
    aws.put(BUCKET, f"{key}lora/config.json", b"{}")
    return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / ".fmo")


def test_every_output_lies_in_the_store_as_it_is_in_the_bucket(
    result: ExecutionResult, home: Home, aws: Aws
) -> None:
    pulled = list(flow_aws.pull(result, (), home, aws))
    assert [(one.step, one.output) for one in pulled] == [("prepare", "metrics"), ("sft", "model")]
    assert pulled[1].size_bytes == len(LARGE) + 2
    store = Store(home.store)
    model = result["sft"].outputs["model"]
    assert store.get(f"{model}model.safetensors") == LARGE
    assert store.get(f"{model}lora/config.json") == b"{}"
    assert pulled[1].path == store.path(model)


def test_only_the_steps_that_are_named_are_pulled(
    result: ExecutionResult, home: Home, aws: Aws
) -> None:
    pulled = list(flow_aws.pull(result, ["prepare"], home, aws))
    assert [one.step for one in pulled] == ["prepare"]


def test_what_is_there_is_not_fetched_again(
    result: ExecutionResult, home: Home, aws: Aws, faults: Faults
) -> None:
    list(flow_aws.pull(result, (), home, aws))
    faults.calls.clear()
    assert len(list(flow_aws.pull(result, (), home, aws))) == 2
    assert set(faults.calls) == {"s3.ListObjectsV2"}


@pytest.mark.parametrize("at", range(1, 8))
def test_after_a_fault_at_any_call_pulling_again_goes_on(
    result: ExecutionResult, home: Home, aws: Aws, faults: Faults, at: int
) -> None:
    faults.set("unreachable", at, times=9)
    with pytest.raises(UnavailableError):
        list(flow_aws.pull(result, (), home, aws))
    faults.set("unreachable", 0)
    list(flow_aws.pull(result, (), home, aws))
    store = Store(home.store)
    assert store.get(result["sft"].outputs["model"] + "model.safetensors") == LARGE
    assert store.get(result["prepare"].outputs["metrics"] + "/metrics.json") == b'{"rows": 5}'


def test_a_folder_is_not_the_one_whose_name_only_begins_so(aws: Aws) -> None:
    for key in ("out/a", "out/b/c", "output/d", "out/"):
        aws.put(BUCKET, key, b"1")
    assert [one.uri for one in artifacts_below(f"s3://{BUCKET}/out", aws)] == [
        f"s3://{BUCKET}/out/a",
        f"s3://{BUCKET}/out/b/c",
    ]
    assert list(artifacts_below(f"s3://{BUCKET}/out/a", aws)) == [
        Artifact(f"s3://{BUCKET}/out/a", 1)
    ]


def test_a_key_that_leads_out_of_the_store_is_refused(
    result: ExecutionResult, home: Home, aws: Aws
) -> None:
    key = result["prepare"].outputs["metrics"].split("/", 3)[3]
    aws.put(BUCKET, f"{key}/../../../../../etc/passwd", b"1")
    with pytest.raises(KeyOutsideStoreError):
        list(flow_aws.pull(result, (), home, aws))
