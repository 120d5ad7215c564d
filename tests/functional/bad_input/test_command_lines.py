"""What is typed wrongly: one line in the form of every other error, exit code 2, nothing made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.functional.bad_input.conftest import Checked

TYPED = {
    "runz": "fmo: there is no command 'runz'. Did you mean 'run'?",
    "zzz": "fmo: there is no command 'zzz'. `fmo --help` lists them.",
    "data chekc rows": "fmo data: there is no command 'chekc'. Did you mean 'check'?",
    "validate": "fmo validate: FILE is missing. Write `fmo validate [OPTIONS] FILE`.",
    "data check": "fmo data check: FILE|FOLDER is missing. Write `fmo data check [OPTIONS] "
    "FILE|FOLDER`.",
    "why last": "fmo why: STEP is missing. Write `fmo why [OPTIONS] EXECUTION STEP`.",
    "init sft": "fmo init: --data is missing. Add `--data FILE`.",
    "init stf --data x": "OBJECTIVE: expected one of sft, dpo, pretrain, continued-pretrain, "
    "found 'stf'. Did you mean 'sft'?",
    "runs now": "fmo runs: it takes no more arguments, found 'now'. Write `fmo runs [OPTIONS]`.",
    "run --smok spec.yaml": "--smok: there is no such option. Did you mean '--smoke'?",
    "run spec.yaml --set": "--set: its value is missing. Write `--set VALUE`.",
    "run spec.yaml --json=1": "--json: it takes no value. Write `--json` alone.",
    "run spec.yaml --workers 0": "--workers: expected a whole number from 1 to 64, found '0'.",
    "run spec.yaml --workers few": "--workers: expected a whole number from 1 to 64, found 'few'.",
    "chat --temperature -1": "--temperature: expected a number from 0 to 10, found '-1.0'.",
    "chat --max-new-tokens 0": "--max-new-tokens: expected a whole number of at least 1, found "
    "'0'.",
    "run spec.yaml --param Limit": "--param: 'Limit' has no '='. Write --param NAME=VALUE.",
    "run spec.yaml --param =3": "--param: '=3' has no name before its '='. Write --param "
    "NAME=VALUE.",
    "data check rows --to text": "--to: it says how --fix writes the rows. Add --fix OUT.",
    "data check rows --fix x --to csv": "--to: expected one of messages, prompt-completion, text, "
    "preference, found 'csv'.",
    "runs --home=": "--home: the path is empty. Write one.",
    "compile spec.yaml -o=": "-o: the path is empty. Write one.",
}


@pytest.mark.parametrize("line", TYPED)
def test_what_is_typed_wrongly_is_told_in_one_line(fmo: Checked, line: str) -> None:
    done = fmo(*line.replace("-o=", "--output=").split())
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == f"FMO100 {TYPED[line]}\n"
    assert list(fmo.folder.iterdir()) == []


def test_a_program_reads_the_same_as_a_document(fmo: Checked) -> None:
    done = fmo("run", "--smok", "spec.yaml", "--json")
    assert done.document["error"] == {
        "code": "FMO100",
        "exit_code": 2,
        "problems": [
            {
                "where": "--smok",
                "what": "there is no such option",
                "fix": "Did you mean '--smoke'?",
                "file": None,
                "line": None,
            }
        ],
    }


@pytest.mark.parametrize("group", [(), ("data",), ("config",)])
def test_a_group_alone_shows_what_it_offers(fmo: Checked, group: tuple[str, ...]) -> None:
    done = fmo(*group)
    assert done.code == 2
    assert done.stderr.startswith("Usage: fmo")


MISSING = {
    "validate nope.yaml": "FMO110 there is no file 'nope.yaml'. Check the path.",
    "run folder": "FMO110 'folder' is a folder. Name the spec in it.",
    "plan empty.yaml": "FMO110 empty.yaml: the spec is empty. Write `name:` and `steps:`.",
    "config show nope.yaml x": "FMO110 there is no file 'nope.yaml'. Check the path.",
    "data check nope": "FMO130 nope: there is no such file or folder. Check the path.",
    "data check folder": "FMO130 folder: the folder holds no files. Use .jsonl, .ndjson, .json, "
    ".csv, .tsv, .parquet, .txt, .md; all but .parquet may be gzipped (.gz).",
    "data check empty.jsonl": "FMO130 empty.jsonl: the file is empty. Write it again.",
    "data check sheet.xlsx": "FMO130 sheet.xlsx: cannot be read. Use .jsonl, .ndjson, .json, .csv, "
    ".tsv, .parquet, .txt, .md; all but .parquet may be gzipped (.gz).",
    "init sft --data nope.jsonl --model a/b -o x.yaml": "FMO130 nope.jsonl: there is no "
    "such file or folder. Check the path.",
    "init sft --data rows.jsonl --model a/b -o folder --force": "FMO100 folder: it is a folder. "
    "Name a file in it.",
    "compile spec.yaml -o rows.jsonl/x": "FMO100 rows.jsonl/x: 'rows.jsonl' is a file, not a "
    "folder. Name a file in a folder.",
    "data check rows.jsonl --fix none/x": "FMO130 none/x: there is no folder none. Make it first, "
    "or name another.",
    "data check rows.jsonl --fix rows.jsonl": "FMO130 rows.jsonl: is there already. Name a new "
    "file, or delete it first.",
    "runs --home rows.jsonl": "FMO300 HERE/rows.jsonl: it is a file, not a folder. Let FMO_HOME "
    "or --home name a folder of yours.",
    "resume": "FMO100 there is no execution in HERE/.fmo yet. Start one with `fmo run FILE`, or "
    "give --home.",
    "report last": "FMO100 there is no execution in HERE/.fmo yet. Start one with `fmo run FILE`, "
    "or give --home.",
    "chat": "FMO100 there is no model in HERE/.fmo yet. Make one with `fmo run FILE`, or name a "
    "folder that holds one.",
    "models base": "FMO100 there is no model 'base' in HERE/.fmo. The latest: none.",
}


@pytest.mark.parametrize("line", MISSING)
def test_what_is_not_there_or_of_another_kind_is_told_in_one_line(fmo: Checked, line: str) -> None:
    (fmo.folder / "folder").mkdir()
    for name in ("empty.yaml", "empty.jsonl"):
        (fmo.folder / name).touch()
    (fmo.folder / "sheet.xlsx").write_text("PK")
    (fmo.folder / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    (fmo.folder / "spec.yaml").write_text(
        "name: a\nsteps: {split: {kind: dataset, data: ./rows.jsonl}}\n"
    )
    before = sorted(path.name for path in fmo.folder.iterdir())
    done = fmo(*line.split())
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.replace(str(fmo.folder), "HERE") == f"{MISSING[line]}\n"
    assert sorted(path.name for path in fmo.folder.iterdir()) == before
