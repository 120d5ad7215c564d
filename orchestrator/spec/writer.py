"""A `PipelineSpec` as YAML that reads back as the same spec, under canonical names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from orchestrator.spec.scalars import resolve_scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from orchestrator.spec.composer import Tree
    from orchestrator.spec.pipeline import PipelineSpec, StepSpec

# A subset of what YAML allows unquoted: no ': ', no ' #', nothing that opens another construct.
PLAIN = re.compile(r"[A-Za-z0-9$./_][A-Za-z0-9$./_@+-]*(?: [A-Za-z0-9$./_@+()-]+)*")
PLAIN_URI = re.compile(r"(?:s3|hf|glue)://[\w./@+-]*")
# YAML 1.1 readers take these for booleans and numbers.
AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off)|[-+]?[0-9][0-9_.:e+-]*")
INDENT = "  "


def spec_to_yaml(spec: PipelineSpec) -> str:
    """Return `spec` as YAML: what was written, defaults left out."""
    return data_to_yaml(spec_to_data(spec))


def data_to_yaml(data: Mapping[str, Tree]) -> str:
    """Return plain data as YAML that reads back as the same data."""
    return "\n".join(_lines(dict(data), "")) + "\n"


def spec_to_data(spec: PipelineSpec) -> dict[str, Tree]:
    """Return `spec` as plain data, under canonical names, defaults left out."""
    data: dict[str, Tree] = spec.model_dump(mode="json", exclude_unset=True)
    steps: Tree = {name: step_to_data(step) for name, step in spec.steps.items()}
    return {**data, "steps": steps}


def step_to_data(step: StepSpec) -> dict[str, Tree]:
    """Return a step as plain data, defaults left out."""
    written: dict[str, Tree] = step.model_dump(mode="json", exclude_unset=True)
    # `kind` comes first, and Python code never sets it.
    return {"kind": step.kind, **written}


def scalar_to_yaml(value: Tree, *, is_key: bool = False) -> str:
    """Return one value as YAML, quoted where it must be; right inside `{...}` too."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    is_plain = PLAIN.fullmatch(text) or (PLAIN_URI.fullmatch(text) and not is_key)
    if is_plain and isinstance(resolve_scalar(text), str) and not AMBIGUOUS.fullmatch(text):
        return text
    return _quoted(text)


def _lines(tree: Tree, indent: str) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _entry(f"{scalar_to_yaml(key, is_key=True)}:", value, indent)
    elif isinstance(tree, list):
        for value in tree:
            yield from _item(value, indent)


def _item(value: Tree, indent: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        first, *rest = _lines(value, indent + INDENT)
        yield f"{indent}- {first.lstrip()}"
        yield from rest
    else:
        yield from _entry("-", value, indent)


def _entry(label: str, value: Tree, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield f"{indent}{label}"
        yield from _lines(value, indent + INDENT)
    elif isinstance(value, dict):
        yield f"{indent}{label} {{}}"
    elif isinstance(value, list):
        yield f"{indent}{label} []"
    else:
        yield f"{indent}{label} {scalar_to_yaml(value)}"


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    # JSON leaves these as they are; YAML calls them unprintable, or breaks the line there.
    return re.sub(
        "[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]",
        lambda match: f"\\u{ord(match.group()):04x}",
        quoted,
    )
