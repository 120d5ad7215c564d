"""What `$registry.GROUP.approved` and a gate on the champion compile to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import SpecError

SPEC = """
steps:
  split: {kind: dataset, data: ./rows}
  sft: {kind: train, objective: sft, model_name_or_path: s3://models/base/, data: $split}
  exam:
    kind: evaluate
    model: $sft
    data: $split.test
    champion: $registry.support.approved
    gates: {min: {champion.difference.accuracy: 0}}
  publish: {kind: register, model: $exam.model, model_package_group_name: support}
"""


def test_readers_take_the_address_from_the_file_of_the_step_that_asks(
    project: Any, steps_of: Any, arguments_of: Any
) -> None:
    compiled = project.compile(SPEC)
    asking = steps_of(compiled)["approved-support"]
    assert asking.cache is None
    assert asking.arguments["Environment"] == {"FMO_MODEL_PACKAGE_GROUP": "support"}
    assert steps_of(compiled)["exam"].cache is None
    inputs = {
        entry["InputName"]: entry["S3Input"]["S3Uri"]
        for entry in arguments_of(compiled, "exam")["ProcessingInputs"]
    }
    assert inputs["champion"]["Std:JsonGet"] == {
        "PropertyFile": {"Get": "Steps.approved-support.PropertyFiles.approved"},
        "Path": "$.model_uri",
    }
    (file,) = asking.property_files
    assert (file.output_name, file.path) == ("approved", "approved.json")


def test_a_bound_on_the_champion_holds_while_there_is_none(project: Any, steps_of: Any) -> None:
    compiled = project.compile(SPEC)
    (condition,) = steps_of(compiled)["exam-gate"].conditions
    smoke, absent, bound = condition["Conditions"]
    assert smoke["LeftValue"] == {"Get": "Parameters.Smoke"}
    assert absent["LeftValue"]["Std:JsonGet"]["Path"] == "$['champion.found']"
    assert (absent["Type"], absent["RightValue"]) == ("Equals", 0)
    assert bound["Type"] == "GreaterThanOrEqualTo"


def test_the_job_is_told_which_metrics_must_be_there_all_the_same(project: Any) -> None:
    configs = [
        json.loads(asset.files["config.json"])
        for asset in project.compile(SPEC).assets
        if "config.json" in asset.files
    ]
    (exam,) = (config for config in configs if config["step"] == "exam")
    assert exam["settings"]["champion_metrics"] == ["champion.difference.accuracy"]


def test_a_champion_at_a_fixed_address_is_always_there(project: Any, steps_of: Any) -> None:
    compiled = project.compile(SPEC.replace("$registry.support.approved", "s3://models/now/"))
    (condition,) = steps_of(compiled)["exam-gate"].conditions
    assert len(condition["Conditions"]) == 2
    assert "approved-support" not in steps_of(compiled)


def test_jobs_without_a_network_cannot_ask_the_registry(project: Any, prod: Any) -> None:
    with pytest.raises(SpecError) as caught:
        project.compile(SPEC, prod)
    assert [str(problem) for problem in caught.value.problems] == [
        "steps.exam.champion: a job asks the model registry, and environment 'prod' cuts its jobs "
        "off from it. Write the model's s3:// address, or remove `network_isolation: true`."
    ]


def test_the_card_tells_whether_there_was_a_champion(project: Any, arguments_of: Any) -> None:
    content = arguments_of(project.compile(SPEC), "publish")["ModelCard"]["ModelCardContent"]
    pieces = content["Std:Join"]["Values"]
    text = "".join(piece if isinstance(piece, str) else "1" for piece in pieces)
    (exam,) = json.loads(text)["evaluation_details"]
    names = [datum["name"] for datum in exam["metric_groups"][0]["metric_data"]]
    assert names == ["champion.difference.accuracy", "champion.found"]
