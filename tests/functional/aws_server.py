"""An AWS account on this machine, over HTTP: moto's server, made strict. Prints its port.

A program of its own, since tests may not open sockets: `python -m tests.functional.aws_server`.
The account is empty but for the buckets of the example's `fmo.yaml`. With a folder as argument,
executions are real runs of the local backend, which keeps them there.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import boto3
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

import tests.aws.strict_account
import tests.aws.strict_cloudformation
import tests.aws.strict_events  # noqa: F401 - makes moto strict
from orchestrator.local.clock import SystemClock
from orchestrator.local.home import Home
from tests.aws.account import SERVED
from tests.aws.local_engine import LocalEngine
from tests.aws.strict_moto import run_by

REGION = "eu-central-1"
BUCKETS = ("acme-dev", "acme-prod")


class Quiet(MotoRequestHandler):
    """Does not write a line for each request."""

    def log_request(self, *_: object) -> None:
        return


def main() -> None:
    application = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    s3 = boto3.Session("key", "secret", region_name=REGION).client("s3", endpoint_url=address)
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for folder in sys.argv[1:]:
        run_by(LocalEngine(Home(Path(folder)), SystemClock()), SERVED, REGION)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
