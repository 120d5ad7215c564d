"""The IAM policy that one definition's execution needs: of the role of the pipeline and its jobs.

`infra/roles.yaml` has the same statements for every definition; a test holds both equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from orchestrator.definition.json import dumps
from orchestrator.definition.model import to_json, walk
from orchestrator.definition.registry import GROUP_VARIABLE
from orchestrator.definition.secrets import PREFIX, secret_places
from orchestrator.errors import Problem, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.definition.json import Json
    from orchestrator.definition.model import Definition, Step

Statement: TypeAlias = dict[str, "Json"]

READ = ("s3:GetObject",)
WRITE = ("s3:AbortMultipartUpload", "s3:PutObject")
LIST = ("s3:GetBucketLocation", "s3:ListBucket")
ENCRYPT = ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
LOG = (
    "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
)  # fmt: skip
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
CONNECT = (
    "ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
)  # fmt: skip
TRACK = (
    "sagemaker:AssociateTrialComponent", "sagemaker:CreateExperiment", "sagemaker:CreateTrial",
    "sagemaker:CreateTrialComponent", "sagemaker:DescribeExperiment", "sagemaker:DescribeTrial",
    "sagemaker:DescribeTrialComponent", "sagemaker:UpdateTrialComponent",
)  # fmt: skip
FIND = ("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")
EXPERIMENTS = ("experiment/*", "experiment-trial/*", "experiment-trial-component/*")
SEE_VPC = (
    "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets", "ec2:DescribeVpcs",
)  # fmt: skip


@dataclass(frozen=True)
class StepRights:
    """What the role needs for steps of one type."""

    sid: str
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    """Of SageMaker, below the account."""
    is_job: bool = False
    """Whether it runs a container, which logs, counts and is pulled."""


STEP_TYPES: Mapping[str, StepRights] = {
    "Callback": StepRights("CallBack"),
    "Condition": StepRights(""),
    "Fail": StepRights(""),
    # Pipelines calls the jobs of its steps `pipelines-EXECUTION-STEP-SUFFIX`.
    "Processing": StepRights(
        "RunProcessing",
        (
            "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob",
            "sagemaker:StopProcessingJob",
        ),
        ("processing-job/pipelines-*",),
        is_job=True,
    ),
    "RegisterModel": StepRights(
        "RegisterModels",
        (
            "sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup",
            "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup",
        ),
        ("model-package/*", "model-package-group/*"),
    ),
    "Training": StepRights(
        "RunTraining",
        (
            "sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
        ),
        ("training-job/pipelines-*",),
        is_job=True,
    ),
}  # fmt: skip
"""Step type to what its steps need: what Pipelines calls, and follows until it has ended."""

_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]+[a-z0-9])")
_IMAGE = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@\"]+)")
_KEY = re.compile(r'"(?:Volume)?KmsKeyId": ?"([^"]+)"')
_QUEUE = re.compile(r"https://[a-z0-9.-]+/([0-9]{12})/([A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class Place:
    """Where a definition runs."""

    region: str
    bucket: str
    role_arn: str
    partition: str = field(init=False)
    account: str = field(init=False)

    def __post_init__(self) -> None:
        _, partition, _, _, account, _ = self.role_arn.split(":", 5)
        object.__setattr__(self, "partition", partition)
        object.__setattr__(self, "account", account)

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something in this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def bucket_arn(self, name: str) -> str:
        """Return the ARN of a bucket."""
        return f"arn:{self.partition}:s3:::{name}"


def policy_of(definition: Definition, place: Place) -> dict[str, Json]:
    """Return the policy document.

    Raises:
        UnsupportedError: For steps of types that we do not know the needs of.
    """
    steps = [placed.step for placed in walk(definition.steps)]
    _types_are_known(steps)
    text = dumps(to_json(definition)).decode()
    statements = [
        *_storage(text, place), *_keys(text, place), *_jobs(steps, text, place),
        *_sagemaker(definition, steps, place), *_registry(steps, place), *_callbacks(steps, place),
        *_secrets(steps, place), *_vpc(text, place),
    ]  # fmt: skip
    return {"Version": "2012-10-17", "Statement": [*statements]}


def _types_are_known(steps: list[Step]) -> None:
    problems = [
        Problem(
            f"step {step.name}", f"what steps of type {step.type!r} need is not known",
            "See the page of its service, and add a policy of your own.",
        )
        for step in steps
        if step.type not in STEP_TYPES
    ]  # fmt: skip
    if problems:
        raise UnsupportedError(problems)


def _storage(text: str, place: Place) -> Iterator[Statement]:
    """Yield that jobs read the bucket and write what is ours in it, and read what else is named."""
    ours = place.bucket_arn(place.bucket)
    yield _allow("Read", READ, f"{ours}/*")
    yield _allow("Write", WRITE, f"{ours}/fmo/*")
    yield _allow("List", LIST, ours)
    names = sorted(set(_BUCKET.findall(text)) - {place.bucket})
    others = [place.bucket_arn(name) for name in names]
    if others:
        yield _allow("ReadOthers", READ, *(f"{other}/*" for other in others))
        yield _allow("ListOthers", LIST, *others)


def _keys(text: str, place: Place) -> Iterator[Statement]:
    keys = sorted(set(_KEY.findall(text)))
    names = [key for key in keys if key.startswith("alias/")]
    arns = [key if key.startswith("arn:") else place.arn("kms", f"key/{key}")
            for key in keys if key not in names]  # fmt: skip
    if names:
        # A policy names keys by ARN only; an alias is a condition on them.
        aliases: Json = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": [*names]}}
        arns, condition = [*arns, place.arn("kms", "key/*")], aliases
    else:
        condition = None
    if not keys:
        return
    yield _allow("Encrypt", ENCRYPT, *arns, condition=condition)
    if '"VolumeKmsKeyId"' in text:
        grants: dict[str, Json] = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        granted = grants | (condition if isinstance(condition, dict) else {})
        yield _allow("EncryptVolumes", ("kms:CreateGrant",), *arns, condition=granted)


def _jobs(steps: list[Step], text: str, place: Place) -> Iterator[Statement]:
    """Yield what every job needs: its log, its metrics, its image, its role."""
    if not any(STEP_TYPES[step.type].is_job for step in steps):
        return
    yield _allow("Log", LOG, place.arn("logs", "log-group:/aws/sagemaker/*"))
    namespace: Json = {"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}}
    yield _allow("CountMetrics", ("cloudwatch:PutMetricData",), "*", condition=namespace)
    yield _allow("SignInToRegistries", ("ecr:GetAuthorizationToken",), "*")
    images = sorted({
        f"arn:{place.partition}:ecr:{region}:{account}:repository/{name}"
        for account, region, name in _IMAGE.findall(text)
    })  # fmt: skip
    if images:
        yield _allow("PullImages", PULL, *images)
    passed: Json = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    yield _allow("PassItselfToJobs", ("iam:PassRole",), place.role_arn, condition=passed)


def _sagemaker(definition: Definition, steps: list[Step], place: Place) -> Iterator[Statement]:
    """Yield what Pipelines calls for the steps, and for the experiment that they are noted in."""
    tagged: list[str] = []
    for name in sorted({step.type for step in steps}):
        rights = STEP_TYPES[name]
        if rights.actions:
            resources = [place.arn("sagemaker", resource) for resource in rights.resources]
            yield _allow(rights.sid, rights.actions, *resources)
            tagged += resources
    if definition.experiment_config:
        resources = [place.arn("sagemaker", resource) for resource in EXPERIMENTS]
        yield _allow("Track", TRACK, *resources)
        tagged += resources
    if tagged:
        yield _allow("Tag", ("sagemaker:AddTags",), *tagged)


def _registry(steps: list[Step], place: Place) -> Iterator[Statement]:
    """Yield what jobs ask of the model registry by themselves (`find_approved.py`)."""
    groups = sorted({
        str(told[GROUP_VARIABLE])
        for step in steps
        if isinstance(told := step.arguments.get("Environment"), dict) and GROUP_VARIABLE in told
    })  # fmt: skip
    if groups:
        resources = [f"model-package{kind}" for name in groups
                     for kind in (f"-group/{name}", f"/{name}/*")]  # fmt: skip
        yield _allow("FindApproved", FIND, *(place.arn("sagemaker", one) for one in resources))


def _callbacks(steps: list[Step], place: Place) -> Iterator[Statement]:
    queues = sorted({
        f"arn:{place.partition}:sqs:{place.region}:{account}:{name}"
        for step in steps
        for account, name in _QUEUE.findall(str(step.extra.get("SqsQueueUrl", "")))
    })  # fmt: skip
    if queues:
        yield _allow("CallBack", ("sqs:SendMessage",), *queues)


def _secrets(steps: list[Step], place: Place) -> Iterator[Statement]:
    arns: set[str] = set()
    for step in steps:
        told = step.arguments.get("Environment")
        if not isinstance(told, dict):
            continue
        markers = {name: str(value) for name, value in told.items() if name.startswith(PREFIX)}
        arns |= {_secret_arn(one.secret_id, place) for one in secret_places(markers).values()}
    if arns:
        yield _allow("ReadSecrets", ("secretsmanager:GetSecretValue",), *sorted(arns))


def _secret_arn(secret_id: str, place: Place) -> str:
    # Secrets Manager ends the ARN of a secret in six characters of its own.
    is_arn = secret_id.startswith("arn:")
    return secret_id if is_arn else place.arn("secretsmanager", f"secret:{secret_id}-??????")


def _vpc(text: str, place: Place) -> Iterator[Statement]:
    if '"Subnets"' in text:
        kinds = ("network-interface/*", "security-group/*", "subnet/*")
        yield _allow("ConnectToVpc", CONNECT, *(place.arn("ec2", kind) for kind in kinds))
        yield _allow("SeeVpc", SEE_VPC, "*")


def _allow(
    sid: str, actions: tuple[str, ...], *resources: str, condition: Json = None
) -> Statement:
    statement: Statement = {
        "Sid": sid, "Effect": "Allow", "Action": [*actions], "Resource": [*resources],
    }  # fmt: skip
    return statement | ({"Condition": condition} if condition else {})
