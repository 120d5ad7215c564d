"""What is read from the SDK's pipelines, from definitions that the SDK wrote once.

The objects of the SDK itself are tested by `make sdk-test`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.definition.model import Definition, definition_bytes, to_json, walk
from orchestrator.errors import DefinitionError, InputError
from orchestrator.interop.sagemaker_sdk import from_sdk, to_sdk

ORACLES = Path(__file__).parents[2] / "oracles"


@dataclass(frozen=True)
class Recorded:
    """A pipeline whose definition the SDK wrote once."""

    text: str
    name: str = "oracle"

    def definition(self) -> str:
        return self.text


def recorded(name: str) -> Recorded:
    document = json.loads((ORACLES / f"{name}.json").read_text(encoding="utf-8"))
    return Recorded(json.dumps(document["definition"]))


@pytest.mark.parametrize("name", ["jobs", "flow", "models", "checks"])
def test_a_pipeline_of_the_sdk_is_read_whole_but_for_its_nulls(name: str) -> None:
    pipeline = recorded(name)
    definition = from_sdk(pipeline)
    raw = json.loads(pipeline.text)
    assert raw["MlflowConfig"] is None
    assert to_json(definition)["Steps"] == raw["Steps"]
    assert "MlflowConfig" not in to_json(definition)
    assert from_sdk(Recorded(definition_bytes(definition).decode())) == definition


def test_steps_of_every_branch_are_there() -> None:
    steps = [placed.step.name for placed in walk(from_sdk(recorded("flow")).steps)]
    assert {"Gate", "Prepare"} <= set(steps)


def test_all_problems_of_a_pipeline_are_told_at_once() -> None:
    document = json.loads(recorded("jobs").text)
    for step in document["Steps"]:
        step["DependsOn"] = ["nowhere"]
    with pytest.raises(DefinitionError) as raised:
        from_sdk(Recorded(json.dumps(document)))
    wanted = [p for p in raised.value.problems if "'nowhere'" in p.what]
    assert len(wanted) == len(document["Steps"])


def test_without_the_sdk_the_error_says_how_to_get_it() -> None:
    text = r"^sagemaker: it is not installed\. Install it: pip install 'fm-orchestrator\[sdk\]'\.$"
    with pytest.raises(InputError, match=text):
        to_sdk(Definition(), "p")
