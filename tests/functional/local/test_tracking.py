"""What a training writes for TensorBoard, and where trackers keep what has no server."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.commands.executions import tensorboard_folder, tracked_runs
from orchestrator.definition.expressions import Get, Join
from orchestrator.definition.model import Cache
from orchestrator.errors import StoreError
from orchestrator.local.run import resume_execution

OUTPUT = {
    "LocalPath": "/opt/ml/output/tensorboard",
    "S3OutputPath": Join("/", ["s3://lab/runs", Get("Execution.PipelineExecutionId"), "a"]),
}
WRITES = """
    curves = ml / 'output/tensorboard/events.out.tfevents.1.host'
    curves.write_text('first')
    (ml / 'model/weights').write_text('w')
"""


def uri(result: Any) -> str:
    job = f"pipelines-{result.execution_id}-a"
    return f"s3://lab/runs/{result.execution_id}/a/{job}/tensorboard-output/"


def test_event_files_lie_in_the_store_where_sagemaker_puts_them(lab: Any) -> None:
    result = lab.run(lab.training("a", WRITES, tensorboard=OUTPUT))
    assert result.step("a").outputs["tensorboard"] == uri(result)
    assert lab.text(result, "a", "tensorboard", "events.out.tfevents.1.host") == "first"
    assert tensorboard_folder(result, lab.home) == lab.store.folder(uri(result))


def test_event_files_can_be_seen_while_the_job_runs(lab: Any) -> None:
    seen = "raise SystemExit(not list(pathlib.Path(sys.argv[1]).rglob('events*')))"
    # The job itself looks, from outside its own folder.
    code = f"{WRITES}\n    sys.argv = ['', {str(lab.home.store)!r}]\n    {seen}"
    assert lab.run(lab.training("a", code, tensorboard=OUTPUT)).status == "Succeeded"


def test_a_resumed_step_goes_on_in_the_same_folder(lab: Any) -> None:
    code = """
        curves = ml / 'output/tensorboard'
        before = len(list(curves.iterdir()))
        (curves / f'events.{before}').write_text('')
        (ml / 'model/weights').write_text('w')
        if not before:
            os.kill(os.getpid(), 9)
    """
    first = lab.run(lab.training("a", code, tensorboard=OUTPUT))
    assert first.status == "Failed"
    again = resume_execution(first.execution_id, lab.home)
    assert again.status == "Succeeded"
    names = [item.uri.rpartition("/")[2] for item in lab.store.list(uri(again))]
    assert names == ["events.0", "events.1"]


def test_where_event_files_go_is_no_part_of_the_cache_key(lab: Any) -> None:
    step = lab.training("a", WRITES, tensorboard=OUTPUT, cache=Cache(enabled=True))
    first = lab.run(step)
    second = lab.run(step)
    assert second.step("a").cached
    assert second.step("a").outputs == first.step("a").outputs


def test_event_files_that_would_leave_the_store_are_refused_before_anything_starts(
    lab: Any,
) -> None:
    step = lab.training("a", WRITES, tensorboard={"S3OutputPath": "s3://lab/x/../../y"})
    with pytest.raises(StoreError, match="would leave its bucket"):
        lab.run(step)
    assert not lab.events


def test_an_execution_without_tensorboard_has_no_folder_of_curves(lab: Any) -> None:
    result = lab.run(lab.training("a", "(ml / 'model/weights').write_text('w')"))
    assert tensorboard_folder(result, lab.home) is None


def test_a_job_knows_where_trackers_keep_runs_on_this_machine(lab: Any) -> None:
    code = "(ml / 'model/kept').write_text(os.environ['FMO_TRACKING_DIR'])"
    result = lab.run(lab.training("a", code))
    assert lab.text(result, "a", "model", "kept") == str(lab.home.root / "tracking")


def test_where_a_tracker_has_its_run_is_taken_from_the_log(lab: Any) -> None:
    code = """
    (ml / 'model/weights').write_text('w')
    print("wandb: project 'words', run 'first', https://wandb.example/words/1", flush=True)
    print("mlflow: experiment 'words', run 'first', /home/me/mlruns")
    print("mlflow: a warning of its own")
    """
    result = lab.run(lab.training("a", code))
    assert list(tracked_runs(result)) == [
        "a in wandb: project 'words', run 'first', https://wandb.example/words/1",
        "a in mlflow: experiment 'words', run 'first', /home/me/mlruns",
    ]
