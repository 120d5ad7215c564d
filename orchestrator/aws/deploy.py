"""A pipeline as it is to stand in an account: what has to change for that, and changing it.

Everything that a definition names is stored before the pipeline names it, and each act can be
repeated: a deployment that was cut off at any call is mended by the next one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from orchestrator.aws.assets import Upload, missing
from orchestrator.aws.mirror import MissingFile, mirror, missing_files
from orchestrator.aws.preflight import bucket_is_in_region, caller_in_account_of
from orchestrator.aws.triggers import apply_trigger, bucket_sends_events, plan_triggers
from orchestrator.definition.changes import changes_between
from orchestrator.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.aws.assets import Folder
    from orchestrator.aws.clients import Aws
    from orchestrator.aws.mirror import Fetch, HubFolder
    from orchestrator.aws.preflight import Caller
    from orchestrator.aws.triggers import TriggerPlan
    from orchestrator.definition.changes import Change
    from orchestrator.definition.triggers import Trigger, TriggerNames

Action = Literal["create", "update", "none"]

INLINE_BYTES = 102_400
"""A larger definition goes by S3, as the SageMaker SDK sends it (`pipeline.py`)."""
DEFINITIONS = "fmo/assets/definitions"
SIGNATURE = "Compiled by fmo; "
"""What the description of a pipeline of ours begins with."""


def _no_triggers(pipeline_arn: str) -> Sequence[Trigger]:
    del pipeline_arn
    return ()


@dataclass(frozen=True)
class Deployment:
    """A pipeline as it is to stand in an account."""

    pipeline_name: str
    definition: bytes
    role_arn: str
    bucket: str
    folders: Sequence[Folder] = ()
    models: Sequence[HubFolder] = ()
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    triggers: Callable[[str], Sequence[Trigger]] = _no_triggers
    """What starts the pipeline, given its ARN, and who hears of it."""
    trigger_names: TriggerNames | None = None
    """What they are called; None leaves alone whatever is there."""
    new_data_bucket: str | None = None
    """The bucket whose new objects start the pipeline."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the definition."""
        return hashlib.sha256(self.definition).hexdigest()

    @property
    def description(self) -> str:
        """What the console shows beside the name."""
        return f"{SIGNATURE}definition sha256 {self.digest[:12]}"


@dataclass(frozen=True)
class DeploymentPlan:
    """What has to change in an account."""

    deployment: Deployment
    caller: Caller
    action: Action
    """What happens to the pipeline."""
    changes: tuple[Change, ...] = ()
    """Of an update: what differs in the definition; none if only the role differs."""
    uploads: tuple[Upload, ...] = ()
    models: tuple[MissingFile, ...] = ()
    """Files of the hub that the bucket lacks."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags that an existing pipeline lacks."""
    is_foreign: bool = False
    """Whether the pipeline is there, but something else than fmo made it."""
    pipeline_arn: str = ""
    """As it is, or is going to be."""
    triggers: tuple[TriggerPlan, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """Whether everything stands as it is to stand."""
        stands = self.action == "none" and all(one.action == "none" for one in self.triggers)
        return stands and not (self.uploads or self.models or self.tags)


def plan_deployment(deployment: Deployment, aws: Aws) -> DeploymentPlan:
    """Return what has to change; nothing is changed.

    Raises:
        AwsError: If credentials, account, bucket or region do not fit, or AWS refuses.
    """
    caller = caller_in_account_of(deployment.role_arn, aws)
    bucket_is_in_region(deployment.bucket, aws)
    uploads = tuple(missing(deployment.folders, aws))
    models = tuple(missing_files(deployment.models, aws))
    deployed = find_pipeline(deployment.pipeline_name, aws)
    arn = deployed["PipelineArn"] if deployed else _arn(deployment, caller, aws)
    if deployment.new_data_bucket:
        bucket_sends_events(deployment.new_data_bucket, aws)
    triggers = _plan_triggers(deployment, arn, aws)
    plan = DeploymentPlan(
        deployment,
        caller,
        "create",
        uploads=uploads,
        models=models,
        pipeline_arn=arn,
        triggers=triggers,
    )
    return plan if deployed is None else _plan_update(plan, deployed, aws)


def _plan_update(plan: DeploymentPlan, deployed: Mapping[str, Any], aws: Aws) -> DeploymentPlan:
    deployment = plan.deployment
    changes = changes_between(deployed["PipelineDefinition"].encode(), deployment.definition)
    stands = not changes and deployed.get("RoleArn") == deployment.role_arn
    tags = _missing_tags(deployed["PipelineArn"], deployment.tags, aws)
    action: Action = "none" if stands else "update"
    is_foreign = not deployed.get("PipelineDescription", "").startswith(SIGNATURE)
    return replace(plan, action=action, changes=changes, tags=tags, is_foreign=is_foreign)


def find_pipeline(name: str, aws: Aws) -> Mapping[str, Any] | None:
    """Return the pipeline that is deployed, as DescribePipeline has it; None if there is none."""
    try:
        return aws.call("sagemaker", "DescribePipeline", PipelineName=name)
    except NotFoundError:
        return None


def refuse_to_fetch(file: MissingFile) -> NoReturn:
    """Fetch nothing: for deployments whose definition names no model of the hub."""
    msg = f"nothing fetches {file.uri}"
    raise ValueError(msg)


def carry_out(
    plan: DeploymentPlan,
    aws: Aws,
    done: Callable[[Upload | MissingFile], None] = lambda _: None,
    fetch: Fetch = refuse_to_fetch,
) -> str:
    """Make what `plan` says so, and return the pipeline's ARN.

    Args:
        plan: What has to change.
        aws: The account and region it was planned for.
        done: Told of each object once it is stored.
        fetch: Gives the files of the hub.
    """
    deployment = plan.deployment
    for file in plan.models:
        mirror(file, fetch, aws, kms_key_id=deployment.kms_key_id)
        done(file)
    for upload in plan.uploads:
        aws.put(upload.bucket, upload.key, upload.content, kms_key_id=deployment.kms_key_id)
        done(upload)
    request = {
        "PipelineName": deployment.pipeline_name,
        "PipelineDescription": deployment.description,
        "RoleArn": deployment.role_arn,
    }
    if plan.action == "create":
        arn = _create(deployment, request, aws)
    elif plan.action == "update":
        request |= _definition(deployment, aws)
        arn = aws.call("sagemaker", "UpdatePipeline", **request)["PipelineArn"]
    else:
        answer = aws.call("sagemaker", "DescribePipeline", PipelineName=deployment.pipeline_name)
        arn = answer["PipelineArn"]
    if plan.tags:
        aws.call("sagemaker", "AddTags", ResourceArn=arn, Tags=_as_list(plan.tags))
    foreseen = arn == plan.pipeline_arn
    for trigger in plan.triggers if foreseen else _plan_triggers(deployment, arn, aws):
        apply_trigger(trigger, aws)
    return str(arn)


def _plan_triggers(deployment: Deployment, arn: str, aws: Aws) -> tuple[TriggerPlan, ...]:
    if deployment.trigger_names is None:
        return ()
    wanted = deployment.triggers(arn)
    return plan_triggers(wanted, deployment.trigger_names, deployment.pipeline_name, aws)


def _arn(deployment: Deployment, caller: Caller, aws: Aws) -> str:
    """Return the ARN that the pipeline is likely to get; SageMaker names it in the end."""
    partition = deployment.role_arn.split(":")[1]
    name = deployment.pipeline_name
    return f"arn:{partition}:sagemaker:{aws.region}:{caller.account}:pipeline/{name}"


def _create(deployment: Deployment, request: Mapping[str, Any], aws: Aws) -> str:
    tags = {"Tags": _as_list(deployment.tags)} if deployment.tags else {}
    content = {**request, **_definition(deployment, aws), **tags}
    # The same pipeline has the same token, so that a call whose answer was lost may be repeated.
    token = hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()
    answer = aws.call("sagemaker", "CreatePipeline", ClientRequestToken=token, **content)
    return str(answer["PipelineArn"])


def _definition(deployment: Deployment, aws: Aws) -> dict[str, Any]:
    """Return the member that holds the definition, which is stored first if it is large."""
    if len(deployment.definition) < INLINE_BYTES:
        return {"PipelineDefinition": deployment.definition.decode()}
    key = f"{DEFINITIONS}/{deployment.digest}.json"
    aws.put(deployment.bucket, key, deployment.definition, kms_key_id=deployment.kms_key_id)
    return {"PipelineDefinitionS3Location": {"Bucket": deployment.bucket, "ObjectKey": key}}


def _missing_tags(arn: str, tags: Mapping[str, str], aws: Aws) -> dict[str, str]:
    if not tags:
        return {}
    pages = aws.pages("sagemaker", "ListTags", ResourceArn=arn)
    there = {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
    return {key: value for key, value in tags.items() if there.get(key) != value}


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
