"""The path from a file to a run, where it gathers facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator import flow, flow_local
from orchestrator.commands import executions
from orchestrator.compiler.compile import HubAsset
from orchestrator.compiler.environment import LOCAL, Environment
from orchestrator.errors import DefinitionError, InputError, SpecError
from orchestrator.local.home import Home
from orchestrator.local.hub import store_model
from orchestrator.local.store import Store
from orchestrator.plan.model import HubModel

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
name: sizes
parameters:
  Rows: {type: S3Uri, default: s3://acme/rows/, local: ./rows.jsonl}
steps:
  split: {kind: dataset, data: $params.Rows}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text('{"text": "one row"}\n')
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def test_a_spec_and_its_definition_prepare_the_same_bytes(spec: Path) -> None:
    prepared = flow.prepare_file(spec, {})
    target = spec.with_name("sizes.json")
    target.write_bytes(prepared.data)
    again = flow.prepare_file(target, {})
    assert again.data == prepared.data
    assert (prepared.name, again.name) == ("sizes", "sizes")
    assert again.plan is None


def test_a_spec_may_be_json(spec: Path) -> None:
    path = spec.with_name("spec.json")
    steps = {"split": {"kind": "dataset", "data": "./rows.jsonl"}}
    path.write_text(json.dumps({"name": "sizes", "steps": steps}))
    assert flow.prepare_file(path, {}).plan is not None


def test_only_models_that_are_not_in_the_store_yet_have_to_be_fetched(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assets = (
        HubAsset("s3://b/fmo/hub/acme/here/v1/", HubModel("acme/here", "v1")),
        HubAsset("s3://b/fmo/hub/acme/new/v1/", HubModel("acme/new", "v1")),
    )
    prepared = flow.Prepared(data=b"{}", name="x", hub_models=assets)

    def fetch(_id: str, _revision: str, folder: Path) -> None:
        (folder / "config.json").write_text("{}")

    store_model(assets[0].uri, "acme/here", "v1", Store(home.store), fetch)
    assert flow_local.models_to_fetch(prepared, home) == ("hf://acme/new@v1",)


def test_storing_inputs_twice_changes_nothing(spec: Path, tmp_path: Path) -> None:
    prepared = flow.prepare_file(spec, {})
    store = Store(tmp_path / "store")
    flow_local.store_inputs(prepared, store)
    uri = f"s3://{LOCAL.bucket}/"
    before = {item.uri: item.path.stat().st_mtime_ns for item in store.list(uri)}
    flow_local.store_inputs(prepared, store)
    assert {item.uri: item.path.stat().st_mtime_ns for item in store.list(uri)} == before
    assert any(item.endswith("/launch.py") for item in before)
    assert any(item.endswith("/rows.jsonl") for item in before)


TRAIN = """\
name: sizes
steps:
  sft:
    kind: train
    objective: sft
    model_name_or_path: s3://acme/model/
    data: s3://acme/rows/
    instance_type: ml.g5.2xlrge
"""


def test_what_the_service_would_refuse_is_told_by_the_key_and_line_of_the_spec(spec: Path) -> None:
    spec.write_text(TRAIN)
    with pytest.raises(SpecError) as caught:
        flow.prepare_file(spec, {})
    assert str(caught.value) == (
        f"{spec}:8: steps.sft.instance_type: SageMaker has no training instance type "
        "'ml.g5.2xlrge'. Did you mean 'ml.g5.2xlarge'?"
    )


def test_what_the_service_would_refuse_of_a_set_value_is_told_as_set(spec: Path) -> None:
    spec.write_text(TRAIN)
    with pytest.raises(SpecError) as caught:
        flow.prepare_file(spec, {"steps.sft.instance_type": "ml.g5.2xlag"})
    assert str(caught.value).startswith("--set steps.sft.instance_type: SageMaker has no")


def test_what_no_key_decides_keeps_its_place_in_the_definition_with_the_line_of_its_step(
    spec: Path,
) -> None:
    environment = Environment(name="aws", bucket="acme", role_arn="me", region="eu-central-1")
    with pytest.raises(DefinitionError) as caught:
        flow.compile_file(spec, {}, environment)
    assert str(caught.value).startswith(f"{spec}:5: Steps.split.Arguments.RoleArn: it has 2 char")


def test_a_misspelt_region_is_told_with_the_one_that_was_meant(spec: Path) -> None:
    role = "arn:aws:iam::123456789012:role/fmo"
    environment = Environment(name="aws", bucket="acme", role_arn=role, region="eu-centrl-1")
    with pytest.raises(SpecError) as caught:
        flow.compile_file(spec, {}, environment)
    assert "in region 'eu-centrl-1'. Did you mean the region 'eu-central-1'?" in str(caught.value)


def test_a_missing_script_is_told_with_the_line_that_names_it(spec: Path) -> None:
    spec.write_text("name: a\nsteps:\n  go:\n    kind: processing\n    script: ./none.py\n")
    with pytest.raises(SpecError) as caught:
        flow.prepare_file(spec, {})
    assert str(caught.value).startswith(f"{spec}:5: steps.go.script: there is no file '")


def test_a_definition_that_the_service_would_refuse_is_refused(spec: Path) -> None:
    document = json.loads(flow.prepare_file(spec, {}).data)
    document["Steps"][0]["Arguments"]["RoleArm"] = "x"
    path = spec.with_name("bad.json")
    path.write_text(json.dumps(document))
    with pytest.raises(DefinitionError, match="RoleArm"):
        flow.prepare_file(path, {})


def test_a_file_too_large_to_be_a_spec_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 2**20)
    with pytest.raises(SpecError, match="the file has 50 MB, more than the 10 allowed"):
        flow.prepare_file(path, {})


def test_a_file_that_is_not_utf_8_is_told_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(SpecError, match=r"not UTF-8: byte 0xe9 cannot be read\. Save it"):
        flow.prepare_file(path, {})


def test_no_execution_is_found_where_nothing_ran(tmp_path: Path) -> None:
    home = executions.open_home(tmp_path / "home")
    for text in ("last", "last~1", "abc", ""):
        with pytest.raises(InputError, match="there is no execution in"):
            executions.find_execution(text, home)
    assert not home.root.exists()


def test_a_definition_in_place_of_a_spec_is_told_so(spec: Path) -> None:
    path = spec.with_name("sizes.json")
    path.write_bytes(flow.prepare_file(spec, {}).data)
    with pytest.raises(SpecError, match="this is a pipeline definition, not a spec"):
        flow.plan_file(path, {})


def test_a_folder_in_place_of_a_spec_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is a folder"):
        flow.plan_file(tmp_path, {})
