"""YAML 1.2 or JSON text to plain data and the line of every path in it."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestrator.errors import Problem, SpecError
from orchestrator.spec.composer import Composer, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ruamel.yaml.events import Event

    from orchestrator.spec.findings import Findings

# What SageMaker takes as a pipeline definition is no larger; a spec is far smaller than that.
MAX_SPEC_BYTES = 1_000_000
SPEC_KEYS = "`name:` and `steps:`"

# The parser lets these through on text that is far from YAML.
PARSER_ERRORS = (
    YAMLError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
CURES = (
    ("\\t", "Indent with spaces, not with tabs."),
    (
        "mapping values are not allowed",
        "Put quotes around text with ': ' in it, or indent the key.",
    ),
    ("expected ',' or", "Close the bracket or brace, or add the comma."),
    ("quoted scalar", "Close the quote."),
    ("cannot start any token", "Put quotes around text that starts with this character."),
    ("could not find expected ':'", "Write `key: value`."),
    ("'<document start>'", "Write `key: value` lines."),
    ("expected <block end>", "Indent this line like its neighbours."),
    ("incompatible YAML document", "Remove the %YAML line."),
    ("special characters", "Remove the control character."),
)


def decode_spec(data: bytes, *, file: Path | None = None) -> str:
    """Return the text of a spec file.

    Raises:
        SpecError: If it is too large or not UTF-8.
    """
    if len(data) > MAX_SPEC_BYTES:
        raise SpecError(_too_large(len(data), file))
    return decode_utf8(data, file=file)


def decode_utf8(data: bytes, *, file: Path | None = None) -> str:
    """Return the text of a file, without a byte order mark.

    Raises:
        SpecError: If it is not UTF-8, with the line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        found = "it is UTF-16" if is_wide else f"byte 0x{data[error.start]:02x} cannot be read"
        what = f"the file is not UTF-8: {found}"
        raise SpecError(
            Problem(where="", what=what, fix="Save it as UTF-8.", file=file, line=line)
        ) from error


def read_document(
    text: str, findings: Findings, *, noun: str = "spec", keys: str = SPEC_KEYS
) -> dict[str, Tree]:
    """Return the mapping that `text` says; lines and doubtful keys and tags go into `findings`.

    Args:
        text: YAML 1.2 or JSON.
        findings: Where problems and lines go.
        noun: What the text is, for problems.
        keys: What it should hold, for problems.

    Raises:
        SpecError: If the text cannot be read as one mapping.
    """
    if len(text) > MAX_SPEC_BYTES:
        raise SpecError(_too_large(len(text), findings.file))
    composer = Composer(findings)
    for event in _events(text, findings.file):
        composer.add(event)
    root = composer.root
    if not composer.found_something:
        findings.refuse("", f"the {noun} is empty", f"Write {keys}.")
    elif not isinstance(root, dict):
        shape = "a list" if isinstance(root, list) else f"the value {root!r}"
        findings.refuse("", f"the {noun} is {shape}, not a mapping", f"Write {keys}.")
    if isinstance(root, dict):
        return root
    findings.raise_problems()
    return {}


def _events(text: str, file: Path | None) -> Iterator[Event]:
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except MarkedYAMLError as error:
        raise SpecError(_unreadable(error, text, file)) from error
    except PARSER_ERRORS as error:
        what = f"this is not YAML: {str(error).splitlines()[0] if str(error) else 'unreadable'}"
        raise SpecError(
            Problem(where="", what=what, fix="Write `key: value` lines.", file=file)
        ) from error


def _unreadable(error: MarkedYAMLError, text: str, file: Path | None) -> Problem:
    mark = error.problem_mark or error.context_mark
    if error.context_mark and mark and mark.index >= len(text.rstrip()):
        mark = error.context_mark  # Where it was opened says more than the end of the file.
    said = f"{error.problem or ''} {error.context or ''}"
    fix = next((cure for sign, cure in CURES if sign in said), "Check this line and the one above.")
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    # The parser's own words for its tokens: `'<stream end>'`, `('<scalar>',)`.
    problem = re.sub(r"\(?'<([a-z ]+)>',?\)?", r"the \1", error.problem or error.context or "")
    if problem.startswith("expected <block end>"):
        problem = "this line does not fit the ones above it"
    what = f"this is not YAML{place}: {problem}"
    opened = error.context_mark if "parsing a flow" in (error.context or "") else None
    if opened and mark and opened.line != mark.line:
        what += f", in what was opened on line {opened.line + 1}"
    line = mark.line + 1 if mark else None
    return Problem(where="", what=what, fix=fix, file=file, line=line)


def _too_large(size: int, file: Path | None) -> Problem:
    return Problem(
        where="",
        what=f"the spec is {size / 1e6:.1f} MB, and at most {MAX_SPEC_BYTES / 1e6:.0f} MB is read",
        fix="Name data by path instead of writing it into the spec.",
        file=file,
    )
