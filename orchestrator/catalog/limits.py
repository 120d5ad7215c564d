"""Service limits that are not in botocore's model, each with its source.

Lengths and ranges of request members are read from botocore instead (`orchestrator.aws.shapes`).
"""

from __future__ import annotations

DEFINITION_CHARACTERS = 1_048_576
"""botocore 1.44.5, sagemaker: PipelineDefinition, max."""

PARAMETERS = 200
"""botocore 1.44.5, sagemaker: ParameterList, max."""

PARAMETER_VALUE_CHARACTERS = 1_024
"""botocore 1.44.5, sagemaker: String1024 in Parameter."""

ENUM_VALUES = 16
"""sagemaker-python-sdk issue 2314: the service's own message."""

STEP_NAME_CHARACTERS = 64
"""botocore 1.44.5, sagemaker: StepName, max."""

STEP_DESCRIPTION_CHARACTERS = 3_072
"""botocore 1.44.5, sagemaker: StepDescription, max."""

STEP_DISPLAY_NAME_CHARACTERS = 256
"""botocore 1.44.5, sagemaker: StepDisplayName, max."""

OUTPUT_PARAMETERS = 50
"""botocore 1.44.5, sagemaker: OutputParameterList, max. Of Callback and Lambda steps."""

RETRY_MAX_ATTEMPTS = 20
"""sagemaker 3.27, mlops/workflow/retry.py."""

RETRY_EXPIRE_AFTER_MINUTES = 14_400
"""sagemaker 3.27, mlops/workflow/retry.py."""
