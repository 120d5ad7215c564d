"""What the models say of themselves to the stages that must not list kinds or fields."""

from __future__ import annotations

from orchestrator.python import steps
from orchestrator.spec.models import reference_fields, step_models


def test_the_fields_that_name_what_is_read_are_known_by_their_type() -> None:
    found = {kind: set(reference_fields(model)) for kind, model in step_models().items()}
    assert found == {
        "processing": {"inputs"},
        "dataset": {"data"},
        "generate": {"model", "data", "base_model"},
        "train": {"model_name_or_path", "data", "replay_data", "inputs"},
        "evaluate": {
            *("model", "data", "base_model", "champion", "train_data", "retention"),
            *("harm_prompts", "stereotype_pairs", "harm_scorer"),
        },
        "gate": {"passes"},
        "register": {"model", "metrics"},
        "bedrock": {"data", "validation_data"},
        "bedrock_import": {"model"},
        "jumpstart": {"data", "local_model"},
    }


def test_every_kind_can_be_written_in_python() -> None:
    assert set(steps.__all__) == set(step_models())
    for kind in step_models():
        assert getattr(steps, kind).__name__ == kind
