"""Sessions of boto3 that read the models of the services once for all tests."""

from __future__ import annotations

import boto3
import botocore.session
from botocore.loaders import create_loader

# Reading SageMaker's model takes a third of a second, and every test has a session of its own.
LOADER = create_loader()


def new_session(region: str) -> boto3.Session:
    """Return a session of an account that is not there."""
    core = botocore.session.Session()
    core.register_component("data_loader", LOADER)
    return boto3.Session("key", "secret", region_name=region, botocore_session=core)
