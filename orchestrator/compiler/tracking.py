"""What trackers need of a training job: settings, libraries, a place for TensorBoard's files."""

from __future__ import annotations

import os.path
import re
from typing import TYPE_CHECKING

from orchestrator.catalog.trackers import BRINGS, MLFLOW, MLFLOW_ON_SAGEMAKER, WANDB
from orchestrator.catalog.trainers import TRL
from orchestrator.compiler.values import execution_prefix
from orchestrator.spec.tracking import is_folder, is_sagemaker_arn, trackers_of
from orchestrator.spec.train import TrainSpec
from orchestrator.spec.train_rl import REINFORCED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.compiler.context import Context
    from orchestrator.compiler.environment import Environment
    from orchestrator.definition.json import Json
    from orchestrator.plan.model import Plan
    from orchestrator.spec.fields import JobModel, StepModel
    from orchestrator.spec.findings import Findings
    from orchestrator.spec.pipeline import StepSpec

SETTINGS = frozenset(("report_to", "tracking_uri", "project", "run_name"))
TENSORBOARD_FOLDER = "/opt/ml/output/tensorboard"
"""SageMaker's own default (botocore, TensorBoardOutputConfig, LocalPath)."""

_BRINGS = {**BRINGS, TRL: ("trl",)}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def tracking_settings(spec: StepModel, pipeline: str, folder: Path) -> dict[str, Json]:
    """Return what a training job must know to report; nothing for a job that does not.

    Args:
        spec: The step.
        pipeline: The pipeline's name, the default of `project`.
        folder: The spec's, absolute; a `tracking_uri` that starts with a dot is relative to it.
    """
    if not isinstance(spec, TrainSpec) or spec.report_to in ("none", ()):
        return {}
    uri = spec.tracking_uri
    if uri is not None and is_folder(uri):
        uri = os.path.normpath(folder / uri)
    return {
        "report_to": list(trackers_of(spec.report_to)),
        "tracking_uri": uri,
        "project": spec.project or pipeline,
        "run_name": spec.run_name,
    }


def with_libraries(requirements: bytes, spec: JobModel) -> bytes:
    """Return a requirements.txt with what the step's trackers and trainer need and it lacks."""
    lines = requirements.decode("utf-8", "replace").splitlines()
    named = {found[0].lower().replace("_", "-") for line in lines if (found := _NAME.match(line))}
    lacking = [line for line in _libraries(spec) if named.isdisjoint(_BRINGS[line])]
    if not lacking:
        return requirements
    between = b"" if requirements.endswith(b"\n") or not requirements else b"\n"
    return requirements + between + "".join(f"{line}\n" for line in lacking).encode()


def tensorboard_output(context: Context, step: str, spec: StepSpec) -> dict[str, Json]:
    """Return the request member `TensorBoardOutputConfig`, left out if nobody reports there."""
    if not isinstance(spec, TrainSpec) or "tensorboard" not in trackers_of(spec.report_to):
        return {}
    # SageMaker adds `/JOB/tensorboard-output`, so that the files lie beside the job's model.
    path = execution_prefix(context, step)
    return {"TensorBoardOutputConfig": {"LocalPath": TENSORBOARD_FOLDER, "S3OutputPath": path}}


def trackers_can_be_reached(plan: Plan, environment: Environment, findings: Findings) -> None:
    """Refuse trackers that jobs on AWS cannot know, and warn about those they may not reach."""
    for step in plan.steps:
        if isinstance(step.spec, TrainSpec):
            trackers = trackers_of(step.spec.report_to)
            if "mlflow" in trackers:
                _mlflow_has_a_server(step.name, step.spec, environment, findings)
            if environment.network_isolation:
                _warn_of_isolation(step.name, trackers, environment, findings)
            elif "wandb" in trackers:
                _wandb_has_a_key(step.name, step.spec, findings)


def _libraries(spec: JobModel) -> Iterator[str]:
    if not isinstance(spec, TrainSpec):
        return
    trackers = trackers_of(spec.report_to)
    if "mlflow" in trackers:
        yield MLFLOW
        if is_sagemaker_arn(spec.tracking_uri):
            yield MLFLOW_ON_SAGEMAKER
    if "wandb" in trackers:
        yield WANDB
    if spec.objective in REINFORCED:
        yield TRL


def _mlflow_has_a_server(
    name: str, spec: TrainSpec, environment: Environment, findings: Findings
) -> None:
    fix = (
        "Write `tracking_uri:` with https://HOST or the ARN of MLflow on SageMaker, here or under "
        f"environments.{environment.name}.defaults.train of fmo.yaml."
    )
    if spec.tracking_uri is None:
        what = f"MLflow needs a server where {environment.name!r} runs, and none is named"
        findings.refuse(f"steps.{name}.report_to", what, fix)
    elif is_folder(spec.tracking_uri):
        what = (
            f"{spec.tracking_uri!r} is a folder of this machine, which {environment.name!r} lacks"
        )
        findings.refuse(f"steps.{name}.tracking_uri", what, fix)


def _warn_of_isolation(
    name: str, trackers: tuple[str, ...], environment: Environment, findings: Findings
) -> None:
    for tracker in trackers:
        if tracker != "tensorboard":
            what = (
                f"environment {environment.name!r} cuts jobs off from every network: nothing gets "
                f"to {tracker}, and a job whose image lacks its library fails"
            )
            fix = "Write `report_to: tensorboard`, or let each environment of fmo.yaml say its own."
            findings.warn(f"steps.{name}.report_to", what, fix)


def _wandb_has_a_key(name: str, spec: TrainSpec, findings: Findings) -> None:
    given = spec.environment
    if "WANDB_API_KEY" not in given and given.get("WANDB_MODE") not in ("offline", "disabled"):
        findings.warn(
            f"steps.{name}.report_to",
            "the job gets no WANDB_API_KEY, and W&B refuses runs without one",
            "Write `environment: {WANDB_API_KEY: $secrets.NAME}`, or `{WANDB_MODE: offline}`.",
        )
