"""Pipelines of the real SageMaker SDK. Run by `make sdk-test`, where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sagemaker.core", reason="needs the SageMaker SDK: make sdk-test")

from orchestrator.definition.model import definition_bytes
from orchestrator.definition.reader import parse_definition
from orchestrator.errors import DefinitionError
from orchestrator.interop.sagemaker_sdk import from_sdk, to_sdk
from orchestrator.python.sdk import local_session, run_sdk

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sdk.md"
GOLDEN = sorted((ROOT / "tests" / "golden" / "expected").glob("*.json"))
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
ROLE = "arn:aws:iam::000000000000:role/fmo-local"
PREPARE = """
import json, pathlib, sys
folder = pathlib.Path("/opt/ml/processing/output/data")
rows = [{"text": "word " * number} for number in range(int(sys.argv[1]))]
(folder / "rows.jsonl").write_text("".join(json.dumps(row) + chr(10) for row in rows))
"""
WRITE = """
import pathlib, sys
pathlib.Path("/opt/ml/processing/output/rows/topic.txt").write_text(sys.argv[1])
"""
TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
given = parser.parse_args()
data = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.jsonl").read_text().splitlines()
told = {"rows": len(data), "epochs": given.epochs}
pathlib.Path(os.environ["SM_MODEL_DIR"], "metrics.json").write_text(json.dumps(told))
"""


@pytest.fixture
def session(tmp_path: Path) -> Any:
    return local_session(tmp_path / "home")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_definition_comes_back_from_the_sdk_to_the_byte(path: Path, session: Any) -> None:
    pipeline = to_sdk(parse_definition(path.read_bytes()), path.stem, session)
    assert pipeline.definition().encode() == path.read_bytes()
    assert pipeline.definition() == pipeline.definition()
    assert definition_bytes(from_sdk(pipeline)) == path.read_bytes()


def golden(name: str) -> Any:
    (path,) = (path for path in GOLDEN if path.name == name)
    return parse_definition(path.read_bytes())


def test_parameters_and_steps_are_objects_of_the_sdk(session: Any) -> None:
    from sagemaker.core.workflow.parameters import Parameter
    from sagemaker.mlops.workflow.steps import Step

    pipeline = to_sdk(golden("support_sft.prod.json"), "support", session)
    assert all(isinstance(one, Parameter) for one in pipeline.parameters)
    assert all(isinstance(one, Step) for one in pipeline.steps)
    smoke = next(one for one in pipeline.parameters if one.name == "Smoke")
    assert smoke.expr == {"Get": "Parameters.Smoke"}


def test_a_step_of_the_sdk_may_read_what_a_step_of_ours_makes(session: Any) -> None:
    from sagemaker.mlops.workflow.fail_step import FailStep

    pipeline = to_sdk(golden("processing.prod.json"), "words", session)
    first = pipeline.steps[0]
    made = first.properties.ProcessingOutputConfig.Outputs["rows"].S3Output.S3Uri
    pipeline.steps.append(FailStep("no", error_message=made, depends_on=[first]))
    before, after = golden("processing.prod.json"), from_sdk(pipeline)
    assert after.steps[:-1] == before.steps
    assert after.steps[-1].depends_on == (first.name,)
    text = json.dumps(after.steps[-1].arguments)
    assert f"Steps.{first.name}.ProcessingOutputConfig.Outputs['rows']" in text


def test_what_is_wrong_in_a_pipeline_of_the_sdk_is_told_as_in_ours(session: Any) -> None:
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline

    unknown = ParameterString("Unknown", default_value="a")
    pipeline = Pipeline(
        "p", steps=[FailStep("no", error_message=unknown)], sagemaker_session=session
    )
    with pytest.raises(DefinitionError, match="there is no parameter 'Unknown'"):
        from_sdk(pipeline)


def sdk_built(session: Any, folder: Path) -> Any:
    """Return a ScriptProcessor and a ModelTrainer that reads what it makes."""
    from sagemaker.core.processing import ScriptProcessor
    from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
    from sagemaker.core.workflow.functions import Join
    from sagemaker.core.workflow.parameters import ParameterInteger
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
    from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode
    from sagemaker.train.model_trainer import ModelTrainer

    (folder / "src").mkdir()
    (folder / "src" / "train.py").write_text(TRAIN)
    (folder / "prepare.py").write_text(PREPARE)
    rows = ParameterInteger("Rows", default_value=4)
    processor = ScriptProcessor(
        image_uri=IMAGE, command=["python3"], role=ROLE, instance_count=1,
        instance_type="ml.m5.large", sagemaker_session=session,
    )  # fmt: skip
    output = ProcessingS3Output(
        s3_uri="s3://fmo-local/data", local_path="/opt/ml/processing/output/data",
        s3_upload_mode="EndOfJob",
    )  # fmt: skip
    prepared = ProcessingStep(
        "Prepare",
        step_args=processor.run(
            code=str(folder / "prepare.py"),
            outputs=[ProcessingOutput(output_name="data", s3_output=output)],
            arguments=[Join("", [rows])],
        ),
    )
    trainer = ModelTrainer(
        training_image=IMAGE, role=ROLE, sagemaker_session=session, base_job_name="train",
        source_code=SourceCode(source_dir=str(folder / "src"), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path="s3://fmo-local/models"),
        hyperparameters={"epochs": 3},
    )  # fmt: skip
    data = prepared.properties.ProcessingOutputConfig.Outputs["data"].S3Output.S3Uri
    channel = InputData(channel_name="train", data_source=data)
    trained = TrainingStep("Train", step_args=trainer.train(input_data_config=[channel]))
    return Pipeline("words", [rows], steps=[prepared, trained], sagemaker_session=session)


def test_a_pipeline_that_the_sdk_built_runs_on_this_machine(session: Any, tmp_path: Path) -> None:
    pipeline = sdk_built(session, tmp_path)
    result = run_sdk(pipeline, parameters={"Rows": 7}, home=tmp_path / "home")
    failed = [(step.name, step.failure_reason) for step in result.steps if step.failure_reason]
    assert (result.status, failed) == ("Succeeded", [])
    assert result["Train"].metrics == {"rows": 7, "epochs": 3}
    assert [step.type for step in result.steps] == ["Processing", "Training"]


def test_the_sdk_deploys_and_starts_a_definition_of_ours() -> None:
    import boto3
    import moto
    from sagemaker.core.workflow.pipeline_context import PipelineSession

    with moto.mock_aws():
        boto = boto3.Session("key", "secret", region_name="us-east-1")
        boto.client("s3").create_bucket(Bucket="acme")
        off = {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}
        session = PipelineSession(
            boto_session=boto, default_bucket="acme",
            sagemaker_config={"SchemaVersion": "1.0", "SageMaker": off},
        )  # fmt: skip
        definition = golden("processing.prod.json")
        pipeline = to_sdk(definition, "words", session)
        pipeline.upsert(role_arn=ROLE)
        pipeline.upsert(role_arn=ROLE)
        told = boto.client("sagemaker").describe_pipeline(PipelineName="words")
        assert told["PipelineDefinition"].encode() == definition_bytes(definition)
        execution = pipeline.start(parameters={"Smoke": True})
        assert ":pipeline/words/execution/" in execution.arn


def test_without_a_region_the_error_says_what_to_set() -> None:
    code = (
        "from orchestrator.interop.sagemaker_sdk import to_sdk\n"
        "from orchestrator.definition.model import Definition\n"
        "to_sdk(Definition(), 'p')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env={"AWS_CONFIG_FILE": "/dev/null", "HOME": "/nowhere"},
        text=True, capture_output=True, check=False,
    )  # fmt: skip
    told = ended.stderr.splitlines()[-1]
    assert told == (
        "orchestrator.errors.RegionError: sagemaker: the SageMaker SDK cannot be imported where no "
        "region is set. Set AWS_DEFAULT_REGION, such as AWS_DEFAULT_REGION=us-east-1."
    )


def test_the_programs_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "docs" / "commands" / "example", tmp_path, dirs_exist_ok=True)
    (tmp_path / "write.py").write_text(WRITE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FMO_HOME", raising=False)
    names: dict[str, Any] = {}
    for program in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(program, names)  # noqa: S102 - our own page
    assert names["result"]["Write"].path("rows").joinpath("topic.txt").read_text() == "refunds"
    assert (tmp_path / "words.json").is_file()
    assert names["theirs"].definition().encode() == names["ours"].compile("dev")
