"""The fields of a step kind as Markdown tables, for `docs/steps/`.

`python -m orchestrator.spec.tables docs/steps/*.md` brings the pages up to date.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.spec.fields import JobModel
from orchestrator.spec.models import aliases_of, step_models
from orchestrator.spec.wording import PATTERNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


MARKED = re.compile(r"(<!-- fields -->\n).*?(<!-- /fields -->)", re.DOTALL)
HEAD = "| key | value | default | what |\n|---|---|---|---|\n"


def field_tables(kind: str) -> str:
    """Return every key of a step kind: its own, the mappings in it, and those of every job."""
    model = step_models()[kind]
    schema = model.model_json_schema()
    shared = set(JobModel.model_fields)
    own = [name for name in schema["properties"] if name not in shared]
    own.sort(key=lambda name: name not in model.__annotations__)  # Last those of a mixin.
    common = [name for name in schema["properties"] if name in shared]
    parts = [f"### Keys of `{kind}`\n\n{_table(schema, own, aliases_of(model))}"]
    for name in own:
        nested = _nested(schema["properties"][name])
        if nested is not None:
            inner = schema["$defs"][nested]
            parts.append(f"### Keys of `{name}`\n\n{_table(inner, inner['properties'], {})}")
    heading = "job" if issubclass(model, JobModel) else "step"
    parts.append(f"### Keys of every {heading}\n\n{_table(schema, common, {})}")
    return "\n".join(parts)


def update_page(text: str, kind: str) -> str:
    """Return the page with the tables between its `fields` marks renewed."""
    return MARKED.sub(lambda match: f"{match[1]}\n{field_tables(kind)}\n{match[2]}", text)


def main(paths: Iterable[str]) -> None:
    """Renew the tables in each page; its name is the kind."""
    for path in map(Path, paths):
        page = update_page(path.read_text(encoding="utf-8"), path.stem)
        path.write_text(page, encoding="utf-8")


def _table(schema: dict[str, Any], names: Iterable[str], aliases: Mapping[str, str]) -> str:
    rows = []
    for name in names:
        field = schema["properties"][name]
        spellings = [f"`{alias}`" for alias, meant in aliases.items() if meant == name]
        said = " ".join(field.get("description", "").split())
        also = f" Also: {', '.join(spellings)}." if spellings else ""
        default = _default(field, is_required=name in schema.get("required", ()))
        value = " or ".join(_words(field)).replace("|", "\\|")
        rows.append(f"| `{name}` | {value} | {default} | {said}{also} |\n")
    return HEAD + "".join(rows)


def _default(field: dict[str, Any], *, is_required: bool) -> str:
    if is_required or "const" in field:
        return "required"
    if _nested(field) is not None and field.get("default") is not None:
        return "as below"
    if field.get("default") is None and "default" in field:
        return "unset"
    return f"`{json.dumps(field.get('default', {}), ensure_ascii=False)}`"


def _words(field: dict[str, Any]) -> Iterator[str]:
    if "anyOf" in field:
        for choice in field["anyOf"]:
            yield from _words(choice)
    elif "const" in field or "enum" in field:
        yield ", ".join(f"`{word}`" for word in field.get("enum", [field.get("const")]))
    elif "pattern" in field:
        yield PATTERNS.get(field["pattern"], "text").partition(": ")[0]
    else:
        yield from _words_of_type(field)


def _words_of_type(field: dict[str, Any]) -> Iterator[str]:
    match field.get("type", "object"):
        case "integer" | "number":
            yield _number(field)
        case "array":
            yield f"a list, each item {' or '.join(_words(field['items']))}"
        case "object":
            yield "a mapping"
        case "boolean":
            yield "true or false"
        case "string":
            yield "text"


def _number(field: dict[str, Any]) -> str:
    noun = "whole number" if field["type"] == "integer" else "number"
    bounds = {
        "exclusiveMinimum": "above",
        "minimum": "at least",
        "exclusiveMaximum": "below",
        "maximum": "at most",
    }
    said = [f"{word} {field[key]:,.12g}" for key, word in bounds.items() if key in field]
    return " ".join([noun, " and ".join(said)]).strip()


def _nested(field: dict[str, Any]) -> str | None:
    named = field.get("patternProperties", {}).values()
    for place in (field, field.get("items", {}), *named, *field.get("anyOf", ())):
        if "$ref" in place:
            return str(place["$ref"]).rsplit("/", 1)[-1]
    return None


if __name__ == "__main__":
    main(sys.argv[1:])
