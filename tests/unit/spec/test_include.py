"""`include:`: values of other files hold field by field, and problems are told where they stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan.build import build_plan
from orchestrator.spec.include import MOST_FILES
from orchestrator.spec.load import LoadedSpec, load_spec, load_spec_with_lines, read_spec
from orchestrator.spec.provenance import fields_of_step
from orchestrator.spec.relative import joined
from orchestrator.spec.writer import data_to_yaml, spec_to_yaml

BASE = """\
parameters:
  Rate: {type: Float, default: 1e-4}
steps:
  split: {kind: dataset, data: ./rows/, columns: {prompt: q, completion: a}}
  sft:
    kind: train
    objective: sft
    base_model: hf://acme/base
    data: $split
    lr: $params.Rate
    gates: {max: {eval/loss: 3}}
"""
SPEC = """\
name: support
include: ./shared/base.yaml
steps:
  split: {max_rows: 9, columns: {completion: answer}}
  sft:
    learning_rate: 0.001
    gates: {max: {eval/accuracy: 1}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "shared/base.yaml", BASE)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(text: str, *, file: str = "spec.yaml", **overrides: str) -> LoadedSpec:
    named = {path.replace("__", "."): value for path, value in overrides.items()}
    return load_spec_with_lines(text, file=Path(file), overrides=named)


def problems(text: str, **overrides: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(text, **overrides)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.usefixtures("folder")
def test_own_fields_win_one_by_one_whatever_they_are_called() -> None:
    spec = load(SPEC).spec
    split, sft = spec.steps["split"].model_dump(), spec.steps["sft"].model_dump()
    assert split["columns"] == {"prompt": "q", "completion": "answer"}
    assert split["max_rows"] == 9
    assert sft["learning_rate"] == 0.001
    assert sft["gates"]["max"] == {"eval/loss": 3, "eval/accuracy": 1}
    assert spec.parameters["Rate"].default == 1e-4


@pytest.mark.usefixtures("folder")
def test_a_spec_with_its_files_is_the_spec_that_it_would_be_written_whole() -> None:
    whole = spec_to_yaml(load(SPEC).spec)
    assert load_spec(whole) == load(SPEC).spec
    assert "include" not in whole
    data = read_spec(SPEC, file=Path("spec.yaml")).data
    assert load_spec(data_to_yaml(data)) == load(SPEC).spec
    assert (build_plan(load(SPEC).spec))[0].steps == build_plan(load_spec(whole))[0].steps


def test_three_levels_and_later_files_win(folder: Path) -> None:
    write(folder, "a/lowest.yaml", "steps: {split: {kind: dataset, data: ./low, max_rows: 1}}")
    write(
        folder, "b/middle.yaml",
        "include: [../a/lowest.yaml]\nsteps: {split: {max_rows: 2, min_characters: 2}}",
    )  # fmt: skip
    write(folder, "b/other.yaml", "steps: {split: {min_characters: 3, deduplicate: none}}")
    text = "name: x\ninclude: [./b/middle.yaml, ./b/other.yaml]\nsteps: {split: {format: text}}"
    split = load(text).spec.steps["split"].model_dump()
    assert split["data"] == "./a/low"
    assert (split["max_rows"], split["min_characters"]) == (2, 3)
    assert (split["deduplicate"], split["format"]) == ("none", "text")


def test_a_file_that_is_included_twice_counts_where_it_comes_first(folder: Path) -> None:
    write(folder, "base.yaml", "steps: {split: {kind: dataset, data: ./d, max_rows: 1}}")
    write(folder, "a.yaml", "include: ./base.yaml\nsteps: {split: {max_rows: 2}}")
    write(folder, "b.yaml", "include: ./base.yaml")
    spec = load("name: x\ninclude: [./a.yaml, ./b.yaml]").spec
    assert spec.steps["split"].model_dump()["max_rows"] == 2


@pytest.mark.usefixtures("folder")
def test_set_wins_over_every_file() -> None:
    loaded = load(SPEC, steps__sft__lr="0.5", steps__split__columns__prompt="ask")
    assert loaded.spec.steps["sft"].model_dump()["learning_rate"] == 0.5
    sources = {one.name: one.source for one in fields_of_step(loaded, "split", Path("spec.yaml"))}
    assert sources["columns.prompt"] == "--set"


@pytest.mark.usefixtures("folder")
def test_each_value_says_which_file_it_came_from() -> None:
    loaded = load(SPEC)
    sft = {one.name: one.source for one in fields_of_step(loaded, "sft", Path("spec.yaml"))}
    assert sft["objective"] == "shared/base.yaml:7"
    assert sft["model_name_or_path"] == "shared/base.yaml:8"
    assert sft["learning_rate"] == "spec.yaml:6"
    assert sft["gates.max.eval/loss"] == "shared/base.yaml:11"
    assert sft["gates.max.eval/accuracy"] == "spec.yaml:7"
    assert sft["lora_r"] == "built-in default"


def test_problems_are_told_at_the_line_of_the_file_that_says_it(folder: Path) -> None:
    write(folder, "shared/base.yaml", BASE.replace("objective: sft", "objektive: sft"))
    assert problems(SPEC.replace("max_rows: 9", "max_rows: none")) == [
        "spec.yaml:4: steps.split.max_rows: expected a whole number or $params.Name, found 'none'.",
        "shared/base.yaml:7: steps.sft.objektive: there is no key 'objektive' here. Did you mean "
        "'objective'?",
    ]


def test_a_problem_of_the_plan_is_told_there_too(folder: Path) -> None:
    write(folder, "shared/base.yaml", BASE.replace("data: $split", "data: $slpit"))
    loaded = load(SPEC)
    with pytest.raises(SpecError) as caught:
        build_plan(loaded.spec, file=Path("spec.yaml"), lines=loaded.lines, origins=loaded.origins)
    assert str(caught.value).startswith(
        "shared/base.yaml:9: steps.sft.data: there is no step 'slpit'. Did you mean 'split'?"
    )


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("steps: [", "shared/bad.yaml:1: this is not YAML"),
        ("", "shared/bad.yaml: the spec is empty."),
        (
            "steps: {a: {kind: dataset}}\nsteps: {}",
            "shared/bad.yaml:1: steps: the key is written twice, on line 1 and on line 2.",
        ),
        ("stepz: {}", "shared/bad.yaml:1: stepz: there is no key 'stepz' here. Did you mean 'ste"),
        ("steps: {split: {lr: 1, learning_rate: 2, kind: train}}", "shared/bad.yaml:1: steps.spl"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_with_its_own_line(
    folder: Path, inner: str, told: str
) -> None:
    write(folder, "shared/bad.yaml", inner)
    text = "name: x\ninclude: [./shared/bad.yaml]\nsteps: {go: {kind: dataset, data: ./d}}"
    assert any(problem.startswith(told) for problem in problems(text))


def test_what_is_not_utf_8_or_too_large_is_told(folder: Path) -> None:
    text = "name: x\ninclude: ./bad.yaml\nsteps: {go: {kind: dataset, data: ./d}}"
    (folder / "bad.yaml").write_bytes(b"steps: caf\xe9")
    assert problems(text)[0].startswith("bad.yaml:1: the file is not UTF-8")
    with (folder / "bad.yaml").open("wb") as file:
        file.truncate(2**34)
    assert problems(text)[0].startswith("bad.yaml: the spec is 1.0 MB, and at most 1 MB is read")


@pytest.mark.usefixtures("folder")
def test_what_a_file_that_cannot_be_read_may_say_is_not_missed() -> None:
    text = "name: x\ninclude: ./none.yaml\nsteps:\n  a: {data: ./x}\n"
    assert problems(text) == [
        "spec.yaml:2: include: 'none.yaml' cannot be read: No such file or directory. "
        "Check the path; it is relative to this file."
    ]


def test_a_file_that_is_missing_is_told_where_it_is_named(folder: Path) -> None:
    write(folder, "shared/base.yaml", "# more\ninclude: ./none.yaml\n" + BASE)
    (folder / "folder.yaml").mkdir()
    os.mkfifo(folder / "pipe.yaml")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    files = "./shared/base.yaml, ./folder.yaml, ./pipe.yaml, ./loop.yaml"
    text = SPEC.replace("./shared/base.yaml", f"[{files}]")
    assert problems(text) == [
        "spec.yaml:2: include[1]: 'folder.yaml' cannot be read: it is not a file. Check the path; "
        "it is relative to this file.",
        "spec.yaml:2: include[2]: 'pipe.yaml' cannot be read: it is not a file. Check the path; "
        "it is relative to this file.",
        "spec.yaml:2: include[3]: 'loop.yaml' cannot be read: Too many levels of symbolic links. "
        "Check the path; it is relative to this file.",
        "shared/base.yaml:2: include: 'shared/none.yaml' cannot be read: No such file or "
        "directory. Check the path; it is relative to this file.",
    ]


def test_files_that_include_each_other_are_told_with_the_whole_chain(folder: Path) -> None:
    write(folder, "spec.yaml", "name: x\ninclude: ./a/one.yaml\n")
    write(folder, "a/one.yaml", "include: [../b/two.yaml]\n")
    write(folder, "b/two.yaml", "# here\ninclude:\n  - ../a/one.yaml\n  - ../spec.yaml\n")
    told = problems((folder / "spec.yaml").read_text())
    assert told[1:] == [
        "b/two.yaml:3: include[0]: the files include each other: a/one.yaml -> b/two.yaml -> "
        "a/one.yaml. Remove `include` from one of them.",
        "b/two.yaml:4: include[1]: the files include each other: spec.yaml -> a/one.yaml -> "
        "b/two.yaml -> spec.yaml. Remove `include` from one of them.",
    ]
    assert "the key 'steps' is missing" in told[0]


def test_a_file_that_includes_itself_is_refused(folder: Path) -> None:
    text = "name: x\ninclude: ./spec.yaml\nsteps: {go: {kind: dataset, data: ./d}}\n"
    write(folder, "spec.yaml", text)
    assert problems(text) == [
        "spec.yaml:2: include: the files include each other: spec.yaml -> spec.yaml. Remove "
        "`include` from one of them."
    ]


def test_a_step_keeps_its_kind(folder: Path) -> None:
    write(folder, "shared/base.yaml", BASE)
    told = problems(SPEC.replace("{max_rows: 9,", "{kind: processing,"))
    assert told[0] == (
        "spec.yaml:4: steps.split.kind: the step is of kind 'processing' here, and 'dataset' in "
        "shared/base.yaml:4. Give it another name, or remove `kind` here."
    )


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("base.yaml", "found 'base.yaml'. Write './base.yaml'."),
        ("s3://acme/base.yaml", "found 's3://acme/base.yaml'. Write ./base.yaml, or a list of"),
        (r'"./a\0b"', "found './a\\x00b'. Write ./base.yaml, or a list of such paths."),
        ("3", "include: expected a path of this machine, found 3. Write ./base.yaml, or a list"),
        ("[./shared/base.yaml, {a: b}]", "include[1]: expected a path of this machine, found a m"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_no_path_is_refused(entry: str, told: str) -> None:
    text = f"name: x\ninclude: {entry}\nsteps: {{go: {{kind: dataset, data: ./d}}}}"
    assert told in problems(text)[0]


@pytest.mark.usefixtures("folder")
def test_set_comes_too_late_to_include() -> None:
    told = problems("name: x\nsteps: {a: {kind: dataset, data: ./d}}", include="./shared/base.yaml")
    assert told == [
        "--set include: files are included while a spec is read, which has been done. Write it "
        "into the file."
    ]


def test_more_files_than_anybody_means_are_refused(folder: Path) -> None:
    for number in range(MOST_FILES + 1):
        write(folder, f"{number}.yaml", f"include: ./{number + 1}.yaml")
    write(folder, f"{MOST_FILES + 1}.yaml", "steps: {go: {kind: dataset, data: ./d}}")
    told = problems("name: x\ninclude: ./0.yaml")
    assert f"more than {MOST_FILES} files are included" in " ".join(told)


def test_paths_of_a_file_are_relative_to_it(folder: Path) -> None:
    write(
        folder, "shared/jobs/base.yaml",
        """\
parameters: {Rows: {type: S3Uri, default: s3://acme/rows/, local: ../rows/}}
steps:
  one:
    kind: processing
    script: clean.py
    requirements: requirements.txt
    inputs: {environment: ./words, other: /data, far: s3://acme/}
    arguments: {out: ./out}
    environment: {HOME: ./here}
    description: ./said
  two: {kind: processing, script: run.py, source_dir: ./job}
  three: {kind: processing, script: ./job/run.py, source_dir: job/}
  environment: {kind: dataset, data: $params.Rows}
""",
    )  # fmt: skip
    (folder / "specs").mkdir()
    spec = load("name: x\ninclude: ../shared/jobs/base.yaml", file="specs/spec.yaml").spec
    one, two, three = (spec.steps[name].model_dump() for name in ("one", "two", "three"))
    assert spec.parameters["Rows"].local == "../shared/rows/"
    assert one["script"] == "../shared/jobs/clean.py"
    assert one["requirements"] == "../shared/jobs/requirements.txt"
    assert one["inputs"] == {
        "environment": "../shared/jobs/words", "other": "/data", "far": "s3://acme/",
    }  # fmt: skip
    assert one["arguments"] == {"out": "./out"}
    assert one["environment"] == {"HOME": "./here"}
    assert one["description"] == "./said"
    assert (two["script"], two["source_dir"]) == ("run.py", "../shared/jobs/job")
    assert (three["script"], three["source_dir"]) == (
        "../shared/jobs/job/run.py", "../shared/jobs/job/",
    )  # fmt: skip


def test_an_absolute_path_may_be_included(folder: Path) -> None:
    spec = load(f"name: x\ninclude: {folder}/shared/base.yaml").spec
    assert spec.steps["split"].model_dump()["data"] == f"{folder}/shared/rows/"


@pytest.mark.parametrize(
    ("folder_name", "path", "whole"),
    [
        ("shared", "./rows/", "./shared/rows/"),
        ("../up", "./a", "../up/a"),
        ("shared", "../a", "./a"),
        ("", "./a", "./a"),
        ("shared", "/a", "/a"),
        ("..", "..", "../.."),
    ],
)
def test_a_path_is_joined_to_the_folder_of_its_file(
    folder_name: str, path: str, whole: str
) -> None:
    assert joined(folder_name, path) == whole
