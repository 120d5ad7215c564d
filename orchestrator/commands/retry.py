"""`retry`: an execution on AWS that failed or was stopped goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orchestrator.commands.cloud import execution_argument
from orchestrator.commands.deploy import ask
from orchestrator.commands.options import home_option, json_option, yes_option
from orchestrator.commands.terminal import Output

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.aws.retry import Retry


@click.command()
@execution_argument
@yes_option
@home_option
@json_option
def retry(execution: str, home_path: Path, *, yes: bool, as_json: bool) -> None:
    """Run again what failed or was stopped in an execution on AWS; what succeeded is kept.

    EXECUTION is its ARN, or of one that was started from here its id, the start of it, or `last`.
    It keeps its ARN, its parameters and the definition that it was started with. Its jobs cost
    money, so what will run is shown first and asked about.
    """
    from orchestrator.aws.retry import plan_retry
    from orchestrator.aws.retry import retry as retry_execution
    from orchestrator.commands import cloud_executions, executions

    output = Output(as_json=as_json)
    home = executions.open_home(home_path)
    arn, aws = cloud_executions.find_execution(execution, home)
    planned = plan_retry(arn, aws)
    _say_what_runs(planned, output)
    ask("Retry?", output, yes=yes)
    retry_execution(planned, aws)
    output.show(arn)
    output.say(f"next: fmo status {execution} --watch{executions.home_option_of(home)}")
    output.document(
        {
            "pipeline_execution_arn": arn,
            "kept": list(planned.kept),
            "again": dict(planned.again),
        }
    )


def _say_what_runs(planned: Retry, output: Output) -> None:
    if planned.kept:
        output.say(f"kept   {', '.join(planned.kept)}")
    for step, instances in planned.again.items():
        output.say(f"again  {step}{f': {instances}' if instances else ''}")
