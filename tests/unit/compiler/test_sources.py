"""What is read from disk for a step, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.sources import Sources, gather_sources
from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

CLEAN = """
steps:
  clean: {kind: processing, script: ./clean.py, outputs: {rows: jsonl}}
"""
IN_FOLDER = """
steps:
  clean: {kind: processing, script: ./job/run.py, source_dir: ./job, outputs: {rows: jsonl}}
"""
SFT = """
steps:
  split: {kind: dataset, data: ./rows}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  exam: {kind: evaluate, model: $sft.model, data: $split.test}
"""


def gathered(project: Any, text: str) -> Sources:
    return gather_sources(project.plan(text), project.folder, LOCAL, library=project.scripts)


def refusal(project: Any, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        gathered(project, text)
    return str(caught.value)


def test_a_step_gets_the_launcher_its_script_and_what_both_import(project: Any) -> None:
    code = gathered(project, SFT).code
    assert code["sft"].script == "sft.py"
    assert set(code["sft"].files) == {
        "launch.py",
        "sft.py",
        "training_scripts/__init__.py",
        "training_scripts/container.py",
        "training_scripts/data/__init__.py",
        "training_scripts/data/packing.py",
        "training_scripts/data/tokens.py",
    }
    assert code["split"].script == "prepare_dataset.py"
    assert code["exam"].script == "evaluate.py"


def test_pretraining_has_a_script_of_its_own(project: Any) -> None:
    code = gathered(
        project,
        """
        steps:
          base: {kind: train, objective: pretrain, data: ./rows, architecture: {}, tokenizer: {}}
        """,
    ).code
    assert code["base"].script == "pretrain.py"


def test_a_users_script_brings_the_modules_next_to_it_that_it_imports(project: Any) -> None:
    project.write(
        clean_py="import words, torch\nfrom training_scripts.container import current_job\n",
        words_py="from tables import long\n",
        other_py="",
    )
    (project.folder / "tables").mkdir()
    for name in ("__init__.py", "long.py"):
        (project.folder / "tables" / name).write_text("")
    code = gathered(project, CLEAN).code["clean"]
    assert code.script == "clean.py"
    assert set(code.files) == {
        "clean.py",
        "words.py",
        "tables/__init__.py",
        "tables/long.py",
        "launch.py",
        "training_scripts/__init__.py",
        "training_scripts/container.py",
    }


def test_a_script_named_like_a_library_is_not_mistaken_for_it(project: Any) -> None:
    # `import evaluate` is the Hugging Face package, not our script of that name.
    (project.scripts / "sft.py").write_text("import evaluate\n")
    assert "evaluate.py" not in gathered(project, SFT).code["sft"].files


def test_source_dir_brings_the_whole_folder_but_hidden_files(project: Any) -> None:
    folder = project.folder / "job"
    for name in ("run.py", "deep/prompt.txt", "__pycache__/run.pyc", ".git/config", ".env"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("from training_scripts.container import x" if name == "run.py" else "")
    code = gathered(project, IN_FOLDER).code["clean"]
    assert code.script == "run.py"
    assert set(code.files) == {
        "run.py",
        "deep/prompt.txt",
        "launch.py",
        "training_scripts/__init__.py",
        "training_scripts/container.py",
    }


def test_requirements_travel_with_the_code(project: Any) -> None:
    (project.folder / "needs.txt").write_text("ftfy==6.3\n")
    text = CLEAN.replace("outputs", "requirements: ./needs.txt, outputs")
    files = gathered(project, text).code["clean"].files
    assert files["requirements.txt"] == b"ftfy==6.3\n"


def test_a_missing_script_is_named_with_its_path(project: Any) -> None:
    (project.folder / "clean.py").unlink()
    message = refusal(project, CLEAN)
    assert message.startswith("steps.clean.script: there is no file '")
    assert f"{project.folder / 'clean.py'}'" in message


def test_every_missing_thing_is_reported_at_once(project: Any) -> None:
    message = refusal(
        project,
        """
        parameters:
          Rows: {type: S3Uri, default: s3://lake/rows/, local: ./sample}
        steps:
          clean: {kind: processing, script: ./gone.py, inputs: {rows: ./nowhere}, outputs: {x: csv}}
          more: {kind: processing, script: ./clean.py, requirements: ./no.txt, outputs: {x: csv}}
        """,
    )
    assert [line.split(":")[0] for line in message.splitlines()] == [
        "steps.clean.script",
        "steps.more.requirements",
        "steps.clean.inputs.rows",
        "parameters.Rows.local",
    ]


def test_a_script_that_is_not_python_is_named_with_its_line(project: Any) -> None:
    project.write(clean_py="import json\nimport words\n", words_py="\ndef f(:\n")
    assert "steps.clean.script: words.py, line 2, is not Python" in refusal(project, CLEAN)


def test_a_script_may_not_take_the_launchers_name(project: Any) -> None:
    project.write(launch_py="")
    message = refusal(project, CLEAN.replace("clean.py", "launch.py"))
    assert "the name 'launch.py' is taken by a part of the job's code folder. Rename it." in message


def test_a_source_dir_without_the_script_is_refused(project: Any) -> None:
    project.write(job__other_py="")
    message = refusal(project, IN_FOLDER)
    assert "there is no script './job/run.py' in the source_dir './job'" in message


@pytest.mark.parametrize("what", ["script", "module", "source_dir", "data"])
def test_a_link_that_leaves_its_folder_is_refused(project: Any, tmp_path: Path, what: str) -> None:
    outside = tmp_path / "secret.py"
    outside.write_text("")
    (project.folder / "job").mkdir()
    links = {
        "script": ("clean.py", CLEAN),
        "module": ("words.py", CLEAN),
        "source_dir": ("job/run.py", IN_FOLDER),
        "data": ("rows/secret.py", SFT),
    }
    name, text = links[what]
    if what == "module":
        project.write(clean_py="import words")
    (project.folder / name).unlink(missing_ok=True)
    (project.folder / name).symlink_to(outside)
    assert f"is a link to '{outside}', outside the folder" in refusal(project, text)


def test_a_link_to_a_folder_is_refused(project: Any) -> None:
    (project.folder / "rows" / "again").symlink_to(project.folder / "rows")
    assert "which is not a file" in refusal(project, SFT)


def test_a_link_inside_its_folder_is_followed(project: Any) -> None:
    (project.folder / "rows" / "b.jsonl").symlink_to("a.jsonl")
    assert set(gathered(project, SFT).data["./rows"]) == {"a.jsonl", "b.jsonl"}


def test_one_file_of_data_is_an_asset_of_one_file(project: Any) -> None:
    data = gathered(project, SFT.replace("./rows", "./rows/a.jsonl")).data
    assert set(data["./rows/a.jsonl"]) == {"a.jsonl"}


def test_an_empty_folder_of_data_is_refused(project: Any) -> None:
    (project.folder / "rows" / "a.jsonl").unlink()
    assert "steps.split.data: the folder" in refusal(project, SFT)
    assert "holds no files" in refusal(project, SFT)


def test_code_above_the_size_limit_is_refused(project: Any) -> None:
    project.write(job__run_py="")
    with (project.folder / "job" / "weights.bin").open("wb") as file:
        file.truncate(21 * 2**20)
    message = refusal(project, IN_FOLDER)
    assert "steps.clean.source_dir" in message
    assert "more than 20 MB" in message
    assert "large files as inputs" in message


def test_a_file_name_that_no_s3_key_can_have_is_refused(project: Any) -> None:
    name = os.fsdecode(b"\xff.jsonl")
    try:
        (project.folder / "rows" / name).write_text("{}")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert "is not UTF-8, as an S3 key must be" in refusal(project, SFT)


def test_a_named_pipe_among_the_data_is_refused_and_not_waited_for(project: Any) -> None:
    os.mkfifo(project.folder / "rows" / "pipe")
    assert "pipe' is neither a file nor a folder" in refusal(project, SFT)


def test_a_link_to_nothing_is_refused(project: Any) -> None:
    (project.folder / "rows" / "b.jsonl").symlink_to("gone.jsonl")
    assert "which is not a file" in refusal(project, SFT)
