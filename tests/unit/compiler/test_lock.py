"""The lock: read, written, held against a spec, and what a plan is once it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator import flow, flow_lock
from orchestrator.compiler.lock import (
    Lock,
    LockedFile,
    LockedModel,
    lock_bytes,
    lock_path,
    parse_lock,
    stale,
)
from orchestrator.errors import DataError, Problem, SpecError
from orchestrator.local.hub import HubFile, HubListing
from orchestrator.plan.model import HubModel

if TYPE_CHECKING:
    from typing import Any

OLD, NEW = "a" * 40, "b" * 40
SPEC = """\
name: tuned
steps:
  split: {kind: dataset, data: s3://acme/rows/}
  sft:
    kind: train
    objective: sft
    model_name_or_path: hf://acme/tiny
    data: $split
  exam: {kind: evaluate, model: $sft.model, data: $split.test, base_model: hf://acme/tiny}
"""
PROJECT = """\
defaults: {train: {model_name_or_path: hf://acme/tiny}}
environments:
  prod:
    region: eu-central-1
    bucket: acme-prod
    role_arn: arn:aws:iam::111111111111:role/fmo
    defaults: {train: {model_name_or_path: hf://acme/large}}
"""
FILES = {
    "config.json": LockedFile(size_bytes=3, git_sha1="c" * 40),
    "model.safetensors": LockedFile(size_bytes=3000, sha256="d" * 64),
}


def lock_of(commit: str, key: str = "hf://acme/tiny@main") -> Lock:
    return Lock(hub={key: LockedModel(commit=commit, files=FILES)})


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tuned.yaml"
    path.write_text(SPEC)
    return path


def write(spec: Path, lock: Lock) -> None:
    lock_path(spec).write_bytes(lock_bytes(lock))


def sft(spec: Path, **overrides: str) -> dict[str, Any]:
    steps = json.loads(flow.compile_file(spec, overrides).data)["Steps"]
    found: dict[str, Any] = next(step for step in steps if step["Name"] == "sft")
    return found


def model_uri(step: dict[str, Any]) -> str:
    channels = step["Arguments"]["InputDataConfig"]
    model = next(one for one in channels if one["ChannelName"] == "model")
    return str(model["DataSource"]["S3DataSource"]["S3Uri"])


def test_a_locked_model_is_compiled_at_its_commit_and_the_step_is_kept(spec: Path) -> None:
    before = sft(spec)
    assert model_uri(before).endswith("/fmo/hub/acme/tiny/main/")
    assert "CacheConfig" not in before
    write(spec, lock_of(OLD))
    after = sft(spec)
    assert model_uri(after).endswith(f"/fmo/hub/acme/tiny/{OLD}/")
    assert after["CacheConfig"]["Enabled"] is True


def test_another_commit_in_the_lock_is_another_definition(spec: Path) -> None:
    write(spec, lock_of(OLD))
    first = flow.compile_file(spec, {}).data
    assert flow.compile_file(spec, {}).data == first
    write(spec, lock_of(NEW))
    assert flow.compile_file(spec, {}).data != first


def test_the_model_to_fetch_is_the_one_that_is_locked(spec: Path) -> None:
    write(spec, lock_of(OLD))
    (model,) = flow.compile_file(spec, {}).hub_models
    assert model.model == HubModel("acme/tiny", OLD)


def test_a_stale_lock_is_refused_at_each_field_with_the_cure(spec: Path) -> None:
    write(spec, lock_of(OLD, "hf://acme/tiny@v1"))
    with pytest.raises(SpecError) as caught:
        flow.compile_file(spec, {})
    fix = f"Run: fmo lock {spec}. Or write its commit: hf://ID@COMMIT."
    told = f"hf://acme/tiny@main is not in tuned.lock.json. {fix}"
    assert str(caught.value).splitlines() == [
        f"{spec}:7: steps.sft.model_name_or_path: {told}",
        f"{spec}:9: steps.exam.base_model: {told}",
    ]


def test_a_commit_that_is_written_needs_no_lock(spec: Path) -> None:
    write(spec, Lock())
    overrides = {
        "steps.sft.model_name_or_path": f"hf://acme/tiny@{NEW}",
        "steps.exam.base_model": f"hf://acme/tiny@{NEW}",
    }
    assert model_uri(sft(spec, **overrides)).endswith(f"/{NEW}/")


def test_the_plan_shows_what_is_locked(spec: Path) -> None:
    write(spec, lock_of(OLD))
    plan, _ = flow.plan_file(spec, {})
    assert plan.step("sft").inputs["model"] == HubModel("acme/tiny", OLD)


def test_the_same_lock_is_the_same_bytes_and_reads_back(tmp_path: Path) -> None:
    lock = lock_of(OLD)
    turned = Lock(
        hub={"hf://acme/tiny@main": LockedModel(commit=OLD, files=dict(reversed(FILES.items())))}
    )
    assert lock_bytes(lock) == lock_bytes(turned)
    assert lock_bytes(lock).endswith(b"}\n")
    assert parse_lock(lock_bytes(lock).decode(), tmp_path) == lock


def test_a_lock_differs_by_what_is_missing_and_by_what_is_too_much() -> None:
    lock = lock_of(OLD, "hf://acme/old@main")
    told = stale(lock, [HubModel("acme/tiny", "main")], Path("tuned.lock.json"))
    assert list(map(str, told)) == [
        "tuned.lock.json: hf://acme/old@main: it is locked, and the spec does not name it. "
        "Write it anew: fmo lock FILE.",
        "tuned.lock.json: hf://acme/tiny@main: it is not locked. Write it anew: fmo lock FILE.",
    ]
    assert stale(lock, [HubModel("acme/old", "main")], Path("x")) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "x.lock.json:1: it is no JSON: "),
        (
            '{"hub": {"hf://a@main": {"commit": "main", "files": {}}}}',
            "commit: string should match",
        ),
        ('{"fmo_lock": 2}', "x.lock.json: fmo_lock: input should be 1"),
        (
            json.dumps({"hub": {"x": {"commit": OLD, "files": {"../a": {"size_bytes": 1}}}}}),
            r"hub.x.files...\/a.\[key\]: string should match pattern",
        ),
    ],
    ids=["no JSON", "a branch for a commit", "another version", "a file outside"],
)
def test_what_is_no_lock_is_refused_where_it_is_wrong(text: str, told: str) -> None:
    with pytest.raises(SpecError, match=told):
        parse_lock(text, Path("x.lock.json"))


def test_each_environment_of_the_project_is_locked(spec: Path) -> None:
    spec.with_name("fmo.yaml").write_text(PROJECT)
    spec.write_text(SPEC.replace("    model_name_or_path: hf://acme/tiny\n", ""))
    asked: list[tuple[str, str]] = []

    def ask(model_id: str, revision: str) -> HubListing:
        asked.append((model_id, revision))
        return HubListing(OLD, {"config.json": HubFile(3, git_sha1="c" * 40)})

    lock = flow_lock.make_lock(flow_lock.read_spec(spec), ask)
    assert asked == [("acme/large", "main"), ("acme/tiny", "main")]
    assert list(lock.hub) == ["hf://acme/large@main", "hf://acme/tiny@main"]


def test_what_the_hub_refuses_is_told_at_the_field(spec: Path) -> None:
    def ask(model_id: str, revision: str) -> HubListing:
        raise DataError(Problem(f"hf://{model_id}@{revision}", "it is gated", "Set HF_TOKEN."))

    with pytest.raises(DataError) as caught:
        flow_lock.make_lock(flow_lock.read_spec(spec), ask)
    assert str(caught.value).splitlines() == [
        f"{spec}:7: steps.sft.model_name_or_path: it is gated. Set HF_TOKEN.",
        f"{spec}:9: steps.exam.base_model: it is gated. Set HF_TOKEN.",
    ]
