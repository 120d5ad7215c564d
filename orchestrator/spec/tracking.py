"""Where a training reports its metrics: the trackers, and the addresses that MLflow may have."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import StringConstraints

Tracker = Literal["tensorboard", "mlflow", "wandb"]
ReportTo = Literal["none", "tensorboard", "mlflow", "wandb"] | tuple[Tracker, ...]

# The ARN is that of a tracking server or of an MLflow app (botocore, MlflowResourceArn).
URI = (
    r"^(https?://\S+|\.{0,2}/.*"
    r"|arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:mlflow-[A-Za-z-]+/\S+)$"
)
LABEL = r"^[^\s/$][^/\n]{0,127}$"
TrackingUri = Annotated[str, StringConstraints(pattern=URI)]
"""An MLflow server, its ARN on SageMaker, or a folder of this machine."""
RunLabel = Annotated[str, StringConstraints(pattern=LABEL)]
"""The name of a run or project: W&B allows 128 characters and no slash."""

_CREDENTIALS = re.compile(r"^https?://[^/]*@")


def trackers_of(report_to: ReportTo) -> tuple[Tracker, ...]:
    """Return the trackers that `report_to` names, each once."""
    if isinstance(report_to, tuple):
        return tuple(dict.fromkeys(report_to))
    return () if report_to == "none" else (report_to,)


def is_folder(tracking_uri: str | None) -> bool:
    """Return whether runs are kept in a folder of this machine."""
    return tracking_uri is None or tracking_uri.startswith((".", "/"))


def is_sagemaker_arn(tracking_uri: str | None) -> bool:
    """Return whether runs are kept by MLflow on SageMaker."""
    return tracking_uri is not None and tracking_uri.startswith("arn:")


def holds_credentials(tracking_uri: str | None) -> bool:
    """Return whether the address holds a user's name or password."""
    return tracking_uri is not None and _CREDENTIALS.match(tracking_uri) is not None
