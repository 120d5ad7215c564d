"""What the compiler must know about each step kind before it compiles one.

A new kind gets one case here; the rest of the compiler reads `KindFacts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from orchestrator.spec.approved import ApprovedSpec
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.catalog.images import ImageName
    from orchestrator.spec.pipeline import StepSpec
    from orchestrator.spec.train_rl import Objective

StepType: TypeAlias = Literal["Processing", "Training", "RegisterModel", "Condition", "Callback"]


@dataclass(frozen=True)
class JobFacts:
    """How a kind runs as a job, where the spec leaves it open."""

    script: str
    """Of `training_scripts`; empty where the user's own script runs."""
    instance_type: str
    """The smallest that holds a model of about a billion parameters."""
    cpu_image: ImageName
    """On instances without GPUs."""
    gpu_image: ImageName = "huggingface-training-gpu"


@dataclass(frozen=True)
class KindFacts:
    """One kind of step."""

    step_type: StepType
    """What it compiles to; it decides where the step's results are kept."""
    job: JobFacts | None = None
    """None where no script runs."""


# The Hugging Face training image has no CPU build, and the PyTorch one no transformers. Of the
# inference image only the entry point serves models, and a job brings its own.
_TRANSFORMERS_ON_CPU: ImageName = "huggingface-inference-cpu"
_PLAIN_ON_CPU: ImageName = "pytorch-training-cpu"


TRAINERS: Mapping[Objective, str] = {
    "pretrain": "pretrain.py",
    "continued_pretrain": "pretrain.py",
    "sft": "sft.py",
    "reward": "reward.py",
    "dpo": "dpo.py",
    "kto": "kto.py",
    "rloo": "reinforce.py",
    "grpo": "reinforce.py",
}
"""Objective to the script that trains for it."""


def kind_facts(spec: StepSpec | ApprovedSpec) -> KindFacts:
    """Return what the compiler must know about the step's kind."""
    match spec:
        case ProcessingSpec() | DatasetSpec() | EvaluateSpec() | ApprovedSpec():
            return KindFacts("Processing", _processing_job(spec))
        # Processing has neither spot nor checkpoints.
        case TrainSpec() | GenerateSpec():
            return KindFacts("Training", _training_job(spec))
        case RegisterSpec():
            return KindFacts("RegisterModel")
        case GateSpec():
            return KindFacts("Condition")
        case BedrockSpec():
            # The job is that of the step which converts the rows.
            return KindFacts(
                "Callback", JobFacts("prepare_bedrock.py", "ml.m5.xlarge", _PLAIN_ON_CPU)
            )
        case BedrockImportSpec():
            return KindFacts("Callback")
        case JumpstartSpec():
            # The script is that of the step which converts the rows.
            return KindFacts(
                "Training", JobFacts("prepare_jumpstart.py", "ml.m5.xlarge", _PLAIN_ON_CPU)
            )
        case _ as unhandled:
            assert_never(unhandled)


def _processing_job(
    spec: ProcessingSpec | DatasetSpec | EvaluateSpec | ApprovedSpec,
) -> JobFacts:
    match spec:
        case ProcessingSpec():
            return JobFacts("", "ml.m5.xlarge", _PLAIN_ON_CPU)
        case DatasetSpec():
            return JobFacts("prepare_dataset.py", "ml.m5.2xlarge", _PLAIN_ON_CPU)
        case EvaluateSpec():
            return JobFacts("evaluate.py", "ml.g5.2xlarge", _TRANSFORMERS_ON_CPU)
        case ApprovedSpec():
            return JobFacts("find_approved.py", "ml.t3.medium", _PLAIN_ON_CPU)
        case _ as unhandled:
            assert_never(unhandled)


def _training_job(spec: TrainSpec | GenerateSpec) -> JobFacts:
    match spec:
        case GenerateSpec():
            return JobFacts("generate.py", "ml.g5.2xlarge", _TRANSFORMERS_ON_CPU)
        case TrainSpec():
            if spec.objective is None:  # The user's own script.
                return JobFacts("", "ml.g5.2xlarge", _PLAIN_ON_CPU)
            script = TRAINERS[spec.objective]
            return JobFacts(script, "ml.g5.2xlarge", _TRANSFORMERS_ON_CPU)
        case _ as unhandled:
            assert_never(unhandled)


def job_facts(spec: StepSpec | ApprovedSpec) -> JobFacts:
    """Return how the step runs as a job.

    Raises:
        ValueError: If its kind runs none.
    """
    job = kind_facts(spec).job
    if job is None:
        msg = f"a step of kind {spec.kind!r} runs no job"
        raise ValueError(msg)
    return job
