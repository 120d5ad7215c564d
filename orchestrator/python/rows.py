"""Tables of a program as data of a spec: written once, as a file named by what is in it."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from orchestrator.errors import DataError, Problem
from orchestrator.local.files import naming_full_disks, temporary_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.local.home import Home

Table: TypeAlias = Any
"""A pandas DataFrame, a pyarrow Table, or a list of dicts; the libraries need not be there."""

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
HASH_LENGTH = 32
"""Hexadecimal digits of SHA-256 in a folder's name: 128 bits."""
CURES = {
    "Decimal": "Turn the column into numbers: df[COLUMN].astype(float).",
    "Timedelta": "Turn the column into seconds: df[COLUMN].dt.total_seconds().",
    "timedelta": "Turn it into seconds: value.total_seconds().",
    "bytes": "Decode it to text: value.decode().",
}
LEAVE_OUT = "Turn the column into text or numbers, or leave it out."


def is_table(value: object) -> bool:
    """Return whether `value` is rows rather than the name of rows."""
    if isinstance(value, list):
        return not any(isinstance(item, str) for item in value[:1])
    return _is(value, "pandas", "DataFrame") or _is_arrow(value)


def store_table(table: Table, home: Home, *, name: str = "rows") -> Path:
    """Write `table` as JSON lines under `home`, and return the file's path.

    The same rows give the same bytes under the same path. An index is not a column.

    Raises:
        DataError: If there are no rows, or one holds what JSON cannot.
    """
    if not FILE_NAME.fullmatch(name):
        what = f"{name!r} cannot be the name of a file"
        raise DataError(Problem("name", what, "Write letters, digits, '-' and '_'."))
    home.make()
    digest, count = hashlib.sha256(), 0
    with temporary_file(home.data) as partial, naming_full_disks(home.data):
        with partial.open("wb") as file:
            for count, row in enumerate(_rows(table), start=1):
                line = _line(row, f"{name}[{count - 1}]")
                digest.update(line)
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        if not count:
            raise DataError(Problem(name, "the table has no rows", "Give at least one."))
        target = home.data / digest.hexdigest()[:HASH_LENGTH] / f"{name}.jsonl"
        target.parent.mkdir(exist_ok=True)
        partial.replace(target)
    return target


def _rows(table: Table) -> Iterator[object]:
    if isinstance(table, list):
        yield from table
    elif _is_arrow(table):
        _refuse_repeated(table.column_names)
        for batch in table.to_batches():
            yield from batch.to_pylist()
    else:
        columns = list(table.columns)
        _refuse_repeated(columns)
        for values in table.itertuples(index=False, name=None):
            yield dict(zip(columns, values, strict=True))


def _refuse_repeated(columns: list[object]) -> None:
    repeated = sorted({str(name) for name in columns if columns.count(name) > 1})
    if repeated:
        what = f"the column {repeated[0]!r} is there twice"
        raise DataError(Problem("columns", what, "Rename one of them."))


def _line(row: object, where: str) -> bytes:
    if not isinstance(row, Mapping):
        fix = 'Write a dict for each row: {"prompt": "...", "completion": "..."}.'
        raise DataError(Problem(where, f"a row is a {type(row).__name__}", fix))
    text = json.dumps(_plain(row, where), ensure_ascii=False, allow_nan=False)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError as error:
        what = f"{row!r} holds half a character (a lone surrogate)"
        raise DataError(Problem(where, what, "Repair the text.")) from error


def _plain(value: Any, where: str) -> object:
    """Return `value` as JSON has it: missing values are null, times are text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _number(value, where)
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    return _foreign(value, where)


def _foreign(value: Any, where: str) -> object:
    """Return a value of pandas, numpy or datetime as JSON has it."""
    if _is_missing(value):
        return None
    if _is(value, "numpy", "datetime64"):
        value = value.astype("datetime64[us]")  # Finer ones turn into numbers.
    if _is(value, "numpy", "generic") or _is(value, "numpy", "ndarray"):
        return _plain(value.tolist(), where)
    if isinstance(value, datetime.date | datetime.time):  # pandas' Timestamp is one, too.
        return value.isoformat()
    kind = type(value).__name__
    what = f"a {kind} cannot stand in a row of data"
    raise DataError(Problem(where, what, CURES.get(kind, LEAVE_OUT)))


def _number(value: float, where: str) -> float | None:
    if math.isinf(value):
        fix = "Replace it by a number, or by None where there is none."
        raise DataError(Problem(where, f"{value} is no number that data can hold", fix))
    # A subclass such as numpy's float64 would be written in its own way.
    return None if math.isnan(value) else float(value)


def _key(key: object, where: str) -> str:
    if isinstance(key, str):
        return key
    what = f"the column {key!r} has no text for a name"
    raise DataError(Problem(where, what, "Name the columns: df.columns = [...]."))


def _is_missing(value: object) -> bool:
    # NaT, pandas.NA: neither equals itself, nor do they share a class.
    return type(value).__module__.startswith("pandas.") and type(value).__name__ in {
        "NaTType",
        "NAType",
    }


def _is_arrow(value: object) -> bool:
    return _is(value, "pyarrow", "Table")


def _is(value: object, library: str, name: str) -> bool:
    """Return whether `value` is of a class of a library, which is not imported for that."""
    loaded = sys.modules.get(library)
    return loaded is not None and isinstance(value, getattr(loaded, name))
