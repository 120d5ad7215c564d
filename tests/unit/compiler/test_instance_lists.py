"""A list of instance types: the first with capacity is taken, so nothing may depend on which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.compiler.environment import Environment

SPEC = """\
steps:
  clean: {kind: processing, script: ./clean.py, instance_type: [ml.m5.xlarge, ml.m6i.xlarge]}
  sft:
    kind: train
    objective: sft
    model_name_or_path: s3://acme/model/
    data: s3://acme/rows/
    instance_count: 2
    instance_type: TYPES
"""


@pytest.fixture
def steps(project: Any, steps_of: Any, prod: Environment) -> Callable[[str], dict[str, Any]]:
    """Compile the spec with these types for an account that has a key."""

    def compiled(types: str) -> dict[str, Any]:
        found: dict[str, Any] = steps_of(project.compile(SPEC.replace("TYPES", types), prod))
        return found

    return compiled


def test_a_list_becomes_instance_preferences_in_its_order(
    steps: Callable[[str], dict[str, Any]], prod: Environment
) -> None:
    compiled = steps("[ml.g5.2xlarge, ml.g6.2xlarge]")
    assert compiled["sft"].arguments["ResourceConfig"] == {
        "InstancePreferences": [
            {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2},
            {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 2},
        ],
        "VolumeSizeInGB": 30,
    }
    assert compiled["sft"].arguments["EnableManagedSpotTraining"] is False
    cluster = compiled["clean"].arguments["ProcessingResources"]["ClusterConfig"]
    assert [one["InstanceType"] for one in cluster["InstancePreferences"]] == [
        "ml.m5.xlarge",
        "ml.m6i.xlarge",
    ]
    assert cluster["VolumeKmsKeyId"] == prod.kms_key_id


@pytest.mark.parametrize(
    ("types", "what"),
    [
        ("[ml.g5.2xlarge, ml.m5.xlarge]", "with and without GPUs, which need different images"),
        ("[ml.g5.2xlarge, ml.p3.2xlarge]", "with and without NVMe disks, which take no volume key"),
    ],
    ids=["images", "volume keys"],
)
def test_a_list_of_two_sorts_is_refused(
    steps: Callable[[str], dict[str, Any]], types: str, what: str
) -> None:
    with pytest.raises(SpecError) as caught:
        steps(types)
    told = f"steps.sft.instance_type: the list has instances {what}. List instances of one sort."
    assert told in str(caught.value)


def test_a_list_and_spot_exclude_each_other_and_either_is_offered(
    steps: Callable[[str], dict[str, Any]],
) -> None:
    with pytest.raises(SpecError) as caught:
        steps("[ml.g5.2xlarge, ml.g6.2xlarge]\n    spot: true")
    assert str(caught.value).partition("instance_type: ")[2] == (
        "a list lets SageMaker take what has capacity, which it does on demand only, and "
        "`spot: true` is given. Write `instance_type: ml.g5.2xlarge`, or remove `spot`."
    )


def test_more_than_five_are_refused(steps: Callable[[str], dict[str, Any]]) -> None:
    with pytest.raises(SpecError, match=r"steps\.sft\.instance_type"):
        steps(f"[{', '.join(f'ml.g5.{size}xlarge' for size in (2, 4, 8, 12, 24, 48))}]")
