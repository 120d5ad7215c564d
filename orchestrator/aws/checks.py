"""Checks of an account against what a definition needs: quotas, role, images, data.

Each yields what is missing. A check that the caller may not make is said, and stops nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.aws.assets import split_uri
from orchestrator.catalog.images import is_account_of_aws
from orchestrator.errors import AccessDeniedError, NotFoundError, Problem
from orchestrator.results.figures import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from orchestrator.aws.clients import Aws
    from orchestrator.aws.needs import Instances, Needs

SAGEMAKER = "sagemaker"
_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[\w-]+)\.[\w.-]+"
    r"/(?P<repository>[^:@]+)(?:@(?P<digest>sha256:[0-9a-f]+)|:(?P<tag>.+))?"
)
_CREATES = {
    "Training": ("sagemaker:CreateTrainingJob", "training-job/pipelines-any"),
    "Processing": ("sagemaker:CreateProcessingJob", "processing-job/pipelines-any"),
    "Transform": ("sagemaker:CreateTransformJob", "transform-job/pipelines-any"),
    "RegisterModel": ("sagemaker:CreateModelPackage", "model-package/any"),
}
"""Step type to what Pipelines calls for it, and what that makes: by names that any role allows."""


@dataclass
class Report:
    """What the checks found."""

    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What could not be checked, and why."""

    def run(self, what: str, check: Callable[[], Iterator[Problem]]) -> None:
        """Add what `check` finds, or that the caller may not ask."""
        try:
            self.problems += check()
        except AccessDeniedError as error:
            call = str(error).partition(": ")[0]
            self.notes.append(f"could not check {what}: {call} is denied")


def quotas_suffice(instances: Collection[Instances], aws: Aws) -> Iterator[Problem]:
    """Yield each job whose instances the account may not have, with how to ask for them."""
    if not instances:
        return
    quotas = _quotas("ListServiceQuotas", aws)
    if any(_name(kind, one) not in quotas for one in instances for kind in one.types):
        # What was never raised may be listed among the defaults only.
        quotas = {**_quotas("ListAWSDefaultServiceQuotas", aws), **quotas}
    for one in instances:
        found = [quotas.get(_name(kind, one)) for kind in one.types]
        if any(quota is not None and quota["Value"] >= one.count for quota in found):
            continue
        where, kind, quota = f"steps.{one.step}.instance_type", one.types[0], found[0]
        if quota is None:
            what = f"{kind} is not offered in {aws.region} for {one.use}"
            yield Problem(where, what, "Choose another instance type, or another region.")
            continue
        what = (
            f"the quota '{_name(kind, one)}' is {quota['Value']:g}, and the job needs {one.count}"
        )
        yield Problem(
            where, what, f"Ask for more: {_increase(quota['QuotaCode'], one.count, aws)}."
        )


def role_may(
    role_arn: str, bucket: str, key: str | None, needs: Needs, aws: Aws
) -> Iterator[Problem]:
    """Yield each action that the role of the jobs is not allowed (SimulatePrincipalPolicy)."""
    asked = asked_of_role(role_arn, bucket, key, needs, aws.region)
    for resource, actions in asked.items():
        try:
            denied = list(_denied(role_arn, actions, resource, aws))
        except NotFoundError:
            fix = "Make it, or correct `role_arn` of the environment."
            yield Problem("role_arn", f"there is no role {role_arn}", fix)
            return
        for action in denied:
            fix = "Add it to a policy of the role."
            yield Problem("role_arn", f"{role_arn} is not allowed {action} on {resource}", fix)


def asked_of_role(
    role_arn: str, bucket: str, key: str | None, needs: Needs, region: str
) -> dict[str, list[str]]:
    """Return resource to the actions on it that the role of the jobs must be allowed."""
    _, partition, _, _, account, _ = role_arn.split(":", 5)
    place = f"arn:{partition}:s3:::{bucket}"
    logs = f"arn:{partition}:logs:{region}:{account}:log-group:/aws/sagemaker/"
    asked = {
        f"{place}/fmo/*": ["s3:GetObject", "s3:PutObject"],
        place: ["s3:ListBucket"],
        role_arn: ["iam:PassRole"],
        f"{logs}any:log-stream:any": ["logs:CreateLogStream", "logs:PutLogEvents"],
    }
    for step_type in sorted(needs.step_types & _CREATES.keys()):
        action, made = _CREATES[step_type]
        arn = f"arn:{partition}:sagemaker:{region}:{account}:{made}"
        asked[arn] = [action, "sagemaker:AddTags"]
    if key is not None and key.startswith("arn:"):
        asked[key] = ["kms:Decrypt", "kms:GenerateDataKey"]
    return asked


def images_are_there(images: Mapping[str, str], account: str, aws: Aws) -> Iterator[Problem]:
    """Yield each image of the account's own registry that is not in it."""
    for image, step in images.items():
        found = _IMAGE.fullmatch(image)
        if found is None or found["account"] != account or found["region"] != aws.region:
            continue
        wanted = {"imageDigest": found["digest"]} if found["digest"] else {}
        wanted = wanted or {"imageTag": found["tag"] or "latest"}
        try:
            aws.call(
                "ecr", "DescribeImages", registryId=account,
                repositoryName=found["repository"], imageIds=[wanted],
            )  # fmt: skip
        except NotFoundError:
            what = f"there is no image {image}"
            yield Problem(f"steps.{step}.image_uri", what, "Push it, or correct its name.")


def foreign_images(images: Mapping[str, str], account: str, region: str) -> Iterator[str]:
    """Yield what is said of images that only their owner could look up."""
    of_aws = 0
    for image in sorted(images):
        found = _IMAGE.fullmatch(image)
        if found is None:
            yield f"not checked: image {image}, which is not in ECR"
        elif is_account_of_aws(found["account"]):
            of_aws += 1
        elif found["region"] != region:
            yield f"not checked: image {image}, which is in {found['region']}"
        elif found["account"] != account:
            yield f"not checked: image {image} of account {found['account']}"
    if of_aws:
        yield f"not checked: {plural(of_aws, 'image')} of AWS, by the catalogue's table"


def data_is_there(
    data: Mapping[str, str], arriving: Collection[str], aws: Aws
) -> Iterator[Problem]:
    """Yield each prefix that a job reads and that holds nothing.

    Args:
        data: URI to the `STEP.CHANNEL` that reads it.
        arriving: Folders that the deployment stores.
        aws: The account and region.
    """
    for uri, reader in data.items():
        if any(uri.startswith(folder) for folder in arriving):
            continue
        bucket, prefix = split_uri(uri)
        try:
            found = aws.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except NotFoundError:
            yield Problem(reader, f"there is no bucket {bucket!r}", "Correct the address.")
            continue
        if not found.get("Contents"):
            yield Problem(reader, f"there is nothing at {uri}", "Put the data there first.")


def spot_jobs_resume(needs: Needs) -> Iterator[Problem]:
    """Yield each spot job that would begin anew whenever its instance is taken away."""
    for step in needs.spot_without_checkpoints:
        what = "it runs on spot instances and keeps no checkpoints, so an interruption loses all"
        fix = "Add CheckpointConfig, or leave EnableManagedSpotTraining out."
        yield Problem(f"steps.{step}", what, fix)


def _quotas(operation: str, aws: Aws) -> dict[str, Mapping[str, Any]]:
    pages = aws.pages("service-quotas", operation, ServiceCode=SAGEMAKER)
    return {one["QuotaName"]: one for page in pages for one in page["Quotas"]}


def _name(kind: str, one: Instances) -> str:
    return f"{kind} for {one.use}"


def _increase(code: str, count: int, aws: Aws) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --service-code {SAGEMAKER} "
        f"--quota-code {code} --desired-value {count} --region {aws.region}"
    )


def _denied(role_arn: str, actions: list[str], resource: str, aws: Aws) -> Iterator[str]:
    context = {
        "ContextKeyName": "iam:PassedToService",
        "ContextKeyValues": ["sagemaker.amazonaws.com"],
        "ContextKeyType": "string",
    }
    pages = aws.pages(
        "iam", "SimulatePrincipalPolicy", PolicySourceArn=role_arn, ActionNames=actions,
        ResourceArns=[resource], ContextEntries=[context],
    )  # fmt: skip
    for page in pages:
        for result in page["EvaluationResults"]:
            # With context missing, the simulator cannot tell what the service would decide.
            if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                yield result["EvalActionName"]
