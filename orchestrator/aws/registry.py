"""The model registry of an account: versions listed, described, approved and rejected."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from orchestrator.aws.artifacts import read_object
from orchestrator.errors import AwsError, InputError, Problem
from orchestrator.results.registered import registered_model, statistics_uris

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.aws.clients import Aws, Response
    from orchestrator.results.registered import RegisteredModel

NO_METRICS: Mapping[str, float] = {}


def list_models(aws: Aws) -> Iterator[RegisteredModel]:
    """Yield every version of every group, group by group, the newest first; without metrics."""
    for page in aws.pages("sagemaker", "ListModelPackageGroups"):
        for group in page["ModelPackageGroupSummaryList"]:
            for summary in _versions(group["ModelPackageGroupName"], aws):
                yield registered_model(summary, summary["CreationTime"], NO_METRICS)


def find_model(text: str, aws: Aws) -> RegisteredModel:
    """Return the version that `GROUP/VERSION` means, or the newest of `GROUP`.

    Raises:
        InputError: If there is none.
    """
    group, _, version = text.partition("/")
    known = []
    for summary in _versions(group, aws):
        known.append(f"{group}/{summary['ModelPackageVersion']}")
        if version in {"", str(summary["ModelPackageVersion"])}:
            return _described(summary["ModelPackageArn"], aws)
    fix = f"There are: {', '.join(known[:5])}." if known else "`fmo models --env NAME` lists them."
    raise InputError(Problem("", f"there is no model '{text}' in {aws.region}", fix))


def set_approval(model: RegisteredModel, status: str, description: str | None, aws: Aws) -> None:
    """Approve or reject a version, and say why."""
    said = {} if description is None else {"ApprovalDescription": description}
    aws.call(
        "sagemaker", "UpdateModelPackage",
        ModelPackageArn=model.arn, ModelApprovalStatus=status, **said,
    )  # fmt: skip


def _versions(group: str, aws: Aws) -> list[Response]:
    """Return the summaries of a group's versions, the newest first; none if there is no group."""
    try:
        pages = aws.pages(
            "sagemaker", "ListModelPackages",
            ModelPackageGroupName=group,
        )  # fmt: skip
        found = [one for page in pages for one in page["ModelPackageSummaryList"]]
    except AwsError as error:
        # There is no call that says whether a group is there without failing if it is not.
        if "does not exist" not in str(error):
            raise
        return []
    return sorted(found, key=lambda one: -int(one["ModelPackageVersion"]))


def _described(arn: str, aws: Aws) -> RegisteredModel:
    package = aws.call("sagemaker", "DescribeModelPackage", ModelPackageName=arn)
    found: dict[str, float] = {}
    for uri in statistics_uris(package):
        found |= _metrics(read_object(uri, aws))
    whole = {name: value for name, value in package.items() if name != "ResponseMetadata"}
    return registered_model(whole, package["CreationTime"], found)


def _metrics(data: bytes | None) -> dict[str, float]:
    try:
        document = json.loads(data or b"{}")
    except ValueError:
        return {}
    members = document.items() if isinstance(document, dict) else ()
    numbers = ((name, value) for name, value in members if isinstance(value, int | float))
    return {name: float(value) for name, value in numbers if math.isfinite(value)}
