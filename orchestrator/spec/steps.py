"""The step kinds as Python functions: `steps.train(objective="sft", data=split, ...)`.

Each takes the fields of its kind, as in YAML, and returns the model that YAML makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pydantic import ValidationError

from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import SpecModel
from orchestrator.spec.findings import Findings
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

__all__ = ["dataset", "evaluate", "gate", "generate", "processing", "register", "train"]

Fields = ParamSpec("Fields")
Step = TypeVar("Step", bound=SpecModel)


def _checked(model: Callable[Fields, Step], root: type[SpecModel]) -> Callable[Fields, Step]:
    def make(*args: Fields.args, **fields: Fields.kwargs) -> Step:
        try:
            return model(*args, **fields)
        except ValidationError as error:
            findings = Findings(None, {})
            refuse_all(error, dict(fields), findings, root)
            findings.raise_problems()
            raise

    make.__name__ = str(root.model_fields["kind"].default)
    make.__doc__ = root.__doc__
    return make


processing = _checked(ProcessingSpec, ProcessingSpec)
dataset = _checked(DatasetSpec, DatasetSpec)
train = _checked(TrainSpec, TrainSpec)
generate = _checked(GenerateSpec, GenerateSpec)
evaluate = _checked(EvaluateSpec, EvaluateSpec)
gate = _checked(GateSpec, GateSpec)
register = _checked(RegisterSpec, RegisterSpec)
