"""The prompts of a chat: from a file, from a pipe, or typed."""

from __future__ import annotations

import json
import select
import sys
from typing import TYPE_CHECKING, TextIO

from orchestrator.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_PROBLEMS = 20
HEARD_WITHIN_SECONDS = 0.3
"""How long a Ctrl-C may go unheard at the prompt."""


def read_prompts(path: Path) -> list[str]:
    """Return the prompts of a file: one a line, or the `prompt` of each JSON line.

    Raises:
        DataError: If the file is missing, may not be read, is not UTF-8, holds no prompt, or has
            lines that are none.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(Problem("", "there is no such file", "Check the path.", path)) from error
    except IsADirectoryError as error:
        raise DataError(Problem("", "it is a folder", "Name a file in it.", path)) from error
    except OSError as error:
        what = f"it cannot be read: {(error.strerror or str(error)).lower()}"
        raise DataError(Problem("", what, "Check who may read it.", path)) from error
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise DataError(Problem("", what, "Save the file as UTF-8.", path)) from error
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise DataError(Problem("", "it holds no prompt", "Write one a line.", path))
    if path.suffix not in {".jsonl", ".ndjson"} and not numbered[0][1].lstrip().startswith("{"):
        return [line for _, line in numbered]
    read = [_prompt(line, number, path) for number, line in numbered]
    problems = [found for found in read if isinstance(found, Problem)]
    if problems:
        raise DataError(problems[:MOST_PROBLEMS])
    return [found for found in read if isinstance(found, str)]


def typed_prompts(stdin: TextIO, *, is_terminal: bool) -> Iterator[str]:
    """Yield what a person types or a pipe brings, until it ends; empty lines are passed over."""
    while True:
        try:
            line = _line(is_terminal=is_terminal, stdin=stdin)
        except EOFError:
            return
        if line.strip():
            yield line


def _line(*, is_terminal: bool, stdin: TextIO) -> str:
    if is_terminal:
        sys.stdout.write("> ")
        sys.stdout.flush()
        # Not `input`, which may miss a Ctrl-C that comes just before it waits for a key.
        while not select.select([stdin], [], [], HEARD_WITHIN_SECONDS)[0]:
            pass
    line = stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\r\n")


def _prompt(line: str, number: int, path: Path) -> str | Problem:
    try:
        row = json.loads(line)
    except ValueError:
        fix = 'Write {"prompt": "..."} on each line.'
        return Problem("", f"not JSON: {line.strip()[:40]!r}", fix, path, number)
    prompt = row.get("prompt") if isinstance(row, dict) else None
    if isinstance(prompt, str) and prompt.strip():
        return prompt
    what = "the line has no text `prompt`"
    found = ", ".join(row) if isinstance(row, dict) else type(row).__name__
    return Problem("", f"{what} (found: {found})", 'Write {"prompt": "..."}.', path, number)
