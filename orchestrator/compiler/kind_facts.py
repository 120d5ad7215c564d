"""What the compiler must know about each step kind before it compiles one.

A new kind gets one case here; the rest of the compiler reads `KindFacts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from orchestrator.catalog.images import ImageName
    from orchestrator.spec.pipeline import StepSpec

StepType: TypeAlias = Literal["Processing", "Training", "RegisterModel", "Condition"]


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


TUNED = frozenset({"sft", "dpo"})
"""Objectives with a script of their own name."""

# The Hugging Face training image has no CPU build, and the PyTorch one no transformers. Of the
# inference image only the entry point serves models, and a job brings its own.
_TRANSFORMERS_ON_CPU: ImageName = "huggingface-inference-cpu"
_PLAIN_ON_CPU: ImageName = "pytorch-training-cpu"


def kind_facts(spec: StepSpec) -> KindFacts:
    """Return what the compiler must know about the step's kind."""
    match spec:
        case ProcessingSpec():
            return KindFacts("Processing", JobFacts("", "ml.m5.xlarge", _PLAIN_ON_CPU))
        case DatasetSpec():
            job = JobFacts("prepare_dataset.py", "ml.m5.2xlarge", _PLAIN_ON_CPU)
            return KindFacts("Processing", job)
        case TrainSpec():
            script = f"{spec.objective}.py" if spec.objective in TUNED else "pretrain.py"
            return KindFacts("Training", JobFacts(script, "ml.g5.2xlarge", _TRANSFORMERS_ON_CPU))
        case EvaluateSpec():
            job = JobFacts("evaluate.py", "ml.g5.2xlarge", _TRANSFORMERS_ON_CPU)
            return KindFacts("Processing", job)
        case RegisterSpec():
            return KindFacts("RegisterModel")
        case GateSpec():
            return KindFacts("Condition")
        case _ as unhandled:
            assert_never(unhandled)


def job_facts(spec: StepSpec) -> JobFacts:
    """Return how the step runs as a job.

    Raises:
        ValueError: If its kind runs none.
    """
    job = kind_facts(spec).job
    if job is None:
        msg = f"a step of kind {spec.kind!r} runs no job"
        raise ValueError(msg)
    return job
