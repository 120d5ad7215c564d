"""What a definition and a step's code hold for trackers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.catalog import trackers
from orchestrator.compiler.environment import LOCAL
from orchestrator.compiler.tracking import trackers_can_be_reached
from orchestrator.spec.findings import Findings

if TYPE_CHECKING:
    from orchestrator.compiler.assets import Asset
    from orchestrator.compiler.compile import Compiled
    from orchestrator.compiler.environment import Environment

ROOT = Path(__file__).parents[3]
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-app/app-ABC"


def spec(**fields: Any) -> str:
    step = {
        "kind": "train",
        "objective": "sft",
        "model": "s3://models/base/",
        "data": "./rows",
        **fields,
    }
    return f"steps: {json.dumps({'sft': step})}\n"


def code_of(compiled: Compiled) -> dict[str, bytes]:
    """Return the bytes of the training's code."""

    def files(asset: Asset) -> dict[str, bytes]:
        return {name: data for name, data in asset.files.items() if isinstance(data, bytes)}

    (found,) = (files(asset) for asset in compiled.assets if "config.json" in asset.files)
    return found


def settings_of(compiled: Compiled) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(code_of(compiled)["config.json"])["settings"]
    return found


def requirements_of(compiled: Compiled) -> list[str]:
    return code_of(compiled).get("requirements.txt", b"").decode().splitlines()


def test_a_training_that_reports_nowhere_is_the_one_it_was_before(project: Any) -> None:
    silent, unset = (project.compile(spec(**fields)) for fields in ({"report_to": "none"}, {}))
    assert silent.json == unset.json
    assert not {"report_to", "tracking_uri", "project", "run_name"} & set(settings_of(silent))
    assert requirements_of(silent) == []


def test_settings_name_the_trackers_and_the_pipeline(project: Any) -> None:
    settings = settings_of(project.compile(spec(report_to=["mlflow", "mlflow", "tensorboard"])))
    assert settings["report_to"] == ["mlflow", "tensorboard"]
    assert settings["project"] == "demo"
    assert settings["run_name"] is None
    own = project.compile(spec(report_to="mlflow", experiment_name="team", run_name="first try"))
    assert settings_of(own)["project"] == "team"
    assert settings_of(own)["run_name"] == "first try"


def test_a_folder_is_relative_to_the_spec_and_absolute_in_the_job(project: Any) -> None:
    compiled = project.compile(spec(report_to="mlflow", tracking_uri="./runs/../mlruns"))
    assert settings_of(compiled)["tracking_uri"] == str(project.folder / "mlruns")


def test_tensorboard_s_files_lie_beside_the_job_s_model(
    project: Any, arguments_of: Any, prod: Environment
) -> None:
    compiled = project.compile(spec(report_to="tensorboard"), prod)
    found = arguments_of(compiled, "sft")
    assert found["TensorBoardOutputConfig"] == {
        "LocalPath": "/opt/ml/output/tensorboard",
        "S3OutputPath": found["OutputDataConfig"]["S3OutputPath"],
    }
    assert requirements_of(compiled) == []
    mlflow = project.compile(spec(report_to="mlflow", tracking_uri=ARN), prod)
    assert "TensorBoardOutputConfig" not in arguments_of(mlflow, "sft")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"report_to": "mlflow", "tracking_uri": "https://mlflow.acme.com"}, [trackers.MLFLOW]),
        (
            {"report_to": "mlflow", "tracking_uri": ARN},
            [trackers.MLFLOW, trackers.MLFLOW_ON_SAGEMAKER],
        ),
        ({"report_to": "wandb"}, [trackers.WANDB]),
        ({"report_to": ["wandb", "mlflow"]}, [trackers.MLFLOW, trackers.WANDB]),
    ],
)
def test_the_library_that_the_image_lacks_is_required_at_the_version_tested(
    project: Any, fields: dict[str, Any], wanted: list[str]
) -> None:
    assert requirements_of(project.compile(spec(**fields))) == wanted


def test_the_user_s_requirements_come_first_and_may_choose_another_version(project: Any) -> None:
    project.write(own_txt="")
    (project.folder / "own.txt").write_text("numpy==2.4.6\nMLflow == 3.1.0", encoding="utf-8")
    compiled = project.compile(spec(report_to=["mlflow", "wandb"], requirements="./own.txt"))
    assert requirements_of(compiled) == ["numpy==2.4.6", "MLflow == 3.1.0", trackers.WANDB]


def test_required_versions_are_those_that_tests_run_with() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert set(trackers.BRINGS) <= set(pins)


def reached(project: Any, where: Environment, **fields: Any) -> Findings:
    findings = Findings(None, {})
    trackers_can_be_reached(project.plan(spec(**fields)), where, findings)
    return findings


def test_mlflow_without_a_server_is_refused_where_there_is_no_this_machine(
    project: Any, prod: Environment
) -> None:
    (problem,) = reached(project, prod, report_to="mlflow").problems
    assert str(problem).endswith(
        "steps.sft.report_to: MLflow needs a server where 'prod' runs, and none is named. Write "
        "`tracking_uri:` with https://HOST or the ARN of MLflow on SageMaker, here or under "
        "environments.prod.defaults.train of fmo.yaml."
    )
    (problem,) = reached(project, prod, report_to="mlflow", tracking_uri="./mlruns").problems
    assert "steps.sft.tracking_uri: './mlruns' is a folder of this machine" in str(problem)
    assert not reached(project, prod, report_to="mlflow", tracking_uri=ARN).problems


def test_a_network_that_is_cut_off_is_warned_of_and_tensorboard_needs_none(
    project: Any, prod: Environment
) -> None:
    fields = {"report_to": ["tensorboard", "mlflow", "wandb"], "tracking_uri": ARN}
    warnings = [str(warning) for warning in reached(project, prod, **fields).warnings]
    assert len(warnings) == 2
    assert "'prod' cuts jobs off from every network: nothing gets to mlflow" in warnings[0]
    assert "Write `report_to: tensorboard`, or let each environment" in warnings[0]
    assert "nothing gets to wandb" in warnings[1]


def test_wandb_without_a_key_is_warned_of(project: Any, prod: Environment) -> None:
    dev = replace(prod, network_isolation=False)
    (warning,) = reached(project, dev, report_to="wandb").warnings
    assert "the job gets no WANDB_API_KEY" in str(warning)
    assert "`environment: {WANDB_API_KEY: $secrets.NAME}`" in str(warning)
    for given in ({"WANDB_API_KEY": "$secrets.wandb"}, {"WANDB_MODE": "offline"}):
        assert not reached(project, dev, report_to="wandb", environment=given).warnings


def test_another_job_than_a_training_needs_nothing(project: Any) -> None:
    text = "steps: {rows: {kind: dataset, data: ./rows}}"
    assert "report_to" not in settings_of(project.compile(text, LOCAL))
