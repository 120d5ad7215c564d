"""Files into records: one dictionary per row, with the place it stands at, in bounded memory."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail
from training_scripts.data.files import read_lines
from training_scripts.data.problems import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from training_scripts.data.files import DataFile
    from training_scripts.data.problems import Problems

DOCUMENT_CHARACTERS = 2_000
"""A document of a text file ends at the first blank line after this many characters."""
LONGEST_DOCUMENT_CHARACTERS = 20_000
"""... and at the first end of line after this many, where no blank line comes."""

_PARQUET_ROWS = 1_000
_END_OF_LINE = "\n"
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Record:
    """One row as its file has it."""

    place: str
    """`file:line`, for errors."""
    value: dict[str, Any]


def read_records(files: Iterable[DataFile], problems: Problems) -> Iterator[Record]:
    """Yield the rows of all files; rows that cannot be parsed go to `problems`.

    Raises:
        JobFailure: If a file as a whole cannot be read.
    """
    for file in files:
        match file.kind:
            case "jsonl":
                yield from _read_json_lines(file, read_lines(file), problems)
            case "json":
                yield from _read_json(file, problems)
            case "csv":
                yield from _read_csv(file, problems)
            case "parquet":
                yield from _read_parquet(file)
            case "text":
                yield from _read_text(file)


def _read_json_lines(
    file: DataFile, lines: Iterable[tuple[int, str]], problems: Problems
) -> Iterator[Record]:
    for number, line in lines:
        if not line.strip():
            continue
        place = f"{file.name}:{number}"
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            cut = not line.endswith("\n")
            what = "the file ends in the middle of a row" if cut else "not valid JSON"
            reason = f"{error.msg.lower().removesuffix(' at')} at character {error.pos + 1}"
            problems.add(place, f"{what} ({reason}). One row is one JSON object on one line.")
            continue
        if isinstance(value, dict):
            yield Record(place, value)
        else:
            problems.add(place, f"expected a JSON object, found {shown(value)}.")


def _read_json(file: DataFile, problems: Problems) -> Iterator[Record]:
    """A JSON array of objects, read piece by piece; or JSON Lines under the wrong name."""
    lines = read_lines(file)
    held: list[tuple[int, str]] = []
    for number, line in lines:
        held.append((number, line))
        if line.strip():
            break
    start = held[-1][1].lstrip()[:1] if held else ""
    if start == "{" and _is_json(held[-1][1]):
        yield from _read_json_lines(file, _chain(held, lines), problems)
    elif start == "[":
        yield from _read_json_array(file, _chain(held, lines), problems)
    else:
        fail(f"{file.name}:1: expected a JSON array of objects ([{{...}}, ...]) or JSON Lines.")


def _read_json_array(
    file: DataFile, lines: Iterator[tuple[int, str]], problems: Problems
) -> Iterator[Record]:
    decoder = json.JSONDecoder()
    buffer, opened, last = "", False, 1
    for last, line in lines:
        buffer += line if opened else line.lstrip().removeprefix("[")
        opened = opened or bool(line.strip())
        # An object ends on a line that closes it: do not try the decoder on every line of it.
        if "}" not in line and "]" not in line:
            continue
        at = _skip(buffer, 0)
        while at < len(buffer):
            if buffer[at] == "]":
                _nothing_follows(file, last, buffer[at + 1 :], lines)
                return
            try:
                value, end = decoder.raw_decode(buffer, at)
            except ValueError:
                break
            place = f"{file.name}:{last - buffer.count(_END_OF_LINE, at, end)}"
            at = _skip(buffer, end)
            if isinstance(value, dict):
                yield Record(place, value)
            else:
                problems.add(place, f"expected a JSON object, found {shown(value)}.")
        buffer = buffer[at:]
    start = last - buffer.rstrip().count(_END_OF_LINE)
    if not buffer.strip():
        fail(f"{file.name}:{start}: the JSON array does not end. Write `]`, or copy it again.")
    fail(
        f"{file.name}:{start}: the JSON array does not end, or "
        f"this object is not valid JSON: {shown(buffer.strip()).removeprefix('the text ')}. "
        "Copy the file again, or correct the object."
    )


def _skip(buffer: str, at: int) -> int:
    while at < len(buffer) and buffer[at] in " \t\r\n,":
        at += 1
    return at


def _nothing_follows(
    file: DataFile, number: int, rest: str, lines: Iterator[tuple[int, str]]
) -> None:
    for place, text in _chain([(number, rest)], lines):
        if text.strip():
            fail(f"{file.name}:{place}: something follows the end of the JSON array.")


def _read_csv(file: DataFile, problems: Problems) -> Iterator[Record]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    lines = (line for _, line in read_lines(file))
    head = next(lines, "")
    delimiter = "\t" if ".tsv" in file.name.lower() else max(_DELIMITERS, key=head.count)
    reader = csv.reader(_prepend(head, lines), delimiter=delimiter, strict=True)
    try:
        columns = next(reader, [])
        _columns_are_distinct(file, columns)
        start = reader.line_num + 1
        for fields in reader:
            place, start = f"{file.name}:{start}", reader.line_num + 1
            if len(fields) == len(columns):
                yield Record(place, dict(zip(columns, fields, strict=True)))
            elif fields:
                problems.add(place, _count_problem(fields, columns))
    except csv.Error as error:
        fail(
            f"{file.name}:{reader.line_num}: not valid CSV ({error}). "
            "A field with a quote, a delimiter or an end of line stands in double quotes."
        )


def _count_problem(fields: list[str], columns: list[str]) -> str:
    found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    cure = "Put double quotes around a field with a delimiter in it, or fill the row."
    return f"{found} under {len(columns)} column names. {cure}"


def _columns_are_distinct(file: DataFile, columns: list[str]) -> None:
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        fail(f"{file.name}:1: the column {twice[0]!r} stands twice in the header. Rename one.")


def _read_parquet(file: DataFile) -> Iterator[Record]:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError:
        fail(f"{file.name}: Parquet needs pyarrow. Run: pip install 'fm-orchestrator[data]'")
    number = 0
    try:
        with parquet.ParquetFile(file.path) as table:
            for batch in table.iter_batches(batch_size=_PARQUET_ROWS):
                for value in batch.to_pylist():
                    number += 1
                    yield Record(f"{file.name}: row {number}", value)
    except (arrow.ArrowInvalid, OSError) as error:
        fail(
            f"{file.name}: row {number + 1}: not Parquet, or truncated ({error}). "
            "Copy the file again."
        )


def _read_text(file: DataFile) -> Iterator[Record]:
    held: list[str] = []
    size, start = 0, 1
    for number, line in read_lines(file):
        held.append(line)
        size += len(line)
        blank = size >= DOCUMENT_CHARACTERS and not line.strip()
        if blank or size >= LONGEST_DOCUMENT_CHARACTERS:
            yield Record(f"{file.name}:{start}", {"text": "".join(held)})
            held, size, start = [], 0, number + 1
    if "".join(held).strip():
        yield Record(f"{file.name}:{start}", {"text": "".join(held)})


def _chain(
    held: Iterable[tuple[int, str]], rest: Iterator[tuple[int, str]]
) -> Iterator[tuple[int, str]]:
    yield from held
    yield from rest


def _prepend(head: str, rest: Iterator[str]) -> Iterator[str]:
    yield head
    yield from rest


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
