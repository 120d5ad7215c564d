"""YAML or JSON text to a `PipelineSpec`, or every problem of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from orchestrator.errors import Problem
from orchestrator.spec.composer import Tree
from orchestrator.spec.dangling import refuse_dangling
from orchestrator.spec.findings import SET_FROM_OUTSIDE, Findings, Origin, line_of
from orchestrator.spec.include import Document, with_included
from orchestrator.spec.layers import Layer, lay_under
from orchestrator.spec.overrides import apply_overrides
from orchestrator.spec.pipeline import PipelineSpec
from orchestrator.spec.problems import refuse_all
from orchestrator.spec.reader import read_document
from orchestrator.spec.schema import spec_json_schema
from orchestrator.spec.writer import spec_to_yaml

__all__ = [
    "LoadedSpec",
    "Written",
    "check_spec",
    "load_spec",
    "load_spec_with_lines",
    "read_spec",
    "spec_json_schema",
    "spec_to_yaml",
]

NO_OVERRIDES: Mapping[str, str] = {}


@dataclass(frozen=True)
class Written:
    """What a file or a program says, under canonical names; nothing of it is checked yet."""

    data: Mapping[str, Tree]
    file: Path | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    """Path, such as `steps.sft.data`, to its 1-based line."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Path to where its value stands, if an included file gave it."""
    problems: tuple[Problem, ...] = ()
    """What was wrong with the text itself, such as a key written twice."""


@dataclass(frozen=True)
class LoadedSpec:
    """A spec, and where each part of it stands."""

    spec: PipelineSpec
    lines: Mapping[str, int]
    """Path, such as `steps.sft.data`, to its 1-based line; 0 where `--set` gave the value."""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Path to where its value stands, if `fmo.yaml` or an included file gave it."""

    def findings(self, file: Path | None) -> Findings:
        """Return where problems of the spec in `file` go, with its lines and origins."""
        return Findings(file, dict(self.lines), origins=self.origins)


def load_spec(
    text: str, *, file: Path | None = None, overrides: Mapping[str, str] = NO_OVERRIDES
) -> PipelineSpec:
    """Return the spec that `text` says.

    Args:
        text: YAML 1.2 or JSON.
        file: Where it comes from; it goes into problems.
        overrides: Path to value as text: `{"steps.sft.learning_rate": "1e-4"}`.

    Raises:
        SpecError: With every problem found.
    """
    return load_spec_with_lines(text, file=file, overrides=overrides).spec


def load_spec_with_lines(
    text: str,
    *,
    file: Path | None = None,
    overrides: Mapping[str, str] = NO_OVERRIDES,
    layers: Sequence[Layer] = (),
) -> LoadedSpec:
    """Return the spec that `text` says and the line of each part of it, as `build_plan` takes it.

    Args:
        text: YAML 1.2 or JSON.
        file: Where it comes from; it goes into problems.
        overrides: Path to value as text; they win over everything.
        layers: Defaults for what the steps leave out, the strongest first.

    Raises:
        SpecError: With every problem found.
    """
    return check_spec(read_spec(text, file=file), overrides=overrides, layers=layers)


def read_spec(text: str, *, file: Path | None = None) -> Written:
    """Return what `text` and the files it includes say, before defaults, overrides and checks.

    Raises:
        SpecError: If it cannot be read as one mapping, or is for another version of fmo.
    """
    lines: dict[str, int] = {}
    findings = Findings(file, lines)
    data, origins = with_included(Document(read_document(text, findings), findings))
    return Written(data, file, lines, origins, tuple(findings.problems))


def check_spec(
    written: Written,
    *,
    overrides: Mapping[str, str] = NO_OVERRIDES,
    layers: Sequence[Layer] = (),
) -> LoadedSpec:
    """Return the spec that `written` is, once defaults are laid under it and overrides over it.

    Raises:
        SpecError: With every problem found.
    """
    lines = dict(written.lines)
    findings = Findings(written.file, lines, list(written.problems))
    data, laid = lay_under(dict(written.data), layers)
    data = apply_overrides(data, overrides, findings)
    findings.origins = {
        path: origin
        for path, origin in {**written.origins, **laid}.items()
        if line_of(lines, path) != SET_FROM_OUTSIDE
    }
    try:
        spec = PipelineSpec.model_validate(data)
    except ValidationError as error:
        refuse_all(error, data, findings)
        _forgive_what_files_may_say(findings)
        refuse_dangling(data, findings)
        findings.raise_problems()
        raise
    findings.raise_problems()
    return LoadedSpec(spec, lines, findings.origins)


def _forgive_what_files_may_say(findings: Findings) -> None:
    """Forget keys that are missing if an included file, which may have them, cannot be read."""
    unread = [
        problem
        for problem in findings.problems
        if problem.where.startswith("include") and "cannot be read" in problem.what
    ]
    if unread:
        kept = [one for one in findings.problems if not one.what.endswith("is missing")]
        findings.problems[:] = kept
