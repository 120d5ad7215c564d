"""What can go wrong with a call, in the two ways that matter: try again, or do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""botocore 1.44.5, retries/standard.py: the codes of a service that has too much to do."""


class NotNowError(Exception):
    """The call failed, or may have failed, for a reason that passes."""


class BusyError(NotNowError):
    """Another invocation is at work on the same callback."""


class RefusedError(Exception):
    """The service said no, and would say no again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class PoisonError(Exception):
    """A message that names no callback, so that there is nobody to answer."""


def ask(call: Callable[..., Any], **request: object) -> Any:
    """Return what a client's method answers.

    Raises:
        NotNowError: If it was throttled, or the service failed or could not be reached. It may
            have been done all the same.
        RefusedError: If the request is wrong, or not allowed.
    """
    try:
        return call(**request)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        message = error.response["Error"].get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in THROTTLED or status >= 500:
            text = f"{code}: {message}"
            raise NotNowError(text) from error
        raise RefusedError(code, message) from error
    except ParamValidationError as error:
        code = type(error).__name__
        raise RefusedError(code, " ".join(str(error).split())) from error
    except BotoCoreError as error:
        raise NotNowError(str(error)) from error
