"""Each kind of ending has one exit code, and an error says what to type next."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import errors
from orchestrator.cli import BUG, run, tell_of_a_bug
from orchestrator.commands.terminal import Failure, Output
from orchestrator.errors import FmoError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD = """\
name: bad
steps:
  split:
    kind: dataset
    data: ./rows.jsonl
    formt: auto
  sft:
    kind: train
    objective: sft
    model_name_or_path: hf://a/b
    data: $split
    learning_rat: 1e-4
"""


def every_error(root: type[FmoError] = FmoError) -> Iterator[type[FmoError]]:
    yield root
    for kind in root.__subclasses__():
        yield from every_error(kind)


def test_each_error_has_a_code_of_its_own() -> None:
    kinds = [kind for kind in every_error() if kind.__module__ == "orchestrator.errors"]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert all(code in (errors.__doc__ or "") for code in codes if code != "FMO000")


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(errors.StepFailedError, 1), (errors.ExecutionStoppedError, 1), (errors.SpecError, 2),
     (errors.StoreBusyError, 2), (errors.AwsError, 3)],
)  # fmt: skip
def test_an_error_leads_to_the_exit_code_of_its_kind(kind: Any, exit_code: int) -> None:
    assert Failure.of(kind("x")).exit_code == exit_code


def test_every_problem_is_printed_with_file_line_code_and_fix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    assert run(["validate", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"FMO110 {path}:6: steps.split.formt: there is no key 'formt' here. Did you mean 'format'?",
        f"FMO110 {path}:12: steps.sft.learning_rat: there is no key 'learning_rat' here."
        " Did you mean 'learning_rate'?",
    ]


def test_with_json_an_error_is_the_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    assert run(["validate", str(path), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["exit_code"]) == ("FMO110", 2)
    assert [problem["line"] for problem in error["problems"]] == [6, 12]


def test_a_missing_file_is_our_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == ("FMO110 there is no file 'nowhere.yaml'. Check the path.\n")


def test_an_unknown_option_is_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "--bogus", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "FMO100"
    assert "--bogus: there is no such option. `fmo validate --help` lists them." in err


def test_an_override_without_a_value_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "spec.yaml", "--set", "steps.sft"]) == 2
    assert "'steps.sft' has no '='. Write --set NAME=VALUE." in capsys.readouterr().err


def test_a_traceback_is_shown_only_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    run(["validate", "nowhere.yaml"])
    assert "Traceback" not in capsys.readouterr().err
    assert run(["validate", "nowhere.yaml", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_a_folder_in_place_of_a_file_is_told_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_file_that_may_not_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    spec.write_text("name: a\nsteps: {split: {kind: dataset, data: ./rows.jsonl}}\n")
    assert run(["compile", str(spec), "-o", str(tmp_path)]) == 2
    assert f"FMO100 {tmp_path}: it is a folder. Name a file in it." in capsys.readouterr().err


def test_a_bug_is_told_in_one_line_and_has_its_own_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        tell_of_a_bug(KeyError, KeyError("x"), None)
    assert ended.value.code == BUG
    told = capsys.readouterr().err
    assert "FMO000 this is a bug of fmo: KeyError: 'x'. Run it again with --debug" in told
    assert told.count("\n") == 1


def test_a_number_that_json_cannot_write_becomes_null() -> None:
    stream = io.StringIO()
    Output(as_json=True, stdout=stream).document({"loss": [math.nan, 1.5], "best": math.inf})
    assert json.loads(stream.getvalue()) == {"loss": [None, 1.5], "best": None}


def test_a_full_disk_is_told_as_such(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    spec = tmp_path / "spec.yaml"
    (tmp_path / "rows.jsonl").write_text('{"text": "a"}\n')
    spec.write_text("name: a\nsteps: {split: {kind: dataset, data: ./rows.jsonl}}\n")
    assert run(["compile", str(spec), "-o", str(full)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("FMO340 ")
    assert "no space left on device. Free some space and try again." in told


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    out, err = capsys.readouterr()
    assert "Run here:" in out + err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fmo, version ")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


FAILURE = Failure("FMO110", 2, (Problem("steps.a", "there is no step 'b'", "Write 'c'."),))


def test_errors_are_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        Output(as_json=False, stderr=stream).fail(FAILURE)
    assert "\x1b[1;31mFMO110" in terminal.getvalue()
    assert file.getvalue() == "FMO110 steps.a: there is no step 'b'. Write 'c'.\n"


def test_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = Terminal()
    Output(as_json=False, stderr=terminal).fail(FAILURE)
    assert "\x1b[1;31m" not in terminal.getvalue()
    assert "\x1b[31m" not in terminal.getvalue()


def test_a_long_error_is_not_broken_into_lines() -> None:
    stream = io.StringIO()
    what = "there is no step 'b', " * 20
    failure = Failure("FMO110", 2, (Problem("steps.a", what, file=Path("a.yaml"), line=3),))
    Output(as_json=False, stderr=stream).fail(failure)
    assert stream.getvalue().count("\n") == 1


class LeavingReader(io.StringIO):
    """A stream whose reader left."""

    def write(self, text: str) -> int:  # noqa: ARG002 - the stream's own signature
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_news_for_a_reader_who_left_do_not_end_the_run() -> None:
    output = Output(as_json=False, stderr=LeavingReader())
    output.say("step 1")
    output.say("step 2")
    assert output.people.quiet
