"""What each kind of step compiles to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.errors import SpecError

PROCESSING = """
parameters:
  Rows: {type: Integer, default: 100}
steps:
  clean:
    kind: processing
    script: ./clean.py
    inputs: {rows: ./rows}
    outputs: {kept: jsonl, metrics: folder}
    arguments: {rows: $params.Rows, mode: strict, keep: true, share: 0.5}
    environment: {LEVEL: debug}
  more: {kind: processing, script: ./clean.py, inputs: {rows: $clean.kept}, outputs: {x: csv}}
"""
TRAIN = """
parameters:
  LearningRate: {type: Float, default: 2e-4}
  Instance: {type: String, default: ml.g5.2xlarge}
steps:
  split: {kind: dataset, data: ./rows}
  sft:
    kind: train
    objective: sft
    model_name_or_path: hf://org/base@0123456789012345678901234567890123456789
    data: $split
    learning_rate: $params.LearningRate
    instance_type: $params.Instance
    max_runtime_seconds: 3600
    spot: true
  exam: {kind: evaluate, model: $sft.model, data: $split.test, base_model: s3://models/base/}
"""


def joined(*values: Any, on: str = "") -> Any:
    return {"Std:Join": {"On": on, "Values": list(values)}}


SMOKE = joined(
    "--fmo_smoke=",
    {"Get": "Parameters.Smoke"},
    ",",
    {"Get": "Parameters.SmokeRows"},
    ",",
    {"Get": "Parameters.SmokeSteps"},
)


def test_a_processing_step_runs_the_launcher_with_the_script(
    project: Any, arguments_of: Any
) -> None:
    app = arguments_of(project.compile(PROCESSING), "clean")["AppSpecification"]
    assert app["ContainerEntrypoint"] == ["python3", "/opt/ml/processing/input/code/launch.py"]
    assert app["ContainerArguments"] == [
        "clean.py",
        "--keep=true",
        "--mode=strict",
        joined("--rows", {"Get": "Parameters.Rows"}, on="="),
        "--share=0.5",
        SMOKE,
    ]


def test_inputs_and_outputs_lie_under_the_processing_folder(
    project: Any, arguments_of: Any
) -> None:
    compiled = project.compile(PROCESSING)
    found = arguments_of(compiled, "clean")
    places = {i["InputName"]: i["S3Input"]["LocalPath"] for i in found["ProcessingInputs"]}
    assert places == {
        "code": "/opt/ml/processing/input/code",
        "rows": "/opt/ml/processing/input/rows",
    }
    outputs = found["ProcessingOutputConfig"]["Outputs"]
    assert {o["OutputName"]: o["S3Output"]["LocalPath"] for o in outputs} == {
        "kept": "/opt/ml/processing/output/kept",
        "metrics": "/opt/ml/processing/output/metrics",
    }
    assert {o["S3Output"]["S3UploadMode"] for o in outputs} == {"EndOfJob"}


def test_outputs_live_under_the_execution(project: Any, arguments_of: Any) -> None:
    outputs = arguments_of(project.compile(PROCESSING), "clean")["ProcessingOutputConfig"]
    assert outputs["Outputs"][0]["S3Output"]["S3Uri"] == joined(
        "s3://fmo-local/fmo/executions/demo",
        {"Get": "Execution.PipelineExecutionId"},
        "clean/kept",
        on="/",
    )


def test_a_reader_asks_the_step_for_its_output(project: Any, arguments_of: Any) -> None:
    rows = arguments_of(project.compile(PROCESSING), "more")["ProcessingInputs"][1]["S3Input"]
    path = "Steps.clean.ProcessingOutputConfig.Outputs['kept'].S3Output.S3Uri"
    assert rows["S3Uri"] == {"Get": path}


def test_environment_variables_are_passed_on(project: Any, arguments_of: Any) -> None:
    assert arguments_of(project.compile(PROCESSING), "clean")["Environment"] == {"LEVEL": "debug"}
    assert "Environment" not in arguments_of(project.compile(PROCESSING), "more")


def test_an_output_metrics_is_a_property_file(project: Any, steps_of: Any) -> None:
    steps = steps_of(project.compile(PROCESSING))
    (file,) = steps["clean"].property_files
    assert (file.name, file.output_name, file.path) == ("metrics", "metrics", "metrics.json")
    assert steps["more"].property_files == ()


def config(compiled: Any, arguments_of: Any, step: str) -> Any:
    found = arguments_of(compiled, step)
    if "ProcessingInputs" in found:
        uri = found["ProcessingInputs"][0]["S3Input"]["S3Uri"]
    else:
        uri = found["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    (asset,) = (asset for asset in compiled.assets if asset.uri == uri)
    return json.loads(asset.files["config.json"])


def test_settings_hold_neither_job_fields_nor_locations_nor_parameters(
    project: Any, arguments_of: Any
) -> None:
    found = config(project.compile(TRAIN), arguments_of, "sft")
    assert (found["kind"], found["step"], found["script"]) == ("train", "sft", "sft.py")
    settings = found["settings"]
    assert settings["lora_r"] == 16
    assert settings["objective"] == "sft"
    gone = {"data", "model_name_or_path", "learning_rate", "spot", "instance_type", "retries"}
    assert not gone & set(settings)


def test_a_users_arguments_are_settings_too(project: Any, arguments_of: Any) -> None:
    found = config(project.compile(PROCESSING), arguments_of, "clean")
    assert found["settings"] == {"keep": True, "mode": "strict", "share": 0.5}


def test_a_training_step_reads_channels_and_saves_the_model_uncompressed(
    project: Any, arguments_of: Any
) -> None:
    found = arguments_of(project.compile(TRAIN), "sft")
    algorithm = found["AlgorithmSpecification"]
    assert algorithm["ContainerEntrypoint"] == ["python3", "/opt/ml/input/data/code/launch.py"]
    assert algorithm["ContainerArguments"] == [
        "sft.py",
        joined("--learning_rate", {"Get": "Parameters.LearningRate"}, on="="),
        SMOKE,
    ]
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in found["InputDataConfig"]
    }
    assert list(channels) == ["code", "data", "model"]
    assert channels["model"] == (
        "s3://fmo-local/fmo/hub/org/base/0123456789012345678901234567890123456789/"
    )
    assert found["OutputDataConfig"]["CompressionType"] == "NONE"


def test_checkpoints_outlive_the_execution(project: Any, arguments_of: Any) -> None:
    assert arguments_of(project.compile(TRAIN), "sft")["CheckpointConfig"] == {
        "S3Uri": "s3://fmo-local/fmo/checkpoints/demo/sft",
        "LocalPath": "/opt/ml/checkpoints",
    }


def test_spot_training_may_wait_as_long_as_it_may_run(project: Any, arguments_of: Any) -> None:
    found = arguments_of(project.compile(TRAIN), "sft")
    assert found["EnableManagedSpotTraining"] is True
    assert found["StoppingCondition"] == {
        "MaxRuntimeInSeconds": 3600,
        "MaxWaitTimeInSeconds": 7200,
    }
    text = TRAIN.replace("seconds: 3600", "seconds: $params.Hours").replace(
        "parameters:", "parameters:\n  Hours: {type: Integer, default: 7200}"
    )
    hours = {"Get": "Parameters.Hours"}
    assert arguments_of(project.compile(text), "sft")["StoppingCondition"] == {
        "MaxRuntimeInSeconds": hours,
        "MaxWaitTimeInSeconds": hours,
    }
    text = TRAIN.replace("spot: true", "spot: false")
    assert "MaxWaitTimeInSeconds" not in str(arguments_of(project.compile(text), "sft"))


def test_an_instance_type_may_be_a_parameter(project: Any, arguments_of: Any) -> None:
    found = arguments_of(project.compile(TRAIN), "sft")
    assert found["ResourceConfig"]["InstanceType"] == {"Get": "Parameters.Instance"}
    assert "-gpu-" in found["AlgorithmSpecification"]["TrainingImage"]
    cpu = project.compile(TRAIN.replace("ml.g5.2xlarge", "ml.m5.2xlarge"))
    assert "-cpu-" in arguments_of(cpu, "sft")["AlgorithmSpecification"]["TrainingImage"]


def test_an_evaluation_reads_the_model_beside_its_base(project: Any, arguments_of: Any) -> None:
    inputs = arguments_of(project.compile(TRAIN), "exam")["ProcessingInputs"]
    uris = {found["InputName"]: found["S3Input"]["S3Uri"] for found in inputs}
    assert uris["model"] == {"Get": "Steps.sft.ModelArtifacts.S3ModelArtifacts"}
    assert uris["base_model"] == "s3://models/base/"


def test_a_description_is_one_line(project: Any, steps_of: Any) -> None:
    text = PROCESSING.replace(
        "kind: processing\n", "kind: processing\n    description: |\n      two\n      lines\n", 1
    )
    assert steps_of(project.compile(text))["clean"].description == "two lines"


def test_an_image_of_your_own_is_taken_as_it_is(project: Any, arguments_of: Any) -> None:
    text = PROCESSING.replace("script: ./clean.py\n", "script: ./clean.py\n    image_uri: mine:1\n")
    found = arguments_of(project.compile(text), "clean")
    assert found["AppSpecification"]["ImageUri"] == "mine:1"


def test_a_job_without_gpus_gets_an_image_with_what_its_script_imports(
    project: Any, arguments_of: Any
) -> None:
    text = TRAIN.replace("default: ml.g5.2xlarge", "default: ml.c5.9xlarge").replace(
        "kind: evaluate,", "kind: evaluate, instance_type: ml.c5.9xlarge,"
    )
    compiled = project.compile(text)
    split, sft, exam = (arguments_of(compiled, name) for name in ("split", "sft", "exam"))
    # Reading and splitting rows needs no transformers; training and generating do.
    assert "/pytorch-training:2.10.0-cpu-" in split["AppSpecification"]["ImageUri"]
    for image in (
        sft["AlgorithmSpecification"]["TrainingImage"],
        exam["AppSpecification"]["ImageUri"],
    ):
        assert "/huggingface-pytorch-inference:2.6.0-transformers5.5.3-cpu-" in image


def test_a_region_without_an_image_is_refused_for_every_step(project: Any, prod: Any) -> None:
    with pytest.raises(SpecError) as caught:
        project.compile(TRAIN, replace(prod, region="mars-north-1"))
    text = str(caught.value)
    assert "steps.sft.image_uri: there is no image huggingface-training-gpu" in text
    assert "steps.split.image_uri" in text


def test_retries_cover_the_service_and_the_job(project: Any, steps_of: Any) -> None:
    service, job = steps_of(project.compile(TRAIN))["sft"].retry_policies
    assert service.exception_types == ("Step.SERVICE_FAULT", "Step.THROTTLING")
    assert "SageMaker.CAPACITY_ERROR" in job.exception_types
    assert {service.max_attempts, job.max_attempts} == {2}
    none = project.compile(TRAIN.replace("spot: true", "retries: 0"))
    assert steps_of(none)["sft"].retry_policies == ()


def test_a_step_that_reads_what_can_change_has_no_cache(project: Any, steps_of: Any) -> None:
    def cached(text: str) -> set[str]:
        steps = steps_of(project.compile(text))
        return {name for name, step in steps.items() if step.cache}

    assert cached(TRAIN) == {"split", "sft"}  # exam reads s3://models/base/.
    assert "split" not in cached(TRAIN.replace("./rows", "s3://lake/rows/"))
    assert "sft" not in cached(TRAIN.replace("base@" + "0123456789" * 4, "base"))
    assert cached(PROCESSING) == {"clean", "more"}
    lake = PROCESSING.replace("type: Integer, default: 100", "type: S3Uri, default: s3://lake/")
    assert cached(lake) == {"more"}
    assert cached(lake.replace("./rows", "$params.Rows")) == {"more"}
    assert "clean" not in cached(
        PROCESSING.replace("rows: ./rows}", "rows: ./rows}\n    cache: false")
    )


def test_after_becomes_a_dependency(project: Any, steps_of: Any) -> None:
    steps = steps_of(project.compile(TRAIN.replace("spot: true", "after: [split]")))
    assert steps["sft"].depends_on == ("split",)
    assert steps["exam"].depends_on == ()


def test_every_model_of_the_hub_is_listed_once(project: Any) -> None:
    (found,) = project.compile(TRAIN).hub_models
    assert found.model.model_id == "org/base"
    assert found.uri.startswith("s3://fmo-local/fmo/hub/org/base/")


def test_a_parameter_may_not_leave_open_which_image_the_job_needs(project: Any) -> None:
    text = TRAIN.replace(
        "default: ml.g5.2xlarge}", "default: ml.g5.2xlarge, enum: [ml.g5.2xlarge, ml.m5.xlarge]}"
    )
    with pytest.raises(SpecError) as caught:
        project.compile(text)
    assert str(caught.value) == (
        "steps.sft.instance_type: the values of $params.Instance are instances with and without "
        "GPUs, which need different images. Narrow its enum, or use a parameter for each sort."
    )


def test_a_parameter_may_not_leave_open_whether_the_disk_takes_a_key(
    project: Any, prod: Any
) -> None:
    text = TRAIN.replace("ml.g5.2xlarge}", "ml.m5.xlarge, enum: [ml.m5.xlarge, ml.r5d.xlarge]}")
    project.compile(text)
    with pytest.raises(SpecError, match="with and without NVMe disks, which take no volume key"):
        project.compile(text, prod)


GENERATE = """
steps:
  write: {kind: generate, model: s3://models/base/, data: s3://rows/, spot: true}
  tidy: {kind: processing, script: ./clean.py, inputs: {rows: $write}, outputs: {x: csv}}
  again: {kind: generate, model: s3://models/base/, data: $write.data}
"""


def test_completions_are_a_folder_of_the_training_steps_model(
    project: Any, arguments_of: Any
) -> None:
    compiled = project.compile(GENERATE)
    rows = joined(
        {"Get": "Steps.write.OutputDataConfig.S3OutputPath"},
        "/",
        {"Get": "Steps.write.TrainingJobName"},
        "/output/model/data/",
    )
    inputs = arguments_of(compiled, "tidy")["ProcessingInputs"]
    assert inputs[1]["S3Input"]["S3Uri"] == rows
    channels = arguments_of(compiled, "again")["InputDataConfig"]
    found = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in channels}
    assert found["data"] == rows


def test_generating_has_spot_instances_and_checkpoints_as_training_has(
    project: Any, arguments_of: Any
) -> None:
    found = arguments_of(project.compile(GENERATE), "write")
    assert found["EnableManagedSpotTraining"] is True
    assert found["StoppingCondition"]["MaxWaitTimeInSeconds"] == 2 * 86_400
    assert found["CheckpointConfig"] == {
        "S3Uri": "s3://fmo-local/fmo/checkpoints/demo/write",
        "LocalPath": "/opt/ml/checkpoints",
    }
    assert [m["Name"] for m in found["AlgorithmSpecification"]["MetricDefinitions"]] == [
        "tokens_per_second"
    ]
