"""The step kinds as Python functions: `steps.train(objective="sft", data=split, ...)`.

Each takes the fields of its kind, as in YAML, and returns the model that YAML makes. Where a field
names data, a table may stand: a pandas DataFrame, a pyarrow Table or a list of dicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pydantic import ValidationError

from orchestrator.python.home import open_home
from orchestrator.python.rows import is_table, store_table
from orchestrator.spec.bedrock import BedrockImportSpec, BedrockSpec
from orchestrator.spec.dataset import DatasetSpec
from orchestrator.spec.evaluate import EvaluateSpec
from orchestrator.spec.fields import SpecModel
from orchestrator.spec.findings import Findings
from orchestrator.spec.gate import GateSpec
from orchestrator.spec.generate import GenerateSpec
from orchestrator.spec.jumpstart import JumpstartSpec
from orchestrator.spec.models import reference_fields
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.processing import ProcessingSpec
from orchestrator.spec.register import RegisterSpec
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "bedrock",
    "bedrock_import",
    "dataset",
    "evaluate",
    "gate",
    "generate",
    "jumpstart",
    "processing",
    "register",
    "train",
]

Fields = ParamSpec("Fields")
Step = TypeVar("Step", bound=SpecModel)


def _checked(model: Callable[Fields, Step], root: type[SpecModel]) -> Callable[Fields, Step]:
    def make(*args: Fields.args, **fields: Fields.kwargs) -> Step:
        for name in reference_fields(root) & set(fields):
            fields[name] = _stored(fields[name])
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


def _stored(value: object) -> object:
    """Return `value` with every table in it replaced by the path of its rows."""
    if isinstance(value, dict):
        return {name: _stored(item) for name, item in value.items()}
    return str(store_table(value, open_home())) if is_table(value) else value


processing = _checked(ProcessingSpec, ProcessingSpec)
dataset = _checked(DatasetSpec, DatasetSpec)
train = _checked(TrainSpec, TrainSpec)
generate = _checked(GenerateSpec, GenerateSpec)
evaluate = _checked(EvaluateSpec, EvaluateSpec)
gate = _checked(GateSpec, GateSpec)
register = _checked(RegisterSpec, RegisterSpec)
bedrock = _checked(BedrockSpec, BedrockSpec)
bedrock_import = _checked(BedrockImportSpec, BedrockImportSpec)
jumpstart = _checked(JumpstartSpec, JumpstartSpec)
