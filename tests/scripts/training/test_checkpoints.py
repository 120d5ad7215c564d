from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from typing import TYPE_CHECKING  # noqa: E402

from training_scripts.checkpoints.fingerprint import fingerprint  # noqa: E402
from training_scripts.checkpoints.store import CheckpointStore  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


def saved(folder: Path, *steps: int, keep: int = 2) -> CheckpointStore:
    store = CheckpointStore(folder, keep=keep)
    for step in steps:
        store.save(step, {"rows": [step]}, {"w": torch.full((3,), float(step))})
    return store


def test_the_newest_checkpoint_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    found = saved(tmp_path / "run", 1, 2).load_latest()
    assert found is not None
    assert (found.step, found.state) == (2, {"rows": [2]})
    assert torch.equal(found.tensors["w"], torch.full((3,), 2.0))


def test_only_so_many_checkpoints_are_kept(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 3, 10, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000010"]


def test_without_checkpoints_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert CheckpointStore(tmp_path / "none", keep=1).load_latest() is None


@pytest.mark.parametrize("damage", ["tensors cut", "tensors gone", "state cut", "state not json"])
def test_a_damaged_checkpoint_is_skipped_for_the_one_before(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = saved(tmp_path, 1, 2)
    name, how = damage.split(" ", 1)
    path = tmp_path / "step-00000002" / ("state.json" if name == "state" else "tensors.safetensors")
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-2] if how == "cut" else b"[")
    found = store.load_latest()
    assert found is not None
    assert found.step == 1
    assert "step-00000002 is damaged" in capsys.readouterr().out


def test_a_checkpoint_that_was_being_written_is_not_seen(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    half = tmp_path / ".partial-00000002"
    half.mkdir()
    (half / "state.json").write_text(json.dumps({"step": 2}))
    found = store.load_latest()
    assert found is not None
    assert found.step == 1


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before_and_no_rest(
    tmp_path: Path,
) -> None:
    store = saved(tmp_path, 1)
    with pytest.raises(TypeError):
        store.save(2, {"rows": object()}, {"w": torch.zeros(3)})
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_the_fingerprint_changes_with_settings_data_and_names(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text("a")
    seen = {fingerprint({"seed": 1}, [data]), fingerprint({"seed": 2}, [data])}
    (data / "train.jsonl").write_text("b")
    seen.add(fingerprint({"seed": 1}, [data]))
    (data / "train.jsonl").rename(data / "validation.jsonl")
    seen.add(fingerprint({"seed": 1}, [data]))
    assert len(seen) == 4
    assert fingerprint({"seed": 1}, [data]) == fingerprint({"seed": 1}, [data])


def test_no_checkpoint_holds_a_pickle(tmp_path: Path) -> None:
    saved(tmp_path, 1)
    names = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["state.json", "tensors.safetensors"]
