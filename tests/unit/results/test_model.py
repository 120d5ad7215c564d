"""How an execution ended, to JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.results.model import execution_from_json, execution_to_json

if TYPE_CHECKING:
    from orchestrator.results.model import ExecutionResult


def test_a_result_survives_json_whole(succeeded: ExecutionResult) -> None:
    steps = (replace(succeeded.steps[0], log=Path("logs/extract.log")), *succeeded.steps[1:])
    result = replace(succeeded, steps=steps)
    read = execution_from_json(json.loads(json.dumps(execution_to_json(result))))
    assert read == result


def test_a_running_execution_has_no_end_and_no_duration(succeeded: ExecutionResult) -> None:
    running = replace(succeeded, status="Executing", ended_at=None)
    read = execution_from_json(execution_to_json(running))
    assert read.seconds is None
    assert read.ended_at is None


def test_a_step_is_found_by_its_name(succeeded: ExecutionResult) -> None:
    assert succeeded.step("sft").type == "Training"
    with pytest.raises(KeyError, match="stf"):
        succeeded.step("stf")


def test_a_status_that_does_not_exist_is_refused(succeeded: ExecutionResult) -> None:
    document = {**execution_to_json(succeeded), "status": "Done"}
    with pytest.raises(ValueError, match=r"status: has to be one of Executing.*found 'Done'"):
        execution_from_json(document)


@pytest.mark.parametrize("member", ["execution_id", "started_at"])
def test_a_missing_member_is_named(succeeded: ExecutionResult, member: str) -> None:
    document = {**execution_to_json(succeeded), member: None}
    with pytest.raises(ValueError, match=member):
        execution_from_json(document)
