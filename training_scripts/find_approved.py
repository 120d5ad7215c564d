"""Find the newest approved version of a model package group, for the steps that read its model.

    python launch.py find_approved.py

No channels. Output `approved`: `approved.json`, which says in `model_uri` where the weights are.
While nothing is approved that is the output itself, which holds no model: whoever can do without
one reads `found` there. On a laptop the backend lays the registry's answer into the job's folder.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training_scripts.container import current_job, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from training_scripts.container import Job

PACKAGES_FILE = "config/model_packages.json"
"""On a laptop: the group's versions as DescribeModelPackage answers, the newest first."""
JOB_FILE = "config/processingjobconfig.json"
OUTPUT = "approved"
DENIED = (
    "Allow the job's role sagemaker:ListModelPackages and sagemaker:DescribeModelPackage on it."
)


def main() -> None:
    """Find the version that this process's job asks for."""
    find(current_job())


def find(job: Job, connect: Callable[[], Any] | None = None) -> None:
    """Write `approved.json`.

    Args:
        job: Its settings name the group, and whether there must be a model.
        connect: Makes a client of SageMaker; boto3's if None.
    """
    group = job.settings["model_package_group_name"]
    local = job.root / PACKAGES_FILE
    package = newest_of(local) if local.is_file() else newest_in_registry(group, connect)
    if package is None and job.settings["required"]:
        fail(
            f"model_package_group_name: no version of {group!r} is approved. "
            f"Approve one: fmo models approve {group}/VERSION."
        )
    record = record_of(group, package) if package else nothing_approved(group, job)
    found = f"{record['name']} at {record['model_uri']}" if package else "no approved version yet"
    print(f"{group}: {found}", flush=True)
    text = json.dumps(record, indent=2) + "\n"
    (job.output(OUTPUT) / f"{OUTPUT}.json").write_text(text, encoding="utf-8")


def newest_of(path: Path) -> Mapping[str, Any] | None:
    """Return the first approved package that the file lists."""
    packages = json.loads(path.read_text(encoding="utf-8"))
    approved = (one for one in packages if one.get("ModelApprovalStatus") == "Approved")
    return next(approved, None)


def newest_in_registry(
    group: str, connect: Callable[[], Any] | None = None
) -> Mapping[str, Any] | None:
    """Return the newest approved package of `group`; None if there is none, or no such group.

    Raises:
        JobFailure: If the registry does not answer.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    where = f"model_package_group_name: {group!r}"
    try:
        client = (connect or _connect)()
        listed = client.list_model_packages(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )["ModelPackageSummaryList"]
        if not listed:
            return None
        # The first page holds the newest, and of two made in the same moment the later counts.
        newest = max(listed, key=lambda one: one["ModelPackageVersion"])
        package: Mapping[str, Any] = client.describe_model_package(
            ModelPackageName=newest["ModelPackageArn"]
        )
    except ClientError as error:
        # The first run of a pipeline comes before the first version, which makes the group.
        if "does not exist" in str(error):
            return None
        cure = f" {DENIED}" if "AccessDenied" in error.response["Error"]["Code"] else ""
        fail(f"{where}: the model registry refused: {error}.{cure}")
    except BotoCoreError as error:
        cure = "A job in a VPC needs an endpoint of sagemaker.api there."
        fail(f"{where}: the model registry cannot be reached: {error} {cure}")
    return package


def record_of(group: str, package: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `approved.json` says of a version."""
    version = package["ModelPackageVersion"]
    return {
        "found": True,
        "name": f"{group}/{version}",
        "version": version,
        "model_package_arn": package["ModelPackageArn"],
        "model_uri": weights_of(f"{group}/{version}", package),
    }


def weights_of(name: str, package: Mapping[str, Any]) -> str:
    """Return the prefix with a package's weights, a slash at its end.

    Raises:
        JobFailure: If they are one archive, which SageMaker unpacks for endpoints but not for jobs.
    """
    containers = package.get("InferenceSpecification", {}).get("Containers") or [{}]
    source = containers[0].get("ModelDataSource", {}).get("S3DataSource", {})
    if source.get("CompressionType") != "None" or source.get("S3DataType") != "S3Prefix":
        found = source.get("S3Uri") or containers[0].get("ModelDataUrl") or "nothing"
        fail(
            f"{name}: its weights are no folder (found: {found}), and a job reads nothing else. "
            "Register the model with a step of kind `register`, and approve that version."
        )
    return f"{source['S3Uri'].rstrip('/')}/"


def nothing_approved(group: str, job: Job) -> dict[str, Any]:
    """Return what `approved.json` says while there is no approved version."""
    return {"found": False, "name": group, "model_uri": f"{own_uri(job).rstrip('/')}/"}


def own_uri(job: Job) -> str:
    """Return where SageMaker uploads the output to."""
    config = json.loads((job.root / JOB_FILE).read_text(encoding="utf-8"))
    outputs = config["ProcessingOutputConfig"]["Outputs"]
    uris = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}
    return str(uris[OUTPUT])


def _connect() -> Any:
    import boto3

    return boto3.client("sagemaker")


if __name__ == "__main__":
    main()
