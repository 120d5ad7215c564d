"""W&B itself, offline: what it keeps for `wandb sync` is read back from its file."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("wandb")

from wandb.proto import wandb_internal_pb2 as protos

from training_scripts.tracking.tracker import Misconfigured
from training_scripts.tracking.wandb import Wandb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from training_scripts.tracking.tracker import Row, RunFacts

    Facts = Callable[..., RunFacts]
    Rows = Callable[[int, int], list[Row]]

KEY = "0123456789" * 4
_BLOCK, _HEADER = 32_768, 7
"""Of LevelDB's log format (`log_format.md`), in which the file is written."""


def records(folder: Path) -> Iterator[Any]:
    """Yield what an offline run's file holds."""
    (path,) = folder.glob("run-*.wandb")
    data, position, whole = path.read_bytes(), _HEADER, b""
    while position + _HEADER <= len(data):
        if _BLOCK - position % _BLOCK < _HEADER:
            position += _BLOCK - position % _BLOCK
            continue
        length, part = struct.unpack_from("<HB", data, position + 4)
        whole += data[position + _HEADER : position + _HEADER + length]
        position += _HEADER + length
        if part in {1, 4}:  # The whole of a record, or its last part.
            record = protos.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def history(folder: Path) -> dict[int, dict[str, float]]:
    """Return the metrics by step."""
    found = {}
    for record in records(folder):
        if record.WhichOneof("record_type") == "history":
            items = {
                "/".join(item.nested_key) or item.key: json.loads(item.value_json)
                for item in record.history.item
            }
            names = [name for name in items if not name.startswith("_")]
            found[record.history.step.num] = {name: items[name] for name in names}
    return found


def attempt(folder: Path, run: RunFacts, sent: list[Row], status: Any = "FINISHED") -> None:
    tracker = Wandb(folder, {}, offline_without_key=True, seconds=30.0)
    tracker.start(run)
    tracker.log(sent)
    tracker.finish(status, {"train/tokens": 9.0})


def test_a_run_without_a_key_is_kept_here_whole(tmp_path: Path, facts: Facts, rows: Rows) -> None:
    attempt(tmp_path, facts(), rows(1, 40))
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    found = history(folder)
    assert list(found) == list(range(1, 41))
    assert found[40] == {"train/loss": 1 / 40, "tokens_per_second": 50, "eval/loss": 2 / 40}
    kinds = {record.WhichOneof("record_type"): record for record in records(folder)}
    run = kinds["run"].run
    assert (run.project, run.display_name, list(run.tags)) == ("support", "job-1", ["sft"])
    config = {item.key: item.value_json for item in run.config.update}
    assert json.loads(config["architecture"]) == {"hidden_size": 32}
    summary = "".join(str(record.summary) for record in records(folder))
    assert "tokens" in summary
    assert kinds["exit"].exit.exit_code == 0


def test_an_attempt_goes_on_under_the_same_id_and_the_newest_folder_is_whole(
    tmp_path: Path, facts: Facts, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container of SageMaker, where W&B would make an id of its own for each attempt.
    monkeypatch.setenv("TRAINING_JOB_NAME", "pipelines-abc-sft")
    attempt(tmp_path, facts(), rows(1, 7), "KILLED")
    run_id = json.loads((facts().kept / "tracking.json").read_text())["wandb"]
    first = set((tmp_path / "wandb").glob(f"offline-run-*-{run_id}"))
    attempt(tmp_path / "second", facts(resumed_after=4), rows(1, 10))
    (second,) = (tmp_path / "second" / "wandb").glob(f"offline-run-*-{run_id}")
    assert len(first) == 1
    assert list(history(second)) == list(range(1, 11))


def test_a_job_on_aws_without_a_key_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"WANDB_API_KEY is not set.*WANDB_MODE: offline"):
        Wandb(tmp_path, {}, offline_without_key=False, seconds=1.0)


@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_key_that_the_server_refuses_ends_the_job_before_it_trains(
    tmp_path: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    tracker = Wandb(tmp_path, {"WANDB_API_KEY": KEY}, offline_without_key=False, seconds=30.0)
    with pytest.raises(Misconfigured, match=r"wandb refuses: .*401.*Check WANDB_API_KEY"):
        tracker.start(facts())
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_server_that_does_not_answer_leaves_the_run_in_a_folder(
    tmp_path: Path, facts: Facts, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    tracker = Wandb(tmp_path, {"WANDB_API_KEY": KEY}, offline_without_key=False, seconds=2.0)
    with pytest.raises(tracker.errors):
        tracker.start(facts())
    assert "send it with: wandb sync" in tracker.start(facts())
    tracker.log(rows(1, 3))
    tracker.finish("FINISHED", {})
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    assert list(history(folder)) == [1, 2, 3]


class Refusing(BaseHTTPRequestHandler):
    """A server of W&B that does not know the key."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        data = b'{"data":null,"errors":[{"message":"user is not logged in"}]}'
        self.send_response(401)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Print nothing."""


def test_a_missing_library_is_named_with_its_cure() -> None:
    program = (
        "import sys, pathlib; sys.modules['wandb'] = None\n"
        "from training_scripts.tracking.wandb import Wandb\n"
        "Wandb(pathlib.Path(), {}, offline_without_key=True, seconds=1.0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "report_to: wandb is not installed" in done.stderr
    assert "Run: pip install 'fm-orchestrator[wandb]'" in done.stderr
