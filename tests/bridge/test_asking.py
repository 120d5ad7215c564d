"""Which errors pass, and which do not."""

from __future__ import annotations

import botocore.exceptions as aws
import pytest

from orchestrator.bridge.faults import NotNowError, RefusedError, ask
from tests.bridge.wire import client_error
from tests.bridge.world import client


@pytest.mark.parametrize(
    "error",
    [
        client_error("StartJobRun", "ThrottlingException", 400),
        client_error("Query", "ProvisionedThroughputExceededException", 400),
        client_error("StartJobRun", "InternalServiceException", 500),
        client_error("StartJobRun", "Unknown", 503),
        aws.EndpointConnectionError(endpoint_url="https://aws.test"),
        aws.ConnectTimeoutError(endpoint_url="https://aws.test"),
        aws.ReadTimeoutError(endpoint_url="https://aws.test"),
        aws.ConnectionClosedError(endpoint_url="https://aws.test"),
        aws.NoCredentialsError(),
    ],
    ids=repr,
)
def test_throttling_faults_of_the_service_and_of_the_network_pass(error: Exception) -> None:
    with pytest.raises(NotNowError):
        ask(raising, error=error)


def test_what_the_service_refuses_does_not_pass() -> None:
    error = client_error("StartJobRun", "AccessDeniedException", 403)
    with pytest.raises(RefusedError) as refused:
        ask(raising, error=error)
    assert str(refused.value) == "AccessDeniedException: injected into StartJobRun"
    assert refused.value.code == "AccessDeniedException"


def test_a_request_that_is_wrong_is_refused_before_it_is_sent() -> None:
    with pytest.raises(RefusedError, match=r'^ParamValidationError: .*Unknown parameter.*"Nam"'):
        ask(client("glue").start_job_run, JobName="clean", Nam="x")


def raising(error: Exception) -> None:
    raise error
