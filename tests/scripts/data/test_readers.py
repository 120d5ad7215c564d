"""`data/files.py` and `data/readers.py`: every file that cannot be read says where and why."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.files import find_files
from training_scripts.data.problems import Problems
from training_scripts.data.readers import Record, read_records

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [{"text": "one"}, {"text": "two"}, {"text": "three"}]


def read(folder: Path) -> list[Record]:
    problems = Problems()
    records = list(read_records(find_files(folder), problems))
    problems.fail_if_any()
    return records


def write(path: Path, data: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_json_lines_are_read_with_their_line_numbers(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "\ufeff" + lines(ROWS[:1]) + "\n" + lines(ROWS[1:]))
    found = read(tmp_path)
    assert [record.value for record in found] == ROWS
    assert [record.place for record in found] == ["a.jsonl:1", "a.jsonl:3", "a.jsonl:4"]


def test_folders_are_read_by_name_and_compressed_files_too(tmp_path: Path) -> None:
    write(tmp_path / "b/part-2.jsonl.gz", gzip.compress(lines(ROWS[2:]).encode()))
    write(tmp_path / "b/part-1.jsonl", lines(ROWS[1:2]))
    write(tmp_path / "a.ndjson", lines(ROWS[:1]))
    write(tmp_path / "_SUCCESS", "")
    write(tmp_path / ".hidden.csv", "x")
    write(tmp_path / "README.md", "# About")
    assert [record.value for record in read(tmp_path)] == ROWS


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_is_read_object_by_object(tmp_path: Path, indent: int | None) -> None:
    write(tmp_path / "a.json", json.dumps(ROWS, indent=indent))
    found = read(tmp_path)
    assert [record.value for record in found] == ROWS
    expected = ["a.json:1"] * 3 if indent is None else ["a.json:2", "a.json:5", "a.json:8"]
    assert [record.place for record in found] == expected


def test_json_lines_called_json_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.json", lines(ROWS))
    assert [record.value for record in read(tmp_path)] == ROWS


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_csv_is_read_with_the_line_each_row_begins_at(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    text = delimiter.join(["q", "a"]) + f'\r\n"two\r\nlines"{delimiter}1\r\nx{delimiter}2\r\n'
    write(tmp_path / name, text)
    found = read(tmp_path)
    assert [record.value for record in found] == [
        {"q": "two\nlines", "a": "1"},
        {"q": "x", "a": "2"},
    ]
    assert [record.place for record in found] == [f"{name}:2", f"{name}:4"]


def test_parquet_is_read(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    found = read(tmp_path)
    assert [record.value for record in found] == ROWS
    assert found[2].place == "a.parquet: row 3"


def test_a_text_file_is_cut_at_blank_lines_once_it_is_long(tmp_path: Path) -> None:
    paragraph = "word " * 300 + "\n\n"
    write(tmp_path / "a.txt", paragraph * 3)
    write(tmp_path / "b.md", "# Short\n\nOne document.\n")
    found = read(tmp_path)
    assert [record.place for record in found] == ["a.txt:1", "a.txt:5", "b.md:1"]
    assert "".join(record.value["text"] for record in found[:2]) == paragraph * 3


def test_a_text_file_without_blank_lines_is_cut_at_ends_of_line(tmp_path: Path) -> None:
    text = ("word " * 20 + "\n") * 1_000
    write(tmp_path / "a.txt", text)
    found = read(tmp_path)
    assert "".join(record.value["text"] for record in found) == text
    assert max(len(record.value["text"]) for record in found) < 20_200


GOOD = lines(ROWS).encode()
ARRAY = json.dumps(ROWS, indent=2)

BAD_FILES = {
    "an empty folder": ({}, r"data: the folder holds no files\. Use \.jsonl, "),
    "an empty file": ({"a.jsonl": b""}, r"a\.jsonl: the file is empty\."),
    "a file of no known kind": ({"a.xlsx": b"x"}, r"a\.xlsx: cannot be read\. Use \.jsonl"),
    "files of several kinds": (
        {"a.jsonl": GOOD, "b.csv": b"text\nx\n"},
        r"several kinds: b\.csv \(csv\), a\.jsonl \(jsonl\)\. Keep one kind",
    ),
    "a file that is not UTF-8": (
        {"a.jsonl": GOOD + b'{"text": "caf\xe9"}\n'},
        r"a\.jsonl:4: not UTF-8 \(byte 0xe9 at 13\)\. Save the file as UTF-8",
    ),
    "a file in UTF-16": (
        {"a.csv": "text\nx\n".encode("utf-16")},
        r"a\.csv:1: not UTF-8 \(it is UTF-16\)",
    ),
    "JSON Lines that end early": (
        {"a.jsonl": GOOD + b'{"text": "thr'},
        r"a\.jsonl:4: the file ends in the middle of a row \(unterminated string starting at",
    ),
    "a line that is not JSON": (
        {"a.jsonl": b"{'text': 'one'}\n" + GOOD},
        r"a\.jsonl:1: not valid JSON \(expecting property name.*One row is one JSON object",
    ),
    "a line that is no object": (
        {"a.jsonl": GOOD + b"[1, 2]\n"},
        r"a\.jsonl:4: expected a JSON object, found a list\.",
    ),
    "gzip that ends early": (
        {"a.jsonl.gz": gzip.compress(GOOD * 1_000)[:-20]},
        r"a\.jsonl\.gz:\d+: the gzip data end early or are damaged",
    ),
    "gzip that is none": ({"a.jsonl.gz": GOOD}, r"a\.jsonl\.gz:1: the gzip data .*Not a gzipped"),
    "a JSON array that ends early": (
        {"a.json": ARRAY[:40].encode()},
        r"a\.json:5: the JSON array does not end, or this object is not valid JSON: '\{",
    ),
    "a JSON array with a bad object": (
        {"a.json": ARRAY.replace('"two"', "two").encode()},
        r"a\.json:5: the JSON array does not end, or this object is not valid",
    ),
    "a JSON array with a number in it": (
        {"a.json": b'[{"text": "one"},\n 7, {"text": "x"}]'},
        r"a\.json:2: expected a JSON object, found 7",
    ),
    "a JSON array with more after it": (
        {"a.json": ARRAY.encode() + b"\n[]"},
        r"a\.json:12: something follows the end of the JSON array",
    ),
    "JSON that is neither": (
        {"a.json": b'{"data":\n []}'},
        r"a\.json:1: expected a JSON array of objects",
    ),
    "CSV with a row too long": (
        {"a.csv": b"q,a\n1,2\n1,2,3\n"},
        r"a\.csv:3: 3 fields under 2 column names",
    ),
    "CSV that ends within quotes": (
        {"a.csv": b'q,a\n1,"2\n'},
        r"a\.csv:2: not valid CSV \(unexpected end of data\)",
    ),
    "CSV with a column twice": ({"a.csv": b"q,q\n1,2\n"}, r"a\.csv:1: the column 'q' stands twice"),
    "Parquet that is none": (
        {"a.parquet": b"PAR1 nothing"},
        r"a\.parquet: row 1: not Parquet, or truncated \(",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, case: str) -> None:
    files, text = BAD_FILES[case]
    if "a.parquet" in files:
        pytest.importorskip("pyarrow")
    for name, data in files.items():
        write(tmp_path / name, data)
    with pytest.raises(JobFailure, match=text):
        read(tmp_path)


def test_bad_rows_are_counted_and_the_first_five_shown(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "nonsense\n" * 7 + lines(ROWS))
    with pytest.raises(JobFailure) as caught:
        read(tmp_path)
    shown = str(caught.value).splitlines()
    assert len(shown) == 6
    assert shown[4].startswith("a.jsonl:5: not valid JSON")
    assert shown[5] == "... and 2 more rows that cannot be used."
