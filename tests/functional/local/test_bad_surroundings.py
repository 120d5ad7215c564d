"""What this machine lacks is said before anything starts; a full disk loses nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.definition.expressions import Get
from orchestrator.definition.model import Definition, Parameter, Step, definition_bytes
from orchestrator.errors import (
    DataError,
    DefinitionError,
    InputError,
    KeyOutsideStoreError,
    UnsupportedError,
)

FULL_DISK = """
import os, shutil, sys
from pathlib import Path
from orchestrator.errors import DiskFullError
from orchestrator.local.history import load_result
from orchestrator.local.home import Home
from orchestrator.local.run import resume_execution, run_definition
from orchestrator.local.store import Store
disk = Path(sys.argv[1])
home = Home(disk / "home")
ballast = disk / "ballast"
ballast.write_bytes(bytes(5 * 2**20))
result = run_definition(Path(sys.argv[2]).read_bytes(), home, execution_id="full")
assert result.status == "Failed", result
print(result.step("big").failure_reason)
assert result.step("small").status == "Succeeded"
assert [item.uri for item in Store(home.store).list("s3://lab/")] == ["s3://lab/runs/full/small/data/x"]
try:
    Store(home.store).put_bytes("s3://lab/large", bytes(20 * 2**20))
except DiskFullError as error:
    print(error)
else:
    raise SystemExit("a full disk was not noticed")
assert Store(home.store).find("s3://lab/large") is None
ballast.unlink()
result = resume_execution("full", home)
assert result.status == "Succeeded", result.failure_reason
assert result.step("small").attempts == 1
print(len(Store(home.store).get("s3://lab/runs/full/big/data/x")))
"""


def can_mount() -> bool:
    try:
        return subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not can_mount(), reason="this system gives no private mount namespace")
def test_a_full_disk_is_named_and_a_resume_goes_on_after_space_was_made(
    lab: Any, tmp_path: Path
) -> None:
    write = "open(ml / 'processing/output/data/x', 'wb').write(bytes({}))"
    steps = (
        lab.processing("small", write.format(1000), outputs=["data"]),
        lab.processing("big", write.format(6 * 2**20), outputs=["data"], depends_on=("small",)),
    )
    (tmp_path / "definition.json").write_bytes(definition_bytes(Definition(steps=steps)))
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=10m tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    arguments = [str(disk), sys.executable, FULL_DISK, str(tmp_path / "definition.json")]
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "No space left on device" in done.stdout
    assert "no space is left on the disk" in done.stdout
    assert done.stdout.endswith(f"{6 * 2**20}\n")


def test_everything_that_cannot_run_here_is_named_before_anything_starts(lab: Any) -> None:
    strange = lab.processing("strange", "")
    application = {**strange.arguments["AppSpecification"], "ImageUri": "example.com/own:1"}
    strange = replace(strange, arguments={**strange.arguments, "AppSpecification": application})
    with pytest.raises(UnsupportedError) as caught:
        lab.run(
            lab.processing("fine", ""),
            Step("search", "Tuning", {}),
            strange,
            Step("call", "Lambda", {}, extra={"FunctionArn": "arn:aws:lambda:r:1:function:f"}),
            Step("ask", "Callback", {}, extra={"SqsQueueUrl": "https://sqs/1/jobs"}),
            lab.processing("late", "", depends_on=("fine",), triggers={"fine": "Failed"}),
        )
    text = str(caught.value)
    assert "steps.search: a step of type 'Tuning' cannot run on this machine." in text
    assert "steps.strange.ImageUri: nothing on this machine stands in for the image" in text
    assert "steps.call: there is no handler for the Lambda function 'f'. Write" in text
    assert "steps.ask: no handler in this process answers the queue 'jobs'" in text
    assert "steps.late.DependsOn: it runs when 'fine' ends as 'Failed'" in text
    assert len(caught.value.problems) == 5
    assert not lab.home.executions.exists()
    assert not lab.home.journal.exists()


def test_missing_data_is_named_with_the_place_for_a_sample(lab: Any) -> None:
    with pytest.raises(DataError) as caught:
        lab.run(
            lab.processing("a", "", inputs={"rows": Get("Parameters.Data")}),
            parameters=[Parameter("Data", "String", "s3://lake/tickets/")],
        )
    place = lab.store.root / "lake/tickets"
    assert str(caught.value) == (
        "steps.a.inputs.rows: the local store has nothing at s3://lake/tickets/. "
        f"Copy a sample to {place}."
    )


def test_a_sample_copied_to_that_place_is_found(lab: Any) -> None:
    place = lab.home.store / "lake/tickets"
    place.mkdir(parents=True)
    (place / "x.jsonl").write_text("{}")
    code = "assert os.listdir(ml / 'processing/input/rows') == ['x.jsonl']"
    result = lab.run(lab.processing("a", code, inputs={"rows": "s3://lake/tickets/"}))
    assert result.status == "Succeeded", result.failure_reason


def test_all_problems_of_parameters_are_named_at_once(lab: Any) -> None:
    with pytest.raises(InputError) as caught:
        lab.run(
            lab.processing("a", ""),
            parameters=[
                Parameter("Rows", "Integer"),
                Parameter("Rate", "Float", 0.5),
                Parameter("Mode", "String", "fast", enum=("fast", "slow")),
            ],
            given={"Rate": "quick", "Mode": "mad", "Rwos": "3"},
        )
    assert str(caught.value).splitlines() == [
        "parameters.Rwos: there is no such parameter. Did you mean 'Rows'?",
        "parameters.Rows: it has no default and no value. Give one with --param Rows=VALUE.",
        "parameters.Rate: expected a number, found 'quick'.",
        "parameters.Mode: 'mad' is not one of 'fast', 'slow'.",
    ]


def test_keys_that_leave_the_store_are_all_named_before_anything_starts(lab: Any) -> None:
    reads = lab.processing("reads", "", inputs={"rows": "s3://b/../../etc/passwd"})
    trains = lab.training("trains", "", checkpoints="s3://b/x/../../y")
    writes = lab.processing("writes", "", outputs=["data"])
    output = writes.arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    output["S3Uri"] = "s3://b/a/../../../x"
    with pytest.raises(KeyOutsideStoreError) as caught:
        lab.run(reads, trains, writes)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["steps.reads", "steps.trains", "steps.writes"]
    assert all("the key would leave its bucket" in line for line in lines)
    assert not lab.home.root.exists()


def test_a_path_outside_of_opt_ml_is_refused_before_anything_starts(lab: Any) -> None:
    step = lab.processing("a", "", outputs=["data"])
    outputs = {
        "Outputs": [{"OutputName": "x", "S3Output": {"S3Uri": "s3://lab/x", "LocalPath": "/etc"}}]
    }
    step = replace(step, arguments={**step.arguments, "ProcessingOutputConfig": outputs})
    with pytest.raises(UnsupportedError, match=r"'/etc'.*does not lie under /opt/ml"):
        lab.run(step)


def test_a_relative_home_works(lab: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    lab.home = type(lab.home)(Path("here"))
    code = "(ml / 'processing/output/data/x').write_text('here')"
    result = lab.run(lab.processing("a", code, outputs=["data"]))
    assert result.status == "Succeeded", result.failure_reason
    assert lab.text(result, "a", "data", "x") == "here"


@pytest.mark.parametrize("name", ["../../outside", "a/b", "", ".lock"])
def test_a_step_whose_name_is_no_folder_is_refused(lab: Any, name: str) -> None:
    with pytest.raises(DefinitionError, match="cannot be a step's name"):
        lab.run(lab.processing(name, ""))
    assert not lab.home.root.exists()


def test_a_lambda_name_does_not_lead_out_of_its_folder(lab: Any) -> None:
    lab.home.lambdas.mkdir(parents=True)
    (lab.home.root / "evil.py").write_text("def handler(event, context): return {}")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:../evil"
    with pytest.raises(UnsupportedError, match="no handler for the Lambda function"):
        lab.run(Step("call", "Lambda", {}, extra={"FunctionArn": arn}))


def test_a_pipe_and_a_compressed_channel_are_named(lab: Any) -> None:
    step = lab.training("a", "", inputs={"train": "s3://lab/in"})
    channel = {**step.arguments["InputDataConfig"][0], "InputMode": "Pipe"}
    channel["CompressionType"] = "Gzip"
    step = replace(step, arguments={**step.arguments, "InputDataConfig": [channel]})
    with pytest.raises(UnsupportedError) as caught:
        lab.run(step)
    assert [problem.where for problem in caught.value.problems] == [
        "steps.a.InputDataConfig[0].InputMode",
        "steps.a.InputDataConfig[0].CompressionType",
    ]
