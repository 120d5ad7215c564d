"""Customization and import jobs of Bedrock."""

from __future__ import annotations

import re

import pytest

from orchestrator.bridge.faults import RefusedError
from orchestrator.bridge.services import bedrock, bedrock_import
from tests.bridge.moto_extensions import import_jobs
from tests.bridge.wire import Wire
from tests.bridge.world import REQUEST, TOKEN, World, assert_nothing_is_amiss, backend, client

KEY = f"fmo-abc123def456-{TOKEN}"
IMPORT = {
    "roleArn": "arn:aws:iam::123456789012:role/fmo",
    "modelDataSource": {"s3DataSource": {"s3Uri": "s3://acme/model/"}},
}


def test_a_job_is_called_by_its_key_and_a_model_as_asked(world: World) -> None:
    service = world.services(Wire())["bedrock"]
    service.start({**REQUEST, "customModelName": "support"}, KEY)
    assert world.customization_jobs()[KEY].custom_model_name == "support"


def test_a_second_start_with_the_same_key_is_the_first_one(world: World) -> None:
    service = world.services(Wire())["bedrock"]
    assert service.find(REQUEST, KEY) is None
    assert service.start(REQUEST, KEY) == service.start(REQUEST, KEY) == KEY
    assert service.find(REQUEST, KEY) == KEY
    assert list(world.customization_jobs()) == [KEY]


def test_a_model_name_that_is_taken_is_refused(world: World) -> None:
    service = world.services(Wire())["bedrock"]
    service.start({**REQUEST, "customModelName": "support"}, KEY)
    with pytest.raises(RefusedError, match="Custom model support already exists"):
        service.start({**REQUEST, "customModelName": "support"}, "fmo-abc123def456-Tok3nOther")


def test_an_imported_model_answers_its_callback_without_an_event(world: World) -> None:
    world.reach_step(service="bedrock_import", request=IMPORT)
    world.deliver()
    assert import_jobs(backend("bedrock"))[KEY]["importedModelName"] == KEY
    [answer] = world.settle().answers()
    assert answer["outputs"]["model_name"] == KEY
    assert_nothing_is_amiss(world)


def test_an_import_cannot_be_stopped_and_is_waited_for(world: World) -> None:
    world.job_ends = None
    world.reach_step(service="bedrock_import", request=IMPORT)
    world.deliver()
    world.stop_step()
    assert world.settle().answers() == []
    world.job_ends = "Failed"
    [answer] = world.settle().answers()
    assert answer["reason"] == f"{KEY} failed: no reason given"
    assert_nothing_is_amiss(world)


def test_the_key_fits_what_the_service_takes_as_a_name() -> None:
    model = client("bedrock").meta.service_model
    for shape in ("JobName", "CustomModelName", "IdempotencyToken", "ImportedModelName"):
        metadata = model.shape_for(shape).metadata
        assert len(KEY) <= metadata["max"], shape


def test_the_key_has_the_letters_of_a_name() -> None:
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*", KEY)  # JobName, IdempotencyToken
    assert re.fullmatch(r"([0-9a-zA-Z][_-]?){1,63}", KEY)  # CustomModelName, ImportedModelName


def test_every_state_of_bedrock_is_known() -> None:
    model = client("bedrock").meta.service_model
    known = [
        (bedrock.STATES, "ModelCustomizationJobStatus"),
        (bedrock_import.STATES, "ModelImportJobStatus"),
    ]
    for states, shape in known:
        assert set(states) == set(model.shape_for(shape).enum)


def test_a_region_without_continued_pre_training_says_what_to_use_instead(world: World) -> None:
    world.offer("amazon.nova-lite-v1:0", "FINE_TUNING")
    world.reach_step(request={**REQUEST, "customizationType": "CONTINUED_PRE_TRAINING"})
    [answer] = world.settle().answers()
    assert answer["reason"].startswith(
        "ValidationException: amazon.nova-lite-v1:0 offers no CONTINUED_PRE_TRAINING here. "
        "No model of this region does: use kind train with objective continued_pretrain, then "
        "bedrock_import; or Nova on HyperPod. "
    )
    assert_nothing_is_amiss(world)


def test_a_legacy_model_is_called_one_and_others_are_named(world: World) -> None:
    world.offer("amazon.nova-lite-v1:0", "FINE_TUNING", status="LEGACY")
    world.offer("amazon.nova-pro-v1:0", "FINE_TUNING")
    world.reach_step()
    [answer] = world.settle().answers()
    assert "amazon.nova-lite-v1:0 is LEGACY. Take amazon.nova-pro-v1:0." in answer["reason"]
