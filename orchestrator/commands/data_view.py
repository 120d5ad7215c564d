"""What `data check` found, as tables and lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from orchestrator.commands.terminal import Failure
from orchestrator.errors import DataError, Problem
from orchestrator.local.data_check import problem_of
from orchestrator.results.figures import plural
from orchestrator.results.tables import new_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType
    from rich.table import Table

SHOWN = 20
"""Rows that cannot be used, of those shown; `--json` has more."""
NAMES = {"email": "e-mail", "phone": "phone", "card": "card number", "iban": "IBAN",
         "aws_key": "AWS key"}  # fmt: skip


def parts(found: dict[str, Any]) -> Iterator[RenderableType]:
    """Yield everything but the rows that cannot be used."""
    files = "" if found["files"] == 1 else f"{found['files']} files, "
    rows = plural(found["rows"], "row")
    yield Text(f"{found['path']}: {files}{rows}, format {found['format']}")
    yield _lengths(found)
    counts = [(name, count, places) for name, count, places in _counts(found) if count]
    if counts:
        yield _findings(counts)
    none = [name for name, count, _ in _counts(found) if count == 0]
    if none:
        yield Text(f"none found: {', '.join(none)}")
    shares = found["language_guess"].items()
    guess = ", ".join(f"{name} {share:.0%}" for name, share in shares)
    yield Text(f"language, a guess: {guess or 'none'}")
    if found["tokens"] and "error" in found["tokens"]:
        yield Text(f"tokens were not counted: {found['tokens']['error']}")
    for line in found["suggestions"]:
        yield Text("* ").append(line)


def written_line(found: dict[str, Any], out: Path) -> str:
    """Return what `--fix` did."""
    written = found["written"]
    if written is None:
        return f"{out}: not written, because some rows cannot be used"
    return f"{out}: {plural(written['rows'], 'row')} of format {written['format']}"


def failure(found: dict[str, Any]) -> Failure | None:
    """Return the rows that cannot be used as a failure, or None if all can."""
    count, first = found["problems"]["rows"], found["problems"]["first"]
    if not count:
        return None
    told = [problem_of(line) for line in first[:SHOWN]]
    if count > SHOWN:
        told.append(Problem("", f"... and {count - SHOWN:,} more", "Use --json to see more."))
    return Failure(DataError.code, DataError.exit_code, tuple(told))


def _lengths(found: dict[str, Any]) -> Table:
    table = new_table()
    table.add_column("per row")
    for heading in ("min", "median", "p95", "max"):
        table.add_column(heading, justify="right")
    for name in ("characters", "words", "tokens"):
        lengths = found[name]
        if lengths and "error" not in lengths:
            cells = (f"{lengths[key]:,}" for key in ("min", "median", "p95", "max"))
            table.add_row(name, *cells)
    return table


def _findings(counts: list[tuple[str, int, list[str]]]) -> Table:
    table = new_table()
    table.add_column("found", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("first at", overflow="fold")
    for name, count, places in counts:
        table.add_row(name, f"{count:,}", Text(", ".join(places)))
    return table


def _counts(found: dict[str, Any]) -> Iterator[tuple[str, int, list[str]]]:
    tokens, duplicates = found["tokens"], found["duplicates"]
    if tokens and "too_long" in tokens:
        over = f"over {tokens['max_length']:,} tokens"
        yield over, tokens["too_long"]["rows"], tokens["too_long"]["first"]
    yield "empty", found["empty"]["rows"], found["empty"]["first"]
    if found["format"] == "preference":
        yield "chosen = rejected", found["ties"]["rows"], found["ties"]["first"]
    yield "exact duplicates", duplicates["exact"], []
    if duplicates["near"] is not None:
        among = duplicates["near_among"]
        note = f" among the first {among:,}" if found["rows"] > among else ""
        yield f"near-duplicates{note}", duplicates["near"], []
    for kind, places in found["personal_data"].items():
        yield NAMES[kind], places["rows"], places["first"]
