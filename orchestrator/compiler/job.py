"""What Processing and Training requests share: arguments, environment, network, retries, cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.compiler import tracking
from orchestrator.compiler.values import argument, concatenated, is_mutable, location
from orchestrator.definition.model import Cache, RetryPolicy
from orchestrator.definition.secrets import PREFIX, SecretPlace
from orchestrator.definition.smoke import smoke_argument
from orchestrator.errors import Problem, SpecError
from orchestrator.plan.model import ParameterValue
from orchestrator.spec.fields import JobModel
from orchestrator.spec.models import reference_fields
from orchestrator.spec.own_script import own_script
from orchestrator.spec.train import TrainSpec
from orchestrator.spec.train_script import SCRIPT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.compiler.context import Context
    from orchestrator.compiler.environment import Environment
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import PlannedStep
    from orchestrator.spec.fields import Scalar, StepModel

CACHE_EXPIRES_AFTER = "P30D"
"""ISO 8601; how old a result may be that stands in for running an equal step."""

NOTHING_MORE: Mapping[str, Json] = {}
_NOT_SETTINGS = (
    frozenset(JobModel.model_fields) | {"kind", "gates", "spot", *SCRIPT_FIELDS} | tracking.SETTINGS
)


def config_json(step: PlannedStep, script: str, more: Mapping[str, Json] = NOTHING_MORE) -> bytes:
    """Return the `config.json` of the step's code: kind, step, script and settings.

    Of a script of the user's also what `launch.py` does for it: `user_script`.

    Args:
        step: What runs.
        script: What its job starts.
        more: Settings that do not stand in the spec as the job needs them.
    """
    config: dict[str, Json] = {
        "kind": step.spec.kind,
        "step": step.name,
        "script": script,
        "settings": {**_settings(step), **more},
        **_user_script(step),
    }
    return (json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def container_arguments(context: Context, step: PlannedStep) -> list[Json]:
    """Return the launcher's arguments: the script, then what only the execution knows.

    A training script of the user's gets that as hyperparameters.
    """
    if _takes_hyperparameters(step):
        return [context.scripts[step.name], smoke_argument()]
    values = _written_arguments(step) | {
        name: location(context, source) for name, source in step.arguments.items()
    }
    written = [argument(name, values[name]) for name in sorted(values)]
    return [context.scripts[step.name], *written, smoke_argument()]


def hyperparameters(context: Context, step: PlannedStep) -> dict[str, Json]:
    """Return the request member `HyperParameters`, left out if there are none."""
    script = own_script(step.spec)
    if script is None or not _takes_hyperparameters(step):
        return {}
    values: dict[str, Json] = {
        name: _hyperparameter(script.arguments[name]) for name in sorted(script.arguments)
    }
    for name, source in step.arguments.items():
        # SageMaker takes strings only (CreateTrainingJob, HyperParameters).
        values[name] = concatenated([location(context, source)])
    return {"HyperParameters": values} if values else {}


def description(spec: StepModel) -> str | None:
    """Return the step's description in one line."""
    # The pattern is `.*`, which no line break matches (botocore, StepDescription), and YAML's
    # folded text ends with one.
    return None if spec.description is None else " ".join(spec.description.split())


def environment_variables(context: Context, step: PlannedStep, spec: JobModel) -> dict[str, Json]:
    """Return the request member `Environment`, left out if there are none.

    A secret is not in it, but where the launcher finds it.

    Raises:
        SpecError: If there is a secret, and the environment's jobs reach no network.
    """
    written = {name: text for name, text in spec.environment.items() if name not in step.secrets}
    for name, secret in step.secrets.items():
        if context.environment.network_isolation:
            raise SpecError(_unreachable(context, step, name))
        place = SecretPlace(secret.secret_id, secret.key, secret.env)
        written[PREFIX + name] = place.to_text()
    return {"Environment": {name: written[name] for name in sorted(written)}} if written else {}


def vpc_config(environment: Environment) -> dict[str, Json]:
    """Return the request member `VpcConfig`, left out if there is no VPC."""
    if not environment.subnets:
        return {}
    return {
        "VpcConfig": {
            "SecurityGroupIds": list(environment.security_group_ids),
            "Subnets": list(environment.subnets),
        }
    }


def kms_key(environment: Environment, member: str = "KmsKeyId") -> dict[str, Json]:
    """Return the request member that names the key, left out if there is none."""
    return {} if environment.kms_key_id is None else {member: environment.kms_key_id}


def tags(environment: Environment) -> dict[str, Json]:
    """Return the request member `Tags`, left out if there are none."""
    pairs = [{"Key": key, "Value": environment.tags[key]} for key in sorted(environment.tags)]
    return {"Tags": pairs} if pairs else {}


def step_retries(spec: StepModel) -> tuple[RetryPolicy, ...]:
    """Return the retries after faults and throttling of the service itself."""
    if spec.retries == 0:
        return ()
    return (
        RetryPolicy(
            ("Step.SERVICE_FAULT", "Step.THROTTLING"),
            interval_seconds=10,
            backoff_rate=2.0,
            max_attempts=spec.retries,
        ),
    )


def job_retries(spec: StepModel) -> tuple[RetryPolicy, ...]:
    """Return the retries of a job: also after internal errors, lost capacity and quotas."""
    if spec.retries == 0:
        return ()
    job = RetryPolicy(
        (
            "SageMaker.JOB_INTERNAL_ERROR",
            "SageMaker.CAPACITY_ERROR",
            "SageMaker.RESOURCE_LIMIT",
        ),
        interval_seconds=60,
        backoff_rate=2.0,
        max_attempts=spec.retries,
    )
    return (*step_retries(spec), job)


def cache(context: Context, step: PlannedStep) -> Cache | None:
    """Return the step's cache setting; None, which is no cache, if what it reads can change."""
    # The key holds the URI, not the objects behind it, so new data would hit the old result.
    if not step.spec.cache or _reads_mutable(context, step):
        return None
    return Cache(enabled=True, expire_after=CACHE_EXPIRES_AFTER)


def explicit_dependencies(context: Context, step: PlannedStep) -> tuple[str, ...]:
    """Return what `after` names. References bind by themselves, and a gate binds by nesting."""
    return tuple(
        sorted(name for name in step.spec.after if context.steps[name].spec.kind != "gate")
    )


def _unreachable(context: Context, step: PlannedStep, variable: str) -> Problem:
    name = context.environment.name
    return Problem(
        f"steps.{step.name}.environment.{variable}",
        f"the job fetches a secret, and environment {name!r} cuts its jobs off from every network",
        "Remove the variable, or `network_isolation: true` from the environment.",
    )


def _reads_mutable(context: Context, step: PlannedStep) -> bool:
    prefixes = (
        source
        for source in step.arguments.values()
        if isinstance(source, ParameterValue)
        and context.plan.parameters[source.name].type == "S3Uri"
    )
    return any(is_mutable(source) for source in (*step.inputs.values(), *prefixes))


def _settings(step: PlannedStep) -> dict[str, Json]:
    if own_script(step.spec):
        return _written_arguments(step)
    left_out = _NOT_SETTINGS | reference_fields(type(step.spec)) | set(step.arguments)
    return step.spec.model_dump(mode="json", exclude=set(left_out))


def _written_arguments(step: PlannedStep) -> dict[str, Json]:
    """Arguments of a user's script that stand in the spec; our own scripts read settings."""
    script = own_script(step.spec)
    if script is None or _takes_hyperparameters(step):
        return {}
    written: Mapping[str, Json] = script.arguments
    return {name: written[name] for name in sorted(written) if name not in step.arguments}


def _takes_hyperparameters(step: PlannedStep) -> bool:
    return isinstance(step.spec, TrainSpec) and step.spec.script is not None


def _hyperparameter(value: Scalar) -> str:
    """`value` as sagemaker-training-toolkit reads it back: JSON, or else the text itself."""
    return value if isinstance(value, str) and not _is_json(value) else json.dumps(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _user_script(step: PlannedStep) -> dict[str, Json]:
    script = own_script(step.spec)
    if script is None:
        return {}
    told: dict[str, Json] = {}
    if script.metric_definitions:
        told["metric_definitions"] = dict(script.metric_definitions)
    if script.smoke:
        told["smoke"] = dict(script.smoke)
    if isinstance(step.spec, TrainSpec):
        # A checkpoint made under other variables may be one of another model.
        told["environment"] = dict(step.spec.environment)
        told["distribution"] = step.spec.distribution
    return {"user_script": told} if told else {}
