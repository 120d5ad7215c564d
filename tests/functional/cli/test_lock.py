"""`fmo lock` as it is typed, against a hub on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake_hub import SHA, requested, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.cli.conftest import Fmo

pytestmark = pytest.mark.train

SPEC = """\
name: tuned
steps:
  split: {kind: dataset, data: ./rows.jsonl}
  sft: {kind: train, objective: sft, model_name_or_path: hf://acme/MODEL, data: $split}
"""
TOKEN = "hf_thistokenstaysonthelaptop"  # noqa: S105 - opens nothing


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    for name in ("tiny", "members"):
        folder = root / "acme" / name
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"0" * 3000)
        (folder / "pytorch_model.bin").write_bytes(b"no")
    return root


@pytest.fixture(scope="module")
def hub(root: Path) -> Iterator[dict[str, str]]:
    """Variables that lead the hub's library to a hub on this machine."""
    with serving(root) as endpoint:
        no_proxy = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        yield {"HF_ENDPOINT": endpoint, "HF_TOKEN": TOKEN, **no_proxy}


@pytest.fixture
def spec(fmo: Fmo) -> Path:
    (fmo.folder / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    path = fmo.folder / "tuned.yaml"
    path.write_text(SPEC.replace("MODEL", "tiny"))
    return path


def test_a_spec_is_locked_checked_and_compiled_without_the_hub(
    fmo: Fmo, spec: Path, hub: dict[str, str], root: Path
) -> None:
    hub = {**hub, "HF_HOME": str(fmo.folder / "cache")}
    assert fmo("lock", "tuned.yaml", "--check").code == 2
    done = fmo("lock", "tuned.yaml", **hub)
    assert done.code == 0, done.stderr
    assert done.stdout == "hf://acme/tiny@main  aaaaaaaaaaaa  2 files, 3,002 bytes  new\n"
    lock = spec.with_name("tuned.lock.json")
    before = lock.read_bytes()
    assert TOKEN.encode() not in before
    asked = len(requested(root))
    assert fmo("lock", "tuned.yaml", "--check", **hub).code == 0
    assert f"/acme/tiny/{SHA}/" in fmo("compile", "tuned.yaml", **hub).stdout
    assert len(requested(root)) == asked
    again = fmo("lock", "tuned.yaml", "--json", **hub)
    assert again.document["changed"] is False
    assert lock.read_bytes() == before


def test_a_lock_that_the_hub_refuses_leaves_no_file(
    fmo: Fmo, spec: Path, hub: dict[str, str]
) -> None:
    spec.write_text(SPEC.replace("MODEL", "gated"))
    done = fmo("lock", "tuned.yaml", **{**hub, "HF_HOME": str(fmo.folder / "cache")})
    assert done.code == 2
    assert done.stderr == (
        "FMO130 tuned.yaml:4: steps.sft.model_name_or_path: acme/gated is gated. Accept its terms "
        "on huggingface.co/acme/gated and set HF_TOKEN to a token of that account.\n"
    )
    assert not spec.with_name("tuned.lock.json").exists()


def test_a_spec_without_such_models_has_nothing_to_lock(fmo: Fmo) -> None:
    (fmo.folder / "rows.jsonl").write_text("{}\n")
    text = "name: x\nsteps:\n  split: {kind: dataset, data: ./rows.jsonl}\n"
    (fmo.folder / "x.yaml").write_text(text)
    done = fmo("lock", "x.yaml")
    assert done.code == 0
    assert done.stdout == "nothing to lock: the spec names no model of the hub\n"
    assert not (fmo.folder / "x.lock.json").exists()


def test_a_gated_model_is_mirrored_and_the_token_stays_here(
    account: Fmo, hub: dict[str, str]
) -> None:
    (account.folder / "tuned.yaml").write_text(SPEC.replace("MODEL", "members"))
    (account.folder / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    hub = {**hub, "HF_HOME": str(account.folder / "cache")}
    told = account("lock", "tuned.yaml", **{**hub, "HF_TOKEN": ""}).stderr
    assert "acme/members is gated. Accept its terms" in told
    deploy = ("deploy", "tuned.yaml", "--env", "dev", "--yes", "--json")
    runs = [account("lock", "tuned.yaml", **hub), account(*deploy, **hub)]
    assert [one.code for one in runs] == [0, 0], runs[-1].stderr
    stored = [one["uri"] for one in runs[1].document["models"]]
    folder = f"s3://acme-dev/fmo/hub/acme/members/{SHA}/"
    assert stored == [f"{folder}config.json", f"{folder}model.safetensors"]
    runs.append(account(*deploy, **{**hub, "HF_TOKEN": "", "HF_ENDPOINT": "http://127.0.0.1:9"}))
    assert runs[2].document["models"] == []
    compiled = account("compile", "tuned.yaml", "--env", "dev").stdout
    texts = [compiled, *(one.stdout + one.stderr for one in runs)]
    files = [path.read_bytes() for path in account.folder.rglob("*") if path.is_file()]
    written = [*files, *map(str.encode, texts)]
    assert not [text for text in written if TOKEN.encode() in text]


def test_what_jumpstart_trains_with_needs_a_region_that_has_it(account: Fmo) -> None:
    ask = ("lock", "spec.yaml", "--jumpstart", "meta-textgeneration-llama-3-1-8b")
    ended = account(*ask)
    assert (ended.code, ended.stderr) == (
        2,
        "FMO100 --env: what JumpStart trains with differs from region to region, and none "
        "is given. Add --env NAME.\n",
    )
    ended = account(*ask, "--env", "dev")
    assert ended.code == 3
    assert "JumpStart has no models_manifest.json in eu-central-1. Choose a reg" in ended.stderr
    assert not (account.folder / "spec.lock.json").exists()


def test_a_step_of_jumpstart_is_locked_with_its_spec(fmo: Fmo) -> None:
    (fmo.folder / "rows.jsonl").write_text("{}\n")
    step = "{kind: jumpstart, model_id: acme-tiny, data: ./rows.jsonl}"
    (fmo.folder / "x.yaml").write_text(f"name: x\nsteps:\n  tuned: {step}\n")
    done = fmo("lock", "x.yaml")
    assert (done.code, done.stderr) == (
        2,
        "FMO100 --env: what JumpStart trains with differs from region to region, and none "
        "is given. Add --env NAME.\n",
    )
    done = fmo("lock", "x.yaml", "--check")
    assert done.code == 2
    assert "acme-tiny: it is not locked. Write it anew: fmo lock FILE --env NAME." in done.stderr
