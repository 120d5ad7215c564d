"""What a step of kind `jumpstart` may say, before anything is known of its model."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.load import load_spec

TUNED = {"kind": "jumpstart", "model_id": "acme-tiny", "data": "./rows.jsonl"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"task": "chat", "template": "{prompt: a, completion: b}"},
            "steps.tuned.template: a template belongs to `task: instruction`. Remove it, or write "
            "`task: instruction`.",
        ),
        (
            {"hyperparameters": "{chat_dataset: true}"},
            "steps.tuned.hyperparameters.chat_dataset: `task` says what the data are. Remove it, "
            "and write `task`.",
        ),
        (
            {"local_model": "s3://models/base/"},
            "steps.tuned.local_model: 's3://models/base/' is not a model that this machine can "
            "read by itself. Write ./folder or hf://ID.",
        ),
    ],
    ids=["template", "hyperparameter of the task", "local model"],
)
def test_what_does_not_go_together_is_said(fields: dict[str, Any], said: str) -> None:
    lines = [f"    {name}: {value}" for name, value in {**TUNED, **fields}.items()]
    with pytest.raises(SpecError) as error:
        load_spec("\n".join(["name: demo", "steps:", "  tuned:", *lines]))
    assert [f"{it.where}: {it.what}. {it.fix}" for it in error.value.problems] == [said]
