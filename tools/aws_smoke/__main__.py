"""The whole life of a pipeline in a real account, at the smallest sizes, and its calls recorded.

    python -m tools.aws_smoke [--region R] [--role-arn ARN] [--bucket B] [--yes] [--record FILE]

Says first what it can cost, and asks. Without a role and a bucket it takes those that the account
gives by itself. Everything it makes is deleted at the end, but for logs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from threading import Event

import boto3

from orchestrator import flow
from orchestrator.aws.account import account_defaults
from orchestrator.aws.clients import Aws, connect
from orchestrator.compiler.environment import Environment
from orchestrator.errors import FmoError
from orchestrator.local.home import Home
from tools.aws_smoke.life import SPEC, Life, SmokeError, cost_lines
from tools.aws_smoke.recording import ACCOUNT, Recorder

BUCKET = "smoke-bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/smoke"


def main() -> int:
    """Run it, and return the exit code: 0 if everything was as fmo takes it to be."""
    arguments = parsed()
    try:
        environment = environment_of(arguments)
        definition = flow.compile_file(SPEC, {}, environment).data
        print(f"account of {environment.role_arn}, {environment.region}")
        print(*cost_lines(definition), sep="\n", flush=True)
        if not arguments.yes and not agreed():
            return 2
        run(environment, arguments)
    except (FmoError, SmokeError) as error:
        print(f"aws-smoke: {error}", file=sys.stderr)
        return 1
    print(f"everything was as fmo takes it to be; calls: {arguments.record}")
    return 0


def parsed() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--region")
    parser.add_argument("--role-arn")
    parser.add_argument("--bucket")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--record", type=Path, default=Path("build/aws-smoke.jsonl"))
    parser.add_argument("--home", type=Path, default=Path("build/aws-smoke"))
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two looks")
    return parser.parse_args()


def environment_of(arguments: argparse.Namespace) -> Environment:
    """Return where to run: what was given, else what the account gives by itself."""
    aws = connect(arguments.region)
    found = account_defaults(aws, role_arn=arguments.role_arn, bucket=arguments.bucket)
    return Environment("smoke", found.bucket, found.role_arn, aws.region)


def agreed() -> bool:
    """Ask a person; nobody there is a no."""
    if not sys.stdin.isatty():
        print("nobody can be asked here; add --yes to go on", file=sys.stderr)
        return False
    return input("Start? [y/N] ").strip().lower() in {"y", "yes"}


def run(environment: Environment, arguments: argparse.Namespace) -> None:
    """Go through the life of a pipeline, and record it."""
    session, never = boto3.Session(), Event()
    names = {environment.bucket: BUCKET, environment.role_arn: ROLE}
    Recorder(session, arguments.record, names)
    aws = Aws(session, environment.region)

    def wait() -> None:
        never.wait(arguments.every)

    Life(aws, environment, Home(arguments.home.resolve()), print, wait).run()


if __name__ == "__main__":
    sys.exit(main())
