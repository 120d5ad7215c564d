"""Executions on AWS as commands name them: by ARN, or as one that was started from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.clients import connect
from orchestrator.aws.executions import region_of
from orchestrator.definition.results import did_you_mean
from orchestrator.errors import InputError, Problem
from orchestrator.local.cloud_arns import remember_arn, remembered_arns

if TYPE_CHECKING:
    from orchestrator.aws.clients import Aws
    from orchestrator.aws.executions import Watched
    from orchestrator.local.home import Home
    from orchestrator.results.model import ExecutionResult

LAST = "last"


def remember(arn: str, home: Home) -> None:
    """Note down an execution that was started from here."""
    remember_arn(arn, home)


def find_arn(text: str, home: Home) -> str:
    """Return the ARN that `text` means: itself, `last`, or an id or the start of one.

    Raises:
        InputError: If none that was started from here fits, or more than one does.
    """
    if text.startswith("arn:"):
        region_of(text)
        return text
    arns = remembered_arns(home)
    if not arns:
        what = f"no execution on AWS was started from {home.root}"
        raise InputError(Problem("", what, "Give its ARN, or start one with `fmo start FILE`."))
    if text == LAST:
        return arns[-1]
    found = [arn for arn in arns if arn.rpartition("/")[2].startswith(text)]
    if len(found) == 1:
        return found[0]
    what = f"'{text}' fits {len(found) or 'none'} of the executions started from {home.root}"
    raise InputError(Problem("", what, "Give more of the id, or the ARN."))


def find_execution(text: str, home: Home) -> tuple[str, Aws]:
    """Return the ARN that `text` means, and where it runs."""
    arn = find_arn(text, home)
    return arn, connect(region_of(arn))


def step_with_log(seen: Watched, step: str | None) -> str:
    """Return the step whose log is meant: `step`, or the one that is most worth a look.

    Raises:
        InputError: If there is no such step, or it has started no job.
    """
    result = seen.result
    if step is not None:
        step_is_there(step, result)
    if step is not None and step not in seen.jobs:
        status = result[step].status
        what = f"step '{step}' has no job, and so no log; it is {status}"
        raise InputError(Problem("", what, "`fmo status` shows the steps."))
    if step is not None:
        return step
    with_job = [one for one in result.steps if one.name in seen.jobs]
    if not with_job:
        what = f"execution {result.execution_id} has started no job yet"
        raise InputError(Problem("", what, "`fmo status` shows the steps."))
    running = [one for one in with_job if not one.is_done]
    failed = [one for one in with_job if one.status == "Failed"]
    return (running or failed or with_job)[-1].name


def step_is_there(step: str, result: ExecutionResult) -> None:
    """Check that an execution has a step of this name; InputError if not."""
    known = [one.name for one in result.steps]
    if step not in known:
        raise InputError(Problem("", f"there is no step '{step}'", did_you_mean(step, known)))
