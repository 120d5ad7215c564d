"""Step kind `jumpstart`: a model of SageMaker JumpStart, fine-tuned by JumpStart's own script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.catalog.jumpstart import OF_THE_TASK
from orchestrator.spec.fields import Broken, Flag, JobModel, Location, Scalar, SpecModel

JumpstartModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,254}$")]
JumpstartVersion = Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]
HyperparameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
JumpstartTask = Literal["instruction", "chat", "domain_adaptation"]


class JumpstartTemplate(SpecModel):
    """How a row becomes what the model reads and what it learns to say: `template.json`."""

    prompt: str
    """Text with columns of the rows in braces: `"{question}"`."""
    completion: str
    """What the model learns to say: `"{answer}"`."""


class JumpstartSpec(JobModel):
    """A model of JumpStart, fine-tuned on the rows of a step. Output: `model`.

    The job's own keys are those of the training; rows are converted by the step `NAME-data`.
    """

    kind: Literal["jumpstart"] = "jumpstart"
    """The step's kind."""
    model_id: JumpstartModelId
    """The model's id in JumpStart: `meta-textgeneration-llama-3-1-8b`."""
    model_version: JumpstartVersion | None = None
    """Its version, such as `2.1.0`; unset: the newest when `fmo lock` asks."""
    accept_eula: Flag = False
    """Whether you have read the model's terms and accept them."""
    data: Location
    """Rows to train on: usually `$split`, of which `train.jsonl` is read."""
    task: JumpstartTask = "instruction"
    """What is learned: answers, conversations, or text."""
    template: JumpstartTemplate | None = None
    """For `instruction`: how columns of your own make prompt and completion."""
    hyperparameters: dict[HyperparameterName, Scalar] = Field(default_factory=dict)
    """By their names in JumpStart: `{epoch: 2}`; those left out are the locked model's defaults."""
    local_model: Location | None = None
    """What `fmo run` trains in the model's place: `./folder` or `hf://ID`; unset: a tiny one."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield what the task does not go with, and a local model that no folder is."""
        if self.template is not None and self.task != "instruction":
            what = "a template belongs to `task: instruction`"
            yield Broken("template", what, "Remove it, or write `task: instruction`.")
        if self.local_model is not None and not self.local_model.startswith((".", "/", "hf://")):
            what = f"{self.local_model!r} is not a model that this machine can read by itself"
            yield Broken("local_model", what, "Write ./folder or hf://ID.")
        for name in OF_THE_TASK:
            if name in self.hyperparameters:
                what = "`task` says what the data are"
                yield Broken(f"hyperparameters.{name}", what, "Remove it, and write `task`.")
