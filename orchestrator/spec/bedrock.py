"""Step kinds `bedrock` and `bedrock_import`: models that Amazon Bedrock customizes or takes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.catalog.bedrock_models import (
    Bounds,
    find_model,
    models_for,
    reinforcement_bounds,
    table_date,
)
from orchestrator.spec.fields import Broken, Count, JobModel, Location, Scalar, StepModel
from orchestrator.spec.suggest import did_you_mean

CustomizationType = Literal[
    "continued_pre_training", "fine_tuning", "distillation", "reinforcement_fine_tuning"
]
BEDROCK_MODEL = r"^(arn:aws[a-z-]*:bedrock:.+|[a-z0-9-]+\.[a-z0-9.:-]+)$"
CUSTOM_MODEL_NAME = r"^([0-9a-zA-Z][_-]?){1,63}$"
LAMBDA_ARN = r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_.:$-]+$"
BEDROCK_ROLE = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$"
BedrockModelId = Annotated[str, StringConstraints(pattern=BEDROCK_MODEL)]
CustomModelName = Annotated[str, StringConstraints(pattern=CUSTOM_MODEL_NAME)]
LambdaArn = Annotated[str, StringConstraints(pattern=LAMBDA_ARN)]
BedrockRoleArn = Annotated[str, StringConstraints(pattern=BEDROCK_ROLE)]

# botocore 1.44.5, bedrock: RFTHyperParameters; the service gives these no bounds.
_UNBOUNDED_OF_REINFORCEMENT = frozenset(("inferenceMaxTokens", "maxPromptLength"))
_REASONING_EFFORTS = ("low", "medium", "high")
_NO_PRE_TRAINING = (
    "Train it yourself: `kind: train` with `objective: continued_pretrain`, then `bedrock_import`; "
    "or Nova on HyperPod."
)
_ONLY_FOR = {
    "teacher_model_identifier": "distillation",
    "max_response_length_for_inference": "distillation",
    "lambda_arn": "reinforcement_fine_tuning",
}


class BedrockSpec(JobModel):
    """A base model of Amazon Bedrock, customized on the rows of a step.

    Outputs: `model_arn` (main) and `data` (the rows as Bedrock gets them). The job's own keys are
    those of the step `NAME-data`, which converts and checks the rows.
    """

    kind: Literal["bedrock"] = "bedrock"
    """The step's kind."""
    customization_type: CustomizationType
    """What is learned: text, answers, a teacher's answers, or what a grader rewards."""
    base_model_identifier: BedrockModelId
    """The id or ARN of the base model: `amazon.nova-lite-v1:0:300k`."""
    data: Location
    """Rows to train on: usually `$split`, of which `train.jsonl` is read."""
    validation_data: Location | None = None
    """Rows that Bedrock measures a loss on: usually `$split`; its `validation.jsonl` is read."""
    hyper_parameters: dict[str, Scalar] = Field(default_factory=dict)
    """By their names in Bedrock: `{epochCount: 2}`; those left out are Bedrock's own defaults."""
    role_arn: BedrockRoleArn | None = None
    """What Bedrock assumes to read and write S3; unset: the environment's `bedrock_role_arn`."""
    custom_model_name: CustomModelName | None = None
    """The name of the new model; unset: made from the execution, so that none is taken."""
    teacher_model_identifier: BedrockModelId | None = None
    """For `distillation`: the model whose answers are learned."""
    max_response_length_for_inference: Count | None = None
    """For `distillation`: tokens after which an answer of the teacher is cut."""
    lambda_arn: LambdaArn | None = None
    """For `reinforcement_fine_tuning`: the function that grades answers."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield what Bedrock does not offer, by the catalogue's table of models."""
        yield from self._model_offers_it()
        yield from self._fields_fit_the_type()
        bounds = self._bounds()
        for name, value in self.hyper_parameters.items() if bounds else ():
            yield from _in_bounds(name, value, bounds)

    def _model_offers_it(self) -> Iterator[Broken]:
        model, wanted = find_model(self.base_model_identifier), self.customization_type
        if model is None:
            return
        field, offers = "base_model_identifier", ", ".join(models_for(wanted))
        if model.has_ended:
            what = f"Bedrock ended {model.model_id} on {model.end_of_life} (table of "
            yield Broken(field, f"{what}{table_date()})", f"Write one of {offers}.")
        elif wanted not in model.customization_types:
            pre_training = wanted == "continued_pre_training"
            what = f"Bedrock offers no {wanted} of {model.model_id} (table of {table_date()})"
            yield Broken(
                field, what, _NO_PRE_TRAINING if pre_training else f"Take one of {offers}."
            )

    def _fields_fit_the_type(self) -> Iterator[Broken]:
        for name, wanted in _ONLY_FOR.items():
            if getattr(self, name) is not None and self.customization_type != wanted:
                what = f"it belongs to `customization_type: {wanted}`"
                yield Broken(name, what, f"Remove it, or write `{wanted}`.")
        if self.customization_type == "distillation" and self.teacher_model_identifier is None:
            what = "distillation learns the answers of a teacher, and none is named"
            yield Broken("teacher_model_identifier", what, "Write amazon.nova-pro-v1:0, say.")
        if self.customization_type == "reinforcement_fine_tuning" and self.lambda_arn is None:
            what = "reinforcement needs a function that grades answers, and none is named"
            fix = "Write arn:aws:lambda:REGION:ACCOUNT:function:NAME."
            yield Broken("lambda_arn", what, fix)

    def _bounds(self) -> dict[str, Bounds | None]:
        """Hyperparameter to its bounds; empty where the table does not know the model."""
        if self.customization_type == "reinforcement_fine_tuning":
            free = dict.fromkeys((*_UNBOUNDED_OF_REINFORCEMENT, "reasoningEffort"))
            return {**reinforcement_bounds(), **free}
        model = find_model(self.base_model_identifier)
        return dict(model.hyper_parameters) if model else {}


class BedrockImportSpec(StepModel):
    """A model of the pipeline, imported into Amazon Bedrock. Output: `model_arn`."""

    kind: Literal["bedrock_import"] = "bedrock_import"
    """The step's kind."""
    model: Location
    """The model: `$sft.model`, `s3://...` or `./folder`; merged weights, in safetensors."""
    role_arn: BedrockRoleArn | None = None
    """What Bedrock assumes to read the weights; unset: the environment's `bedrock_role_arn`."""
    imported_model_name: CustomModelName | None = None
    """The name of the imported model; unset: made from the execution, so that none is taken."""


def _in_bounds(name: str, value: Scalar, known: dict[str, Bounds | None]) -> Iterator[Broken]:
    field, bounds = f"hyper_parameters.{name}", known.get(name)
    if name not in known:
        fix = did_you_mean(name, known, noun="names")
        yield Broken(field, "Bedrock takes no such hyperparameter here", fix)
    elif name == "reasoningEffort":
        if value not in _REASONING_EFFORTS:
            yield Broken(field, f"{value!r} is no effort", "Write low, medium or high.")
    elif isinstance(value, bool | str):
        yield Broken(field, f"{value!r} is no number", f"Write {bounds or 'a whole number'}.")
    elif bounds is None:
        if value < 1 or value != int(value):
            yield Broken(field, f"{value:g} is no number of tokens", "Write a whole number.")
    elif not bounds.min <= value <= bounds.max or (bounds.whole and value != int(value)):
        what = f"{value:g} is not {bounds} (table of {table_date()})"
        yield Broken(field, what, f"Write {_nearest(value, bounds)}.")


def _nearest(value: float, bounds: Bounds) -> str:
    nearest = min(max(value, bounds.min), bounds.max)
    return f"{round(nearest) if bounds.whole else nearest:g}"
