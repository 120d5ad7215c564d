"""Definitions that the SageMaker Python SDK wrote: what can run here runs, the rest is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UnsupportedError
from orchestrator.local.handlers import Handlers
from orchestrator.local.history import list_models
from orchestrator.local.run import RunOptions, run_definition

ORACLES = Path(__file__).parents[2] / "oracles"
PREPARE = """
import json, sys
from pathlib import Path
assert sys.argv[1:] == ["--epochs", "3", "--limit", "all"], sys.argv
rows = Path("/opt/ml/processing/input/raw/rows.txt").read_text()
Path("/opt/ml/processing/output/data/rows.txt").write_text(rows.upper())
numbers = {"accuracy": {"value": float(rows)}, "forgetting.loss": 0.01}
Path("/opt/ml/processing/output/metrics/metrics.json").write_text(json.dumps(numbers))
"""


def recorded(name: str, *kept: str) -> bytes:
    """Return a definition of the SDK with the named steps only."""
    definition = json.loads((ORACLES / f"{name}.json").read_bytes())["definition"]
    steps = [step for step in definition["Steps"] if step["Name"] in kept or not kept]
    return json.dumps({**definition, "Steps": steps}).encode()


@pytest.mark.parametrize(("accuracy", "status"), [("0.9", "Succeeded"), ("0.7", "Failed")])
def test_a_pipeline_of_the_sdk_runs_with_its_functions_properties_and_conditions(
    lab: Any, accuracy: str, status: str
) -> None:
    lab.store.put_bytes("s3://acme-models/raw/rows.txt", accuracy.encode())
    lab.store.put_bytes("s3://acme-models/Oracle/code/HASH/prepare.py", PREPARE.encode())
    asked: list[Any] = []
    handlers = Handlers(
        lambdas={"sagemaker-start": lambda event, _: {"answer": f"hello {event['team']}"}},
        callbacks={"queue": lambda message: asked.append(message) or {"uri": "s3://x/y"}},
    )
    data = recorded("flow", "Prepare", "Call", "Wait", "Gate")
    result = run_definition(data, lab.home, options=RunOptions(handlers=handlers))
    assert result.status == status, result.failure_reason
    assert asked[0]["arguments"] == {"answer": "hello support"}
    assert result.step("Gate").condition_outcome is (status == "Succeeded")
    if status == "Succeeded":
        assert result.step("Inner").condition_outcome is True
        assert lab.text(result, "Prepare", "data", "rows.txt") == accuracy
    else:
        assert result.step("GateFailed").failure_reason == "accuracy is below 0.8"
        assert result.step("Inner").status == "NotStarted"


def test_models_of_the_sdk_are_made_and_registered(lab: Any) -> None:
    result = run_definition(recorded("models", "Create", "Register"), lab.home)
    assert result.status == "Succeeded", result.failure_reason
    (model,) = list_models(lab.home)
    assert model.group == "support"
    assert model.artifacts == ("s3://acme-models/models/model.tar.gz",)


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("flow", {"EMR", "EMRServerless", "ForEach", "Cleanup"}),
        ("jobs", {"Tuning", "Transform"}),
        ("models", {"EndpointConfig", "Endpoint"}),
        ("checks", {"ClarifyCheck", "QualityCheck"}),
    ],
)
def test_every_step_of_the_sdk_that_cannot_run_here_is_named_at_once(
    lab: Any, name: str, types: set[str]
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        run_definition(recorded(name), lab.home)
    named = {
        problem.what.split("'")[1] for problem in caught.value.problems if "of type" in problem.what
    }
    assert named == types
    assert not lab.home.root.exists()
