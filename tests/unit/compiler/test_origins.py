"""Problems of a compiled definition are told in the words of the spec."""

from __future__ import annotations

import pytest

from orchestrator.compiler.origins import spec_path, step_of

STEPS = {"sft", "exam", "exam-gate-two"}


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("Steps.sft.Arguments.ResourceConfig.InstanceType", "steps.sft.instance_type"),
        (
            "Steps.exam.Arguments.ProcessingResources.ClusterConfig.InstanceCount",
            "steps.exam.instance_count",
        ),
        ("Steps.sft.Arguments.Environment key 'my-key'", "steps.sft.environment"),
        ("Steps.sft.Arguments.Environment.my.key", "steps.sft.environment"),
        ("Steps.exam.Arguments.AppSpecification.ContainerArguments[3]", "steps.exam.arguments"),
        ("Steps.exam-gate.Arguments.Conditions[0].LeftValue", "steps.exam.gates"),
        ("Steps.exam-gate-failed.Arguments.ErrorMessage", "steps.exam.gates"),
        ("Steps.sft.Name", "steps.sft"),
        ("Steps.sft.Description", "steps.sft.description"),
        (
            "Steps.sft.Arguments.ResourceConfig.InstanceType (default of parameter Gpu)",
            "parameters.Gpu.default",
        ),
        ("Steps.sft.Arguments.RoleArn", None),
        ("Steps.other.Arguments.ResourceConfig.InstanceType", None),
        ("Version", None),
    ],
)
def test_a_member_of_a_request_is_named_by_the_key_that_decides_it(
    where: str, path: str | None
) -> None:
    assert spec_path(where, STEPS) == path


def test_a_step_whose_name_looks_like_a_gate_keeps_its_name() -> None:
    assert step_of("Steps.exam-gate-two.Arguments.X", STEPS) == "exam-gate-two"
    assert step_of("Steps.sft.Arguments.RoleArn", STEPS) == "sft"
    assert step_of("Parameters.A", STEPS) is None
