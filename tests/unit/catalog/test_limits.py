import pytest

from orchestrator.aws.shapes import load_shapes
from orchestrator.catalog import limits


@pytest.mark.parametrize(
    ("shape", "limit"),
    [
        ("PipelineDefinition", limits.DEFINITION_CHARACTERS),
        ("ParameterList", limits.PARAMETERS),
        ("String1024", limits.PARAMETER_VALUE_CHARACTERS),
        ("StepName", limits.STEP_NAME_CHARACTERS),
        ("StepDescription", limits.STEP_DESCRIPTION_CHARACTERS),
        ("StepDisplayName", limits.STEP_DISPLAY_NAME_CHARACTERS),
        ("OutputParameterList", limits.OUTPUT_PARAMETERS),
    ],
)
def test_limits_are_those_of_botocore(shape, limit):
    assert load_shapes().shape("sagemaker", shape).maximum == limit
