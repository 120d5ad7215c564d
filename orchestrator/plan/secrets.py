"""Secrets that stand in a spec: whoever may read the pipeline or its jobs reads them too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.definition.secrets import PREFIX
from orchestrator.plan.references import IN_ENVIRONMENT, NOT_HERE
from orchestrator.spec.fields import JobModel
from orchestrator.spec.findings import Findings, join_path
from orchestrator.spec.own_script import own_script
from orchestrator.spec.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.spec.composer import Tree
    from orchestrator.spec.fields import Scalar
    from orchestrator.spec.pipeline import PipelineSpec
    from orchestrator.spec.project import SecretSpec
    from orchestrator.spec.project_load import Project

# What the issuers say their secrets look like; text of this form is nothing else.
ISSUED = {
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{30,}\b"),
    "a GitHub token": re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{50,})\b"),
    "an OpenAI or Anthropic key": re.compile(r"\bsk-[A-Za-z0-9_-]{32,}"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
}
NAMED = re.compile(
    r"(^|[_-])(token|secret|password|passwd|credentials?|(api|access|private|secret)[_-]?key)"
    r"([_-](id|key|value))?$",
    re.IGNORECASE,
)
REFERENCE = re.compile(r"\$secrets\.([A-Za-z][A-Za-z0-9_-]*)")
ANY_REFERENCE = re.compile(r"\$secrets\b")
CURE = (
    "Keep it in Secrets Manager, say where under `secrets:` in fmo.yaml, and write "
    "`environment: {NAME: $secrets.name}`."
)


def no_secret_is_written(spec: PipelineSpec, findings: Findings) -> None:
    """Refuse what has the form of an issued secret; warn about what has the name of one."""
    for where, name, text in _handed_to_jobs(spec):
        if not isinstance(text, str):
            continue
        issued = _issued(text)
        if issued is not None:
            # The value is not shown: problems end up in logs.
            findings.refuse(where, f"this looks like {issued}", CURE)
        elif NAMED.search(name) and text and not text.startswith("$"):
            findings.warn(where, "by its name this is a secret, and the definition shows it", CURE)


def no_secret_stands_in(project: Project) -> None:
    """Refuse whatever in a project file has the form of an issued secret.

    Raises:
        SpecError: With every secret found.
    """
    findings = Findings(project.file, dict(project.lines))
    for where, text in _texts(dict(project.data), ""):
        issued = _issued(text)
        if issued is not None:
            findings.refuse(where, f"this looks like {issued}", CURE)
    findings.raise_problems()


def secrets_of_steps(
    spec: PipelineSpec, declared: Mapping[str, SecretSpec], findings: Findings
) -> dict[str, dict[str, SecretSpec]]:
    """Return step to variable to secret; what names none, or stands elsewhere, is refused."""
    _secrets_stand_in_environments(spec, findings)
    found: dict[str, dict[str, SecretSpec]] = {}
    for step, variable, text in _variables(spec):
        where = f"steps.{step}.environment.{variable}"
        named = REFERENCE.fullmatch(text)
        if named is None:
            _refuse_variable(where, variable, text, findings)
        elif named[1] in declared:
            found.setdefault(step, {})[variable] = declared[named[1]]
        else:
            findings.refuse(where, f"there is no secret {named[1]!r}", _declare(named[1], declared))
    return found


def _declare(name: str, declared: Mapping[str, SecretSpec]) -> str:
    guess = did_you_mean(name, declared, noun="secrets")
    if guess.startswith("Did"):
        return guess
    return f"Add `secrets: {{{name}: {{secret_id: NAME}}}}` to fmo.yaml."


def _refuse_variable(where: str, variable: str, text: str, findings: Findings) -> None:
    if ANY_REFERENCE.search(text):
        what = "a secret is the whole value of a variable, without text around it"
        findings.refuse(where, what, "Write $secrets.name alone, and add the text in the script.")
    elif variable.startswith(PREFIX):
        findings.refuse(where, f"names that start with {PREFIX} are taken", "Rename it.")


def _secrets_stand_in_environments(spec: PipelineSpec, findings: Findings) -> None:
    handed = {where: str(value) for where, _, value in _handed_to_jobs(spec)}
    for where, text in _texts(spec.model_dump(mode="json", exclude_unset=True), ""):
        if ".environment." in where:
            continue
        if REFERENCE.fullmatch(text) or ANY_REFERENCE.search(handed.get(where, "")):
            findings.refuse(where, NOT_HERE, IN_ENVIRONMENT)


def _variables(spec: PipelineSpec) -> Iterator[tuple[str, str, str]]:
    """Yield step, name and value of every variable of a job."""
    for name, step in spec.steps.items():
        for variable, text in (step.environment if isinstance(step, JobModel) else {}).items():
            yield name, variable, text


def _texts(tree: Tree, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _texts(value, join_path(where, key))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _texts(item, join_path(where, index))
    elif isinstance(tree, str):
        yield where, tree


def _issued(text: str) -> str | None:
    return next((what for what, form in ISSUED.items() if form.search(text)), None)


def _handed_to_jobs(spec: PipelineSpec) -> Iterator[tuple[str, str, Scalar | None]]:
    """Yield path, name and value of everything that a job gets as it stands."""
    for name, parameter in spec.parameters.items():
        yield f"parameters.{name}.default", name, parameter.default
        yield f"parameters.{name}.local", name, parameter.local
    for name, step in spec.steps.items():
        environment = step.environment if isinstance(step, JobModel) else {}
        script = own_script(step)
        arguments = (script.field, script.arguments) if script else ("arguments", {})
        for field, values in (("environment", environment), arguments):
            for key, value in values.items():
                yield f"steps.{name}.{field}.{key}", key, value
