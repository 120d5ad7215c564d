"""What `data mask` looks at: rows, tokenizer and settings, from options or from a spec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn, get_args

from orchestrator import flow, flow_local
from orchestrator.commands import chat_models
from orchestrator.compiler.environment import LOCAL
from orchestrator.errors import InputError, Problem
from orchestrator.local.data_mask import Masking
from orchestrator.plan.model import HubModel, LocalPath, ParameterValue, S3Uri, StepOutput
from orchestrator.plan.references import parse_location
from orchestrator.spec.dataset import DatasetSpec, PromptTemplate
from orchestrator.spec.train import TrainSpec

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.local.home import Home
    from orchestrator.local.lineage import Wording
    from orchestrator.plan.model import Plan, PlannedStep, Source
    from orchestrator.spec.fields import Scalar

SPECS = (".yaml", ".yml")
TEMPLATES = get_args(PromptTemplate)


@dataclass(frozen=True)
class Tokenizer:
    """A model on this disk, and how the rows that it was trained on were worded."""

    folder: Path
    wording: Wording | None = None


@dataclass(frozen=True)
class Asked:
    """What is to be masked."""

    data: Path
    model: Path
    masking: Masking


@dataclass(frozen=True)
class Changes:
    """Settings that were typed; they win over those of a spec or a model."""

    prompt_template: str | None = None
    max_length: int | None = None
    truncate: bool = False
    whole_loss: bool = False

    def made_to(self, masking: Masking) -> Masking:
        """Return `masking` with these; InputError if there is no such template."""
        template = self.prompt_template or masking.prompt_template
        if template not in TEMPLATES:
            fix = f"Use one of {', '.join(TEMPLATES)}."
            raise InputError(
                Problem("--prompt-template", f"there is no template {template!r}", fix)
            )
        return replace(
            masking,
            prompt_template=template,
            max_length=self.max_length or masking.max_length,
            truncate=self.truncate or masking.truncate,
            completion_only_loss=masking.completion_only_loss and not self.whole_loss,
        )


def find(path: Path, step: str | None, model: str | None, home: Home, changes: Changes) -> Asked:
    """Return what is to be masked, from what a person typed.

    Args:
        path: Rows; or with `step` a spec.
        step: A step of kind train in the spec; None for the only one.
        model: The model whose tokenizer is taken; None for the step's.
        home: Where registered and stored models are.
        changes: Settings that were typed.

    Raises:
        InputError: If something is missing or not on this disk.
    """
    if step is not None or path.suffix in SPECS:
        asked = asked_by_spec(path, step, model, home)
    elif model is None:
        fix = "Write --model FOLDER, or --model NAME of a registered model."
        raise InputError(Problem("", "tokens depend on the model, and none is named", fix))
    else:
        tokenizer = find_tokenizer(model, home)
        asked = Asked(path, tokenizer.folder, _as_trained(tokenizer.wording))
    return replace(asked, masking=changes.made_to(asked.masking))


def find_tokenizer(text: str, home: Home) -> Tokenizer:
    """Return the model that `text` means; InputError if it is not on this disk."""
    if text.startswith("hf://"):
        return Tokenizer(_hub_folder(text, home))
    try:
        found = chat_models.find(text, home)
    except InputError as error:
        if text.count("/") != 1 or text.startswith((".", "/", "~")):
            raise
        _refuse_hub(text, error)
    return Tokenizer(found.folder, found.origin.wording)


def asked_by_spec(file: Path, step: str | None, model: str | None, home: Home) -> Asked:
    """Return what a step of kind `train` makes of its rows.

    Args:
        file: The spec.
        step: The step's name; None for the only one.
        model: A model to take in place of the step's.
        home: Where models may be stored.

    Raises:
        InputError: If the spec is wrong, or rows or tokenizer are not on this disk yet.
    """
    plan, _ = flow.plan_file(file, {})
    reader = _Reader(plan, file.parent)
    planned, spec = reader.train_step(step)
    tokenizer = find_tokenizer(model, home).folder if model else reader.model(planned, home)
    data, masking = reader.rows(planned, spec)
    return Asked(data, tokenizer, masking)


@dataclass(frozen=True)
class _Reader:
    """A plan, and where the paths in it begin."""

    plan: Plan
    folder: Path

    def train_step(self, name: str | None) -> tuple[PlannedStep, TrainSpec]:
        trainings = {}
        for step in self.plan.steps:
            # A script of the user's own masks as it likes.
            if isinstance(step.spec, TrainSpec) and step.spec.objective is not None:
                trainings[step.name] = (step, step.spec)
        if name is None and len(trainings) == 1:
            (name,) = trainings
        if name in trainings:
            return trainings[name]
        known = f"The steps of kind train with an objective: {', '.join(trainings) or 'none'}."
        what = f"'{name}' is none of them" if name else "it is not said which step is meant"
        raise InputError(Problem("--step", what, known))

    def model(self, step: PlannedStep, home: Home) -> Path:
        """The folder of the model that the step starts from."""
        match step.inputs.get("model"):
            case LocalPath(path=path):
                return find_tokenizer(str((self.folder / path).resolve()), home).folder
            case HubModel(model_id=model_id, revision=revision):
                return _hub_folder(f"hf://{model_id}@{revision}", home)
        what = "its tokenizer is not on this disk before the pipeline has run"
        fix = "Name one: --model FOLDER, or --model EXECUTION/STEP after a run."
        raise InputError(Problem(f"steps.{step.name}", what, fix))

    def rows(self, step: PlannedStep, spec: TrainSpec) -> tuple[Path, Masking]:
        """The rows that the step reads in the end, and all that is done to them."""
        data, worded = step.inputs["data"], DatasetSpec(data="./rows")
        if isinstance(data, StepOutput):
            maker = self.plan.step(data.step)
            if not isinstance(maker.spec, DatasetSpec):
                raise _rows_are_away(step, f"step {maker.name!r} of kind {maker.spec.kind} makes")
            data, worded = maker.inputs["data"], maker.spec
        masking = Masking(
            prompt_template=worded.prompt_template,
            system_prompt=worded.system_prompt,
            format=worded.format,
            columns=worded.columns or None,
            max_length=int(self._value(spec.max_length)),
            truncate=spec.truncate,
            completion_only_loss=spec.completion_only_loss and spec.objective == "sft",
        )
        return self._path(data, step), masking

    def _path(self, source: Source, step: PlannedStep) -> Path:
        where: object = source
        if isinstance(source, ParameterValue):
            where = parse_location(str(self._value(f"$params.{source.name}")))
        if isinstance(where, LocalPath):
            return self.folder / where.path
        made = "another step makes"
        raise _rows_are_away(step, f"{where.uri} has" if isinstance(where, S3Uri) else made)

    def _value(self, value: Scalar) -> Scalar:
        """A setting, or what a parameter is on this machine."""
        if not isinstance(value, str) or not value.startswith("$params."):
            return value
        name = value.removeprefix("$params.")
        found = LOCAL.default_of(self.plan.parameters[name])
        if found is None:
            what = "it has neither a default nor a local value"
            raise InputError(Problem(f"parameters.{name}", what, "Give it one."))
        return found


def _rows_are_away(step: PlannedStep, what_has: str) -> InputError:
    fix = "Name a file of such rows instead: fmo data mask FILE --model FOLDER."
    what = f"it reads rows that {what_has}, not a file of this disk"
    return InputError(Problem(f"steps.{step.name}.data", what, fix))


def _as_trained(wording: Wording | None) -> Masking:
    """The wording of a model's training rows; plain where none of kind `dataset` is known."""
    if wording is None or wording.template not in TEMPLATES:
        return Masking()
    return Masking(wording.template, wording.system_prompt)


def _hub_folder(text: str, home: Home) -> Path:
    parsed = parse_location(text)
    uri = flow_local.hub_model_uri(parsed, home) if isinstance(parsed, HubModel) else None
    folder = chat_models.stored_folder(uri, home)
    if folder is None:
        _refuse_hub(text.removeprefix("hf://").partition("@")[0])
    return folder


def _refuse_hub(model_id: str, error: InputError | None = None) -> NoReturn:
    name = model_id.rpartition("/")[2]
    what = f"there is no model '{model_id}' on this disk, and nothing is downloaded here"
    fix = (
        f"If it is one of the hub, run `hf download {model_id} --local-dir ./{name}`, then write "
        f"--model ./{name}; `fmo run SPEC --smoke` fetches the tokenizer, too."
    )
    raise InputError(Problem("--model", what, fix)) from error
