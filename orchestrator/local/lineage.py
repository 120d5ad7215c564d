"""Where a model came from: what it was trained on and compared with, how its prompts are worded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.errors import InputError, Problem
from orchestrator.local.history import known_execution
from orchestrator.local.hub import hub_name
from orchestrator.local.job_plan import job_plan
from orchestrator.local.journal import Journal
from orchestrator.local.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.definition.json import Json
    from orchestrator.local.home import Home

_JOBS = ("Processing", "Training")
_TEMPLATE_ARGUMENT = "--prompt_template="


@dataclass(frozen=True)
class Wording:
    """What stands around a prompt."""

    template: str
    """A spec's `prompt_template`; `raw` for nothing; `auto` for the model's chat template."""
    system_prompt: str | None = None
    step: str | None = None
    """The step of kind dataset that worded the training rows so."""


@dataclass(frozen=True)
class Origin:
    """What an execution knows of a model it made."""

    wording: Wording = Wording("auto")
    base_uri: str | None = None
    """What an exam compared it with."""
    base_label: str = ""
    """That model as a person would name it."""
    trained_from_uri: str | None = None


@dataclass(frozen=True)
class Job:
    """A Processing or Training step that ran."""

    step: str
    type: Literal["Processing", "Training"]
    arguments: tuple[str, ...]
    channels: Mapping[str, str]
    """Input channel to URI."""
    outputs: Mapping[str, str]
    """Output to URI."""


def execution_jobs(execution_id: str, home: Home) -> tuple[Job, ...]:
    """Return the jobs of an execution that succeeded, in order; InputError if there is none."""
    with Journal(home.journal) as journal:
        known_execution(journal, execution_id)
        records = journal.steps(execution_id)
    return tuple(
        _job(record.name, str(record.result["type"]), record.properties)
        for record in records
        if record.result.get("type") in _JOBS
        and record.result.get("status") == "Succeeded"
        and isinstance(record.properties, Mapping)
    )


def job_config(job: Job, store: Store) -> Mapping[str, Json]:
    """Return the `config.json` of the code that a job ran; empty if it had none."""
    code = job.channels.get("code")
    found = store.find(f"{code.rstrip('/')}/config.json") if code else None
    return _object(found.path.read_text(encoding="utf-8")) if found else {}


def model_uri(execution_id: str, step: str | None, home: Home) -> str:
    """Return the URI of the model that a step made or examined.

    Args:
        execution_id: A known execution.
        step: Its step; None for the last one that has a model.
        home: Where the journal is.

    Raises:
        InputError: If the step has no model.
    """
    store = Store(home.store)
    found = {
        job.step: job.outputs["model"] if "model" in job.outputs else job.channels["model"]
        for job in execution_jobs(execution_id, home)
        if "model" in {*job.channels, *job.outputs} and not _only_asks(job, store)
    }
    if step is None and found:
        return list(found.values())[-1]
    if step in found:
        return found[step]
    what = "no step has made a model" if step is None else f"step {step!r} has made no model"
    names = ", ".join(found)
    fix = f"These have: {names}." if names else "Run one of kind train first."
    raise InputError(Problem(f"execution {execution_id}", what, fix))


def origin_of(uri: str, execution_id: str, home: Home, store: Store) -> Origin:
    """Return what an execution knows of the model at `uri`."""
    jobs = execution_jobs(execution_id, home)
    trained = next((job for job in jobs if _is_same(job.outputs.get("model"), uri)), None)
    exam = next(
        (
            job
            for job in jobs
            if _is_same(job.channels.get("model"), uri) and "base_model" in job.channels
        ),
        None,
    )
    data = trained.channels.get("data") if trained else None
    base_uri = exam.channels["base_model"] if exam else None
    made_base = next((job for job in jobs if _is_same(job.outputs.get("model"), base_uri)), None)
    return Origin(
        wording=_wording(data, jobs, store) if data else Wording("auto"),
        base_uri=base_uri,
        base_label=_label(execution_id, made_base, base_uri),
        trained_from_uri=trained.channels.get("model") if trained else None,
    )


def _label(execution_id: str, maker: Job | None, uri: str | None) -> str:
    if maker:
        return f"{execution_id}/{maker.step}"
    return (hub_name(uri) or uri) if uri else ""


def _job(step: str, kind: str, properties: Json) -> Job:
    request = properties if isinstance(properties, Mapping) else {}
    name = str(request.get("TrainingJobName") or request.get("ProcessingJobName") or step)
    plan = job_plan(kind, name, request)
    return Job(
        step=step,
        type="Training" if kind == "Training" else "Processing",
        arguments=plan.command,
        channels={channel.name: channel.uri for channel in plan.channels},
        outputs={output.name: output.uri for output in plan.outputs},
    )


def _wording(data_uri: str, jobs: Sequence[Job], store: Store) -> Wording:
    """How the rows at `data_uri`, on which a model was trained, word a prompt."""
    columns = _first_row(data_uri, store)
    dataset = next(
        (job for job in jobs if any(_is_same(uri, data_uri) for uri in job.outputs.values())), None
    )
    config = job_config(dataset, store) if dataset else {}
    settings = config.get("settings") if config.get("kind") == "dataset" else None
    if dataset is None or not isinstance(settings, Mapping):
        return Wording("chat" if "messages" in columns else "raw")
    if "text" in columns:
        return Wording("raw", step=dataset.step)
    given = [text for text in dataset.arguments if text.startswith(_TEMPLATE_ARGUMENT)]
    template = str(settings.get("prompt_template") or "plain")
    template = given[-1].removeprefix(_TEMPLATE_ARGUMENT) if given else template
    system = settings.get("system_prompt")
    return Wording(
        # Conversations stay conversations under `plain`: the model's own template words them.
        "chat" if "messages" in columns else template,
        system if isinstance(system, str) else None,
        dataset.step,
    )


def _only_asks(job: Job, store: Store) -> bool:
    """Whether the job's model folder holds no model but what one wrote."""
    return job_config(job, store).get("kind") == "generate"


def _first_row(uri: str, store: Store) -> Mapping[str, Json]:
    for name, item in sorted(store.tree(uri).items()):
        if name.endswith(".jsonl"):
            with item.path.open(encoding="utf-8") as file:
                return _object(file.readline())
    return {}


def _object(text: str) -> Mapping[str, Json]:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _is_same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.rstrip("/") == other.rstrip("/")
