"""Tables of a program become files of rows: the same rows, the same bytes, the same path."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import DataError
from orchestrator.local.home import Home
from orchestrator.python.rows import is_table, store_table

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"prompt": "one", "n": 1}, {"prompt": "zwei é", "n": 2}]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "table",
    [ROWS, pd.DataFrame(ROWS), pd.DataFrame(ROWS, index=[7, 7]), pa.Table.from_pylist(ROWS)],
    ids=["list", "pandas", "pandas with an index", "pyarrow"],
)
def test_the_same_rows_have_the_same_path_whatever_holds_them(table: object, home: Home) -> None:
    path = store_table(table, home)
    assert path == store_table(ROWS, home)
    assert path.name == "rows.jsonl"
    assert path.read_text(encoding="utf-8") == (
        '{"prompt": "one", "n": 1}\n{"prompt": "zwei é", "n": 2}\n'
    )
    assert [item.name for item in home.data.iterdir()] == [path.parent.name]


def test_other_rows_have_another_path(home: Home) -> None:
    assert store_table(ROWS, home).parent != store_table(ROWS[::-1], home).parent


def test_what_is_missing_is_null(home: Home) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", None],
            "number": [1.5, math.nan],
            "whole": pd.array([1, None], dtype="Int64"),
            "time": [pd.Timestamp("2026-01-02 03:04:05"), pd.NaT],
            "flag": pd.array([True, None], dtype="boolean"),
        }
    )
    first, second = read(store_table(frame, home))
    assert first == {
        "text": "a", "number": 1.5, "whole": 1, "time": "2026-01-02T03:04:05", "flag": True,
    }  # fmt: skip
    assert set(second.values()) == {None}


def test_numbers_and_times_of_libraries_become_plain(home: Home) -> None:
    row = {
        "i": np.int64(3),
        "f": np.float32(0.5),
        "d": np.float64(2.5),
        "b": np.True_,
        "s": np.str_("x"),
        "a": np.array([[1, 2], [3, 4]]),
        "t": np.datetime64("2026-01-02T03:04:05", "ns"),
        "n": np.datetime64("NaT"),
        "day": datetime.date(2026, 1, 2),
        "zone": pd.Timestamp("2026-01-02", tz="UTC"),
        "turns": [{"role": "user", "content": None}],
        "pair": (1, math.nan),
    }
    assert read(store_table([row], home)) == [
        {
            "i": 3,
            "f": 0.5,
            "d": 2.5,
            "b": True,
            "s": "x",
            "a": [[1, 2], [3, 4]],
            "t": "2026-01-02T03:04:05",
            "n": None,
            "day": "2026-01-02",
            "zone": "2026-01-02T00:00:00+00:00",
            "turns": [{"role": "user", "content": None}],
            "pair": [1, None],
        }
    ]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ([], "rows: the table has no rows. Give at least one."),
        (pd.DataFrame({"a": []}), "rows: the table has no rows."),
        (["a"], "rows[0]: a row is a str. Write a dict for each row: "),
        ([ROWS[0], None], "rows[1]: a row is a NoneType."),
        (pd.DataFrame([[1, 2]]), "rows[0]: the column 0 has no text for a name. Name the columns:"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns: the column 'a' is there twice."),
        ([{"a": {"b": math.inf}}], "rows[0].a.b: inf is no number that data can hold."),
        ([{"a": [1, b"x"]}], "rows[0].a[1]: a bytes cannot stand in a row of data. Decode it to"),
        ([{"a": decimal.Decimal(1)}], "Turn the column into numbers: df[COLUMN].astype(float)."),
        (pd.DataFrame({"a": [pd.Timedelta(1)]}), "a Timedelta cannot stand in a row of data. Turn"),
        ([{"a": object()}], "rows[0].a: a object cannot stand in a row of data. Turn the column"),
        ([{"a": "\ud800"}], "holds half a character (a lone surrogate). Repair the text."),
    ],
)
def test_what_json_cannot_hold_is_told_with_its_place(table: Any, told: str, home: Home) -> None:
    with pytest.raises(DataError) as caught:
        store_table(table, home)
    assert told in str(caught.value)
    assert list(home.data.iterdir()) == []


def test_the_name_of_a_table_cannot_lead_elsewhere(home: Home) -> None:
    for name in ("../x", "", "a/b", ".hidden", "a" * 64):
        with pytest.raises(DataError, match="cannot be the name of a file"):
            store_table(ROWS, home, name=name)
    assert not home.root.exists()


def test_text_is_no_table() -> None:
    for value in ("./rows", ["./a"], {"rows": "./a"}, 3, None):
        assert not is_table(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(row=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
def test_what_json_can_hold_comes_back(
    row: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = store_table([row], Home(tmp_path_factory.getbasetemp() / "laws"))
    assert [json.loads(line) for line in path.read_bytes().splitlines()] == [row]
