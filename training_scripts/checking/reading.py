"""Rows with the place each stands at, whatever the columns are called; errors are gathered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

from training_scripts.container import JobFailure
from training_scripts.data.files import find_data
from training_scripts.data.formats import COLUMNS, detect_format, guess_columns
from training_scripts.data.preferences import prompt_column
from training_scripts.data.readers import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from training_scripts.data.files import DataFile
    from training_scripts.data.formats import Format
    from training_scripts.data.problems import Problems
    from training_scripts.data.readers import Record


@dataclass(frozen=True)
class Data:
    """Files of one kind, and how their rows look."""

    files: tuple[DataFile, ...]
    format: Format
    columns: Mapping[str, str]
    """Our name to theirs, where the format was recognised under other names."""
    records: Iterator[Record]
    """All rows, once."""


def open_data(
    path: Path,
    problems: Problems,
    *,
    max_rows: int | None = None,
    data_format: Format | None = None,
    columns: Mapping[str, str] | None = None,
) -> Data:
    """Return the rows of a file or folder.

    Args:
        path: The file or folder.
        problems: Gathers the rows that cannot be used.
        max_rows: Rows that are read; all of them if None.
        data_format: How rows look; the first one decides if None.
        columns: Our name to theirs; as the first row has them if None.

    Raises:
        JobFailure: If there are no rows, or the first is of no format known.
    """
    files = tuple(find_data(path))
    records = islice(_told(read_records(files, problems), problems), max_rows)
    first = next(records, None)
    if first is None:
        told = "\n".join(problems.first) or f"{files[0].name}: there are no rows. Write some."
        raise JobFailure(told)
    known = dict(columns or {})
    if data_format is None and known:
        renamed = {ours: first.value.get(theirs) for ours, theirs in known.items()}
        data_format = detect_format({**first.value, **renamed}, first.place)
    elif data_format is None:
        data_format, known = _look(first)
    return Data(files, data_format, known, chain([first], records))


def _look(record: Record) -> tuple[Format, dict[str, str]]:
    names = record.value
    if not any(all(name in names for name in needed) for needed in COLUMNS.values()):
        columns = guess_columns(names)
        if columns:
            renamed = {ours: names[theirs] for ours, theirs in columns.items()}
            differing = {ours: theirs for ours, theirs in columns.items() if ours != theirs}
            return detect_format(renamed, record.place), differing
    found = detect_format(names, record.place)
    prompt = prompt_column(names) if found == "preference" else None
    return found, {"prompt": prompt} if prompt else {}


def _told(records: Iterator[Record], problems: Problems) -> Iterator[Record]:
    """Until a file cannot be read any further: that is a problem like any other."""
    try:
        yield from records
    except JobFailure as failure:
        place, _, what = str(failure).partition(": ")
        problems.add(place, what)
