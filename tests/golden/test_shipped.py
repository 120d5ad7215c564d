"""Every pipeline that ships compiles, for a laptop and for AWS, without a problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.compiler.compile import compile_plan
from orchestrator.compiler.environment import LOCAL, Environment
from orchestrator.compiler.sources import gather_sources
from orchestrator.definition.validation import validate
from orchestrator.plan.build import build_plan
from orchestrator.spec.load import load_spec

PIPELINES = Path(__file__).parents[2] / "pipelines"
AWS = Environment(
    name="aws",
    bucket="acme-models",
    role_arn="arn:aws:iam::123456789012:role/training",
    region="eu-central-1",
    callback_queue_url="https://sqs.eu-central-1.amazonaws.com/123456789012/fmo-callbacks",
)


@pytest.mark.parametrize("environment", [LOCAL, AWS], ids=lambda environment: environment.name)
@pytest.mark.parametrize("path", sorted(PIPELINES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_pipeline_compiles_without_a_problem(
    path: Path, environment: Environment
) -> None:
    plan, _ = build_plan(load_spec(path.read_text(encoding="utf-8"), file=path))
    compiled = compile_plan(plan, environment, gather_sources(plan, path.parent, environment))
    assert validate(compiled.definition, load_shapes()) == ()
    assert len(compiled.json) < 102_400  # What the service takes without a detour over S3.
