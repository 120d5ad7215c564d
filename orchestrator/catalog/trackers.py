"""The libraries that a training job needs to report to a tracker, at the versions tested.

AWS's images have none of them (aws/deep-learning-containers, huggingface/pytorch/training). Event
files for TensorBoard are written without a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MLFLOW = "mlflow-skinny==3.17.2"
"""MLflow's client, without its server and its user interface."""
MLFLOW_ON_SAGEMAKER = "sagemaker-mlflow==0.5.0"
"""MLflow's plug-in for tracking URIs that are ARNs; signs requests with the job's role."""
WANDB = "wandb==0.31.0"

BRINGS: Mapping[str, tuple[str, ...]] = {
    MLFLOW: ("mlflow-skinny", "mlflow"),
    MLFLOW_ON_SAGEMAKER: ("sagemaker-mlflow",),
    WANDB: ("wandb",),
}
"""Requirement to the packages of which any, if a job asks for it itself, makes it needless."""
