"""Files of rows as people have them, and as they break: read, or refused with file and line."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.bad_input.conftest import Checked

ROW = '{"prompt": "a", "completion": "b"}\n'
READ = {
    "semicolons and Windows' ends of line": ("a.csv", b"prompt;completion\r\na;b\r\nc;d\r\n", 2),
    "tabs": ("a.csv", b"prompt\tcompletion\na\tb\n", 1),
    "a byte order mark in CSV": ("a.csv", b"\xef\xbb\xbfprompt,completion\na,b\n", 1),
    "a byte order mark in JSON Lines": ("a.jsonl", b"\xef\xbb\xbf" + ROW.encode(), 1),
    "Windows' ends of line in JSON Lines": ("a.jsonl", ROW.replace("\n", "\r\n").encode() * 2, 2),
    "no end of line at the end": ("a.jsonl", ROW.strip().encode(), 1),
    "empty lines": ("a.jsonl", f"\n{ROW}\n\n{ROW}\n".encode(), 2),
    "one row": ("a.jsonl", ROW.encode(), 1),
}


@pytest.mark.parametrize("what", READ)
def test_what_people_have_is_read(fmo: Checked, what: str) -> None:
    name, content, rows = READ[what]
    (fmo.folder / name).write_bytes(content)
    document = fmo("data", "check", name, "--json").document
    assert (document["rows"], document["problems"]["rows"]) == (rows, 0)


ONE_ROW_A_LINE = "One row is one JSON object on one line."
BROKEN = {
    "a broken line in the middle": (
        "a.jsonl",
        (ROW * 30 + '{"prompt": "a", "completion": \n' + ROW * 30).encode(),
        f"a.jsonl:31: not valid JSON (expecting value at character 32). {ONE_ROW_A_LINE}",
    ),
    "a file that was cut off": (
        "a.jsonl",
        (ROW * 2 + '{"prompt": "a').encode(),
        "a.jsonl:3: the file ends in the middle of a row (unterminated string starting at "
        f"character 12). {ONE_ROW_A_LINE}",
    ),
    "UTF-16 with its mark": (
        "a.csv",
        "prompt,completion\na,b\n".encode("utf-16"),
        "a.csv:1: not UTF-8 (it is UTF-16). Save the file as UTF-8.",
    ),
    "UTF-16 without": (
        "a.jsonl",
        ROW.encode("utf-16-be"),
        "a.jsonl:1: not UTF-8 (it looks like UTF-16). Save the file as UTF-8.",
    ),
    "Latin-1": (
        "a.csv",
        "prompt,completion\na,ö\n".encode("latin-1"),
        "a.csv:2: not UTF-8 (byte 0xf6 at 2). Save the file as UTF-8.",
    ),
    "fields of another number": (
        "a.csv",
        b"prompt,completion\na,b,c\n",
        "a.csv:2: 3 fields under 2 column names. Put double quotes around a field with a delimiter "
        "in it, or fill the row.",
    ),
    "a quote that is not closed": (
        "a.csv",
        b'prompt,completion\n"a,b\n',
        "a.csv:2: not valid CSV (unexpected end of data). A field with a quote, a delimiter or an "
        "end of line stands in double quotes.",
    ),
    "null for text": (
        "a.jsonl",
        b'{"prompt": null, "completion": "b"}\n',
        "a.jsonl:1: 'prompt' must be text, found null.",
    ),
    "a role that nobody has": (
        "a.jsonl",
        b'{"messages": [{"role": "usr", "content": "a"}]}\n',
        "a.jsonl:1: turn 1 has 'role' 'usr'; known are system, user, assistant, tool. Did you mean "
        "'user'?",
    ),
    "no turns": (
        "a.jsonl",
        b'{"messages": []}\n',
        "a.jsonl:1: 'messages' must be a list of turns, found an empty list.",
    ),
    "an array that does not end": (
        "a.json",
        f"[{ROW.strip()}".encode(),
        "a.json:1: the JSON array does not end. Write `]`, or copy it again.",
    ),
    "a line of 65 MB": (
        "a.txt",
        b"x" * (65 * 2**20),
        "a.txt:1: the line is longer than 64 MB. Break it into lines.",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_with_file_and_line(fmo: Checked, what: str) -> None:
    name, content, told = BROKEN[what]
    (fmo.folder / "in").mkdir()
    (fmo.folder / "in" / name).write_bytes(content)
    done = fmo("data", "check", f"in/{name}")
    assert done.code == 2
    assert done.stderr == f"FMO130 in/{told}\n"
    assert fmo("data", "check", "in").stderr == f"FMO130 in/{told}\n"


def test_a_program_reads_file_and_line_apart(fmo: Checked) -> None:
    (fmo.folder / "a.jsonl").write_text('{"no": "format"}\n')
    (problem,) = fmo("data", "check", "a.jsonl", "--json").document["error"]["problems"]
    assert (problem["file"], problem["line"]) == ("a.jsonl", 1)
    assert problem["what"].startswith("the columns no are of no format known")
    assert problem["fix"] == "Name yours with `columns: {prompt: ..., completion: ...}`."


SMALL, LARGE = 3_000_000, 30_000_000
MARGIN_MB = 20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(fmo: Checked) -> None:
    used = {}
    for size in (SMALL, LARGE):
        write_rows(fmo.folder / "rows.jsonl", size)
        used[size] = peak_mb(fmo, "data", "check", "rows.jsonl")
    assert used[LARGE] - used[SMALL] < MARGIN_MB, used


def write_rows(path: Path, size: int) -> None:
    """Write about `size` bytes of rows, each with a number of its own."""
    chosen = random.Random(0)  # noqa: S311 - rows, not secrets
    words = [f"word{number}" for number in range(5_000)]
    bodies = [" ".join(chosen.choices(words, k=250)) for _ in range(500)]
    with path.open("w") as file:
        for number in range(size // (2 * len(bodies[0]))):
            prompt, completion = chosen.sample(bodies, 2)
            row = {"prompt": f"{number} {prompt}", "completion": completion}
            file.write(json.dumps(row) + "\n")


def peak_mb(fmo: Checked, *arguments: str) -> float:
    """Run `fmo` and return the most memory that it or a process of its had, in megabytes."""
    command = [sys.executable, "-m", "orchestrator", *arguments]
    process = subprocess.Popen(
        command, cwd=fmo.folder, env=fmo.environment(), stdout=subprocess.DEVNULL
    )
    # wait4 counts the children that the process waited for.
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20
