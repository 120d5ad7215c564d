"""`fetch_model.py` against a hub on this machine: what it downloads, and every refusal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import training_scripts
from tests.fake_hub import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.train

SCRIPT = Path(training_scripts.__file__).parent / "fetch_model.py"

GOOD = ("config.json", "model.safetensors", "pytorch_model.bin", "onnx/model.safetensors")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("hub")
    for model, names in (("good", GOOD), ("pickled", ("config.json", "pytorch_model.bin"))):
        for name in names:
            path = root / "acme" / model / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}")
    with serving(root) as endpoint:
        yield endpoint


def fetch(
    endpoint: str, folder: Path, model_id: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, str(SCRIPT), model_id, f"--output={folder / 'model'}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_model_is_fetched_without_pickled_or_doubled_weights(hub: str, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path, "acme/good")
    assert done.returncode == 0, done.stderr
    found = sorted(str(p.relative_to(tmp_path / "model")) for p in (tmp_path / "model").rglob("*"))
    assert found == ["config.json", "model.safetensors"]
    assert done.stdout == f"fetched acme/good at {'a' * 40}\n"


@pytest.mark.parametrize(
    ("model_id", "arguments", "text"),
    [
        ("no such/id/at all", [], "'no such/id/at all' is no model id. Write owner/name"),
        ("acme/gud", [], "the hub has no model 'acme/gud', or it is private. Check the spelling"),
        ("acme/gated", [], "acme/gated is gated. Accept its terms on huggingface.co/acme/gated"),
        ("acme/good", ["--revision=v9"], "acme/good has no revision 'v9'. Use main, a tag"),
        ("acme/pickled", [], "acme/pickled has no safetensors weights (found: pytorch_model.bin)"),
        ("acme/broken", [], "the hub answered 503 for acme/broken. Try again later."),
    ],
)
def test_a_model_that_cannot_be_had_says_why(
    hub: str, tmp_path: Path, model_id: str, arguments: list[str], text: str
) -> None:
    done = fetch(hub, tmp_path, model_id, *arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(text)
    assert "Traceback" not in done.stderr


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    done = fetch("http://127.0.0.1:9", tmp_path, "acme/good")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("the hub cannot be reached for acme/good (")
    assert last.endswith("Check the network, or give a local folder or an s3:// URI.")
