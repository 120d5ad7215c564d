"""A model of the hub that cannot be had: the spec's field is named, and nothing has started."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_hub import requested, serving
from tests.functional.local.test_bad_surroundings import can_mount

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.cli.conftest import Ended, Fmo

pytestmark = pytest.mark.train

SPEC = """\
name: tuned
steps:
  split: {kind: dataset, data: ./rows.jsonl}
  sft:
    kind: train
    objective: sft
    model_name_or_path: hf://MODEL
    data: $split
  exam: {kind: evaluate, model: $sft.model, data: $split.test, base_model: hf://MODEL}
"""
LIST = """\
import os
folder = "/opt/ml/processing/input/model"
kept = sorted(os.listdir(folder))
with open("/opt/ml/processing/output/seen/seen.txt", "w") as file:
    file.write(",".join(kept))
"""
NO_HUB = "http://127.0.0.1:9"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models that the hub has: `acme/good`, and one with pickled weights."""
    root = tmp_path_factory.mktemp("hub")
    config = {"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2}
    files = {"config.json": json.dumps(config), "tokenizer.json": "{}"}
    for name, weights in (("good", WEIGHTS), ("pickled", "pytorch_model.bin")):
        folder = root / "acme" / name
        folder.mkdir(parents=True)
        for file, text in {**files, weights: "x" * 3_000_000}.items():
            (folder / file).write_text(text)
    return root


@pytest.fixture(scope="module")
def hub(root: Path) -> Iterator[str]:
    with serving(root) as endpoint:
        yield endpoint


def surroundings(folder: Path, endpoint: str) -> dict[str, str]:
    """Return variables that lead the hub's library to `endpoint`, with a cache of its own."""
    no_proxy = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache"), "HF_TOKEN": "", **no_proxy}


def ask(fmo: Fmo, model: str, endpoint: str, *arguments: str) -> Ended:
    """Run a spec that names `model` on lines 7 and 9."""
    rows = ({"prompt": f"p{n}", "completion": "c"} for n in range(100))
    (fmo.folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (fmo.folder / "spec.yaml").write_text(SPEC.replace("MODEL", model))
    return fmo(*arguments, **surroundings(fmo.folder, endpoint))


REFUSALS = {
    "misspelt": (
        "acme/gud",
        "the hub has no model 'acme/gud', or it is private. Check the spelling, or set HF_TOKEN.",
    ),
    "gated": (
        "acme/gated",
        "acme/gated is gated. Accept its terms on huggingface.co/acme/gated and set HF_TOKEN to a "
        "token of that account.",
    ),
    "a revision that is not there": (
        "acme/good@v9",
        "acme/good has no revision 'v9'. Use main, a tag or a commit.",
    ),
    "weights that are pickles only": (
        "acme/pickled",
        "acme/pickled has no safetensors weights (found: pytorch_model.bin). Choose a model that "
        "has.",
    ),
}


@pytest.mark.parametrize("smoke", [(), ("--smoke",)], ids=["run", "smoke"])
@pytest.mark.parametrize("what", REFUSALS)
def test_the_field_of_the_spec_is_named_in_one_line(
    fmo: Fmo, hub: str, what: str, smoke: tuple[str, ...]
) -> None:
    model, told = REFUSALS[what]
    done = ask(fmo, model, hub, "run", "spec.yaml", *smoke)
    assert done.code == 2
    news, line = done.stderr.splitlines()
    assert news.startswith(f"hf://{model.partition('@')[0]}@")
    place = "FMO130 spec.yaml:7: steps.sft.model_name_or_path: "
    assert line == f"{place}{told} The same model stands in steps.exam.base_model."
    assert done.stdout == ""
    assert not (fmo.folder / ".fmo" / "executions").exists()
    assert not [path for path in (fmo.folder / ".fmo").rglob("*") if "rows" in path.name]


def test_without_a_network_that_is_what_is_told(fmo: Fmo) -> None:
    document = ask(fmo, "acme/good", NO_HUB, "run", "spec.yaml", "--json").document
    (problem,) = document["error"]["problems"]
    assert problem["where"] == "steps.sft.model_name_or_path"
    assert (problem["file"], problem["line"]) == ("spec.yaml", 7)
    assert problem["what"].startswith("the hub cannot be reached for acme/good (")
    assert "Errno" not in problem["what"]
    assert problem["fix"].startswith("Check the network, or give a local folder or an s3:// URI.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "spec.yaml"),
        ("plan", "spec.yaml"),
        ("compile", "spec.yaml", "-o", "pipeline.json"),
        ("init", "sft", "--data", "rows.jsonl", "--model", "acme/gud", "-o", "mine.yaml"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_runs_nothing_asks_no_hub(fmo: Fmo, arguments: tuple[str, ...]) -> None:
    done = ask(fmo, "acme/gud", NO_HUB, *arguments)
    assert done.code == 0, done.stderr


def test_an_id_that_no_model_can_have_is_refused_without_asking(fmo: Fmo) -> None:
    done = ask(fmo, "acme/a b", NO_HUB, "validate", "spec.yaml")
    assert done.code == 2
    first, second = done.stderr.splitlines()
    told = "'hf://acme/a b' is not a model of the hub. Write hf://OWNER/NAME or"
    assert first.startswith(f"FMO110 spec.yaml:7: steps.sft.model_name_or_path: {told}")
    assert second.startswith(f"FMO110 spec.yaml:9: steps.exam.base_model: {told}")


def test_a_smoke_run_fetches_no_weights_and_a_real_one_after_it_does(
    fmo: Fmo, hub: str, root: Path
) -> None:
    (fmo.folder / "list.py").write_text(LIST)
    (fmo.folder / "spec.yaml").write_text(
        "name: seen\nsteps:\n  look: {kind: processing, script: ./list.py, "
        "inputs: {model: hf://acme/good}, outputs: {seen: text}}\n"
    )
    (root / "requests").write_text("")
    around = surroundings(fmo.folder, hub)
    smoke = fmo("run", "spec.yaml", "--smoke", "--json", **around)
    assert "its settings and tokenizer will be downloaded first" in smoke.stderr
    asked = requested(root)
    assert any(line.endswith("tokenizer.json") for line in asked)
    assert not [line for line in asked if line.endswith(WEIGHTS)]
    real = fmo("run", "spec.yaml", "--json", **around)
    assert real.code == 0, real.stderr
    assert "it will be downloaded first, which can take minutes" in real.stderr
    assert [line for line in requested(root) if line.startswith("GET") and line.endswith(WEIGHTS)]
    assert seen(fmo, real.document) == f"config.json,{WEIGHTS},tokenizer.json"
    (root / "requests").write_text("")
    again = fmo("run", "spec.yaml", "--smoke", **around)
    assert "downloaded" not in again.stderr
    assert requested(root) == []


def seen(fmo: Fmo, document: Any) -> str:
    (step,) = document["steps"]
    return (fmo.folder / ".fmo/s3" / step["outputs"]["seen"][5:] / "seen.txt").read_text()


@pytest.mark.skipif(not can_mount(), reason="this system gives no private mount namespace")
def test_a_disk_that_is_too_small_for_a_model_is_named(fmo: Fmo, hub: str) -> None:
    ask(fmo, "acme/good", hub, "validate", "spec.yaml")
    disk = fmo.folder / ".fmo"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" -m orchestrator run spec.yaml'
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", str(disk), sys.executable],
        cwd=fmo.folder, env=fmo.environment(**surroundings(fmo.folder, hub)),
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("FMO130 spec.yaml:7: steps.sft.model_name_or_path: ")
    assert "no space is left on the disk for acme/good. Free some space, or let FMO_HOME" in last
    assert list(disk.iterdir()) == []
