"""`fmo.yaml`: what a team says once for all its specs: defaults, environments, policy, secrets."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, create_model

from orchestrator.spec.fields import Broken, Flag, SpecModel
from orchestrator.spec.models import step_models
from orchestrator.spec.suggest import did_you_mean

NOT_SHARED = frozenset(("kind", "after"))
"""Fields that say what a step is and where it stands: no default can know them."""


class _LaterBuilt(SpecModel):
    """A model that costs nothing until a project file is read."""

    model_config = ConfigDict(defer_build=True)


def _defaults_of(kind: str, model: type[SpecModel]) -> type[SpecModel]:
    """Return a model of the kind's fields, none of which must be given."""
    fields: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if name in NOT_SHARED:
            continue
        annotation: Any = field.annotation
        for rule in field.metadata:
            annotation = Annotated[annotation, rule]
        fields[name] = (annotation, Field(default=None, validation_alias=field.validation_alias))
    title = f"{kind.title()}Defaults"
    return create_model(title, __base__=_LaterBuilt, __module__=__name__, **fields)


DEFAULTS = {kind: _defaults_of(kind, model) for kind, model in step_models().items()}
"""Every step kind to the model of its defaults."""


def _defaults_by_kind() -> type[SpecModel]:
    fields: dict[str, Any] = {
        kind: (model | None, Field(default=None)) for kind, model in DEFAULTS.items()
    }
    with warnings.catch_warnings():
        # `register` is also a method of every abstract class, which nothing here calls.
        warnings.filterwarnings("ignore", message="Field name", category=UserWarning)
        return create_model("KindDefaults", __base__=_LaterBuilt, __module__=__name__, **fields)


KindDefaults: type[SpecModel] = _defaults_by_kind()
"""Fields per step kind; a step's own fields win, one by one."""

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]+$")]
RoleArn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$")]
Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Subnet = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-z]+$")]
SecurityGroup = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-z]+$")]
SecretName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
# Secrets Manager, CreateSecret: Name; an ARN has colons as well.
SecretId = Annotated[
    str, StringConstraints(pattern=r"^(arn:aws[a-z-]*:secretsmanager:[^\s]+|[A-Za-z0-9/_+=.@-]+)$")
]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
InstancePattern = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9*-]+\.[a-z0-9*-]+$")]
# A Callback step names its queue by URL (`SqsQueueUrl`), everything else by ARN.
QueueUrl = Annotated[
    str, StringConstraints(pattern=r"^https://[a-z0-9.-]+/[0-9]{12}/[A-Za-z0-9_-]{1,80}$")
]
FunctionArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:.+$")
]
QueueArn = Annotated[
    str, StringConstraints(pattern=r"^arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,80}$")
]
TopicArn = Annotated[
    str,
    StringConstraints(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$"),
]
# Names made from it end in words of ours: a bucket's has at most 63 characters, a role's 64.
StackPrefix = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,25}[a-z0-9]$")]
StackParameter = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$")]
CardField = Literal[
    "intended_uses", "out_of_scope_uses", "risk_rating", "training_data", "license", "caveats"
]


class PolicySpec(_LaterBuilt):
    """What must hold of everything that is compiled for AWS."""

    encryption_required: Flag = False
    """Whether the environment must name a `kms_key_id`."""
    allowed_instance_types: tuple[InstancePattern, ...] | None = None
    """The only instances that jobs may use; `*` stands for anything: `ml.g5.*`."""
    required_before: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Step kind to the kinds of which one must come before it; `gate` means any gate."""
    required_model_card_fields: tuple[CardField, ...] = ()
    """Fields of `model_card` that each `register` step must fill in."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield step kinds that do not exist, and a list that allows nothing."""
        for kind, required in self.required_before.items():
            if kind not in step_models():
                yield _no_kind(f"required_before.{kind}", kind)
            for index, other in enumerate(required):
                if other not in step_models():
                    yield _no_kind(f"required_before.{kind}[{index}]", other)
        if self.allowed_instance_types == ():
            fix = "Name the instances, or remove the key."
            yield Broken("allowed_instance_types", "no instance is allowed", fix)


class SecretSpec(_LaterBuilt):
    """Where a secret is, for `environment: {NAME: $secrets.name}` of a step."""

    secret_id: SecretId
    """Its name or ARN in AWS Secrets Manager."""
    key: Annotated[str, Field(min_length=1)] | None = None
    """The key in it, if the secret is a JSON object; unset: the whole of it."""
    env: VariableName | None = None
    """The variable that holds it on this machine; unset: the one that the step sets."""


class InfraSpec(_LaterBuilt):
    """What `fmo infra deploy` makes in the account, beside a bucket, a key and the jobs' roles."""

    prefix: StackPrefix | None = None
    """What the names of everything begin with; unset: `fmo-` and the environment's name."""
    parts: tuple[Literal["network", "schedules", "bridge"], ...] = ()
    """Further parts: a VPC, what schedules and notifications need, and the bridge."""
    parameters: dict[StackParameter, str | int] = Field(default_factory=dict)
    """Parameters of the templates, such as the ARN of something that is there already."""


class EnvironmentSpec(_LaterBuilt):
    """An account, region and network to compile for. What is unset comes from `extends`."""

    extends: EnvironmentName | None = None
    """Another environment, whose values hold where this one gives none."""
    region: Region | None = None
    """The AWS region; it decides which images are used."""
    role_arn: RoleArn | None = None
    """The jobs' execution role."""
    bucket: Bucket | None = None
    """Where code, data and outputs live, without `s3://`."""
    kms_key_id: Annotated[str, Field(min_length=1)] | None = None
    """The KMS key, by id or ARN, that encrypts outputs, models and volumes."""
    subnets: tuple[Subnet, ...] | None = None
    """Subnets of the VPC in which jobs run; needs `security_group_ids`."""
    security_group_ids: tuple[SecurityGroup, ...] | None = None
    """Security groups of the jobs; needs `subnets`."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags of the jobs and models; they add to those of `extends`."""
    network_isolation: Flag | None = None
    """Whether jobs are cut off from every network (unset: they are not)."""
    callback_queue_url: QueueUrl | None = None
    """The SQS queue of the bridge, into which callback steps write."""
    bedrock_role_arn: RoleArn | None = None
    """What Bedrock assumes for its jobs, unless a step names another (unset: `role_arn`)."""
    scheduler_role_arn: RoleArn | None = None
    """What EventBridge Scheduler assumes to start the pipeline."""
    scheduler_dead_letter_arn: QueueArn | None = None
    """The SQS queue for starts that failed for good."""
    starter_function_arn: FunctionArn | None = None
    """The Lambda function that starts a pipeline unless it runs."""
    notify_topic_arn: TopicArn | None = None
    """The SNS topic that hears how executions end."""
    infra: InfraSpec | None = None
    """What `fmo infra` makes in the account."""
    defaults: KindDefaults | None = None  # type: ignore[valid-type]
    """Fields per step kind that win over the file's own `defaults`."""
    policy: PolicySpec | None = None
    """Fields of the policy that win over the file's own."""


class ProjectSpec(_LaterBuilt):
    """The file `fmo.yaml`."""

    defaults: KindDefaults | None = None  # type: ignore[valid-type]
    """Fields per step kind that hold where a step gives none."""
    environments: dict[EnvironmentName, EnvironmentSpec] = Field(default_factory=dict)
    """Name to environment, for `--env NAME`."""
    policy: PolicySpec | None = None
    """What must hold of everything that is compiled for AWS."""
    secrets: dict[SecretName, SecretSpec] = Field(default_factory=dict)
    """Name to where the secret is, for `$secrets.NAME`."""


REQUIRED = ("region", "role_arn", "bucket")
"""What an environment must have, of its own or by `extends`, once something is compiled for it."""


def _no_kind(field: str, kind: str) -> Broken:
    return Broken(
        field, f"there is no step kind {kind!r}", did_you_mean(kind, step_models(), noun="kinds")
    )
