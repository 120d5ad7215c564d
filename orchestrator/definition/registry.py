"""A job that asks the model registry: its environment says for which group."""

from __future__ import annotations

GROUP_VARIABLE = "FMO_MODEL_PACKAGE_GROUP"
"""On this machine such a job finds the group's versions in `PACKAGES_FILE`."""
PACKAGES_FILE = "config/model_packages.json"
"""Relative to /opt/ml: a list of model packages as DescribeModelPackage answers, newest first."""
