"""The Studio notebook, executed whole: here, and then in an account that is a server here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "pipelines" / "studio_quickstart.ipynb"
EXECUTE = "from nbclient.cli import main; main()"
ACCOUNT = "111111111111"
BUCKET = f"sagemaker-eu-central-1-{ACCOUNT}"
AS_STUDIO = f"""
import boto3, json
s3, iam, sts = (boto3.client(name) for name in ("s3", "iam", "sts"))
place = {{"LocationConstraint": "eu-central-1"}}
s3.create_bucket(Bucket="{BUCKET}", CreateBucketConfiguration=place)
trust = json.dumps({{"Version": "2012-10-17", "Statement": []}})
iam.create_role(RoleName="Studio", Path="/service-role/", AssumeRolePolicyDocument=trust)
role = "arn:aws:iam::{ACCOUNT}:role/service-role/Studio"
found = sts.assume_role(RoleArn=role, RoleSessionName="SageMaker")["Credentials"]
print(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
"""


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a Studio app: credentials of a role, in an account with a bucket."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.functional.aws_server"],
        cwd=ROOT, env=os.environ | {"MOTO_ACCOUNT_ID": ACCOUNT}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with server:
        assert server.stdin is not None
        assert server.stdout is not None
        environment = os.environ | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{int(server.stdout.readline())}",
            "AWS_DEFAULT_REGION": "eu-central-1", "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "OMP_NUM_THREADS": "1", "FMO_HOME": str(tmp_path / "home"), "HOME": str(tmp_path),
            "IPYTHONDIR": str(tmp_path / "ipython"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        }  # fmt: skip
        made = subprocess.run(
            [sys.executable, "-c", AS_STUDIO], env=environment, text=True, capture_output=True,
            check=True,
        )  # fmt: skip
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        yield environment | dict(zip(names, made.stdout.split(), strict=True))
        server.stdin.close()


def cells(path: Path) -> list[dict[str, Any]]:
    document = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in document["cells"] if cell["cell_type"] == "code"]


def executed(folder: Path, environment: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Execute the notebook, and return every code cell's source to its outputs."""
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "watch(every_seconds=10)" in text
    # The account does not take its time.
    (folder / "quick.ipynb").write_text(text.replace("every_seconds=10", "every_seconds=0.1"))
    ended = subprocess.run(
        [sys.executable, "-c", EXECUTE, "quick.ipynb", "--output=executed", "--timeout=300"],
        cwd=folder, env=environment, text=True, capture_output=True, check=False, timeout=400,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    return {"".join(cell["source"]): cell["outputs"] for cell in cells(folder / "executed.ipynb")}


def shown(ran: dict[str, list[dict[str, Any]]], source: str, kind: str = "text/plain") -> str:
    """Return what the cell that holds `source` shows, its HTML or its text."""
    (outputs,) = (outputs for cell, outputs in ran.items() if source in cell)
    texts = (one.get("data", {}).get(kind, one.get("text", "")) for one in outputs)
    return "".join("".join(text) for text in texts)


def test_the_notebook_is_stored_without_outputs() -> None:
    for cell in cells(NOTEBOOK):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.train
@pytest.mark.slow
def test_the_notebook_runs_here_and_on_aws(studio: dict[str, str], tmp_path: Path) -> None:
    ran = executed(tmp_path, studio)
    assert not [one for outputs in ran.values() for one in outputs if one["output_type"] == "error"]
    assert "train, waiting" in shown(ran, "from orchestrator import", "text/html")
    here = shown(ran, "result = p.run()", "text/html")
    for wanted in ('class="node Succeeded"', "<polyline", "training loss", "validation loss"):
        assert wanted in here
    assert "<polyline" in shown(ran, 'result["base"]', "text/html")
    told = shown(ran, "p.deploy()")
    assert f"role         arn:aws:iam::{ACCOUNT}:role/service-role/Studio: the role of" in told
    assert f"bucket       {BUCKET}: the SageMaker SDK's default" in told
    assert "pipeline     studio-quickstart: create" in told
    started = shown(ran, "p.start(")
    assert "parameter    Smoke=true" in started
    assert re.search(r"job          base: 1 x ml\.\S+", started)
    watched = "there = execution.watch"
    (outputs,) = (found for cell, found in ran.items() if watched in cell)
    assert [one["output_type"] for one in outputs] == ["display_data"]
    assert re.fullmatch(r"studio-quickstart: Succeeded, 3 of 3 steps, .+", shown(ran, watched))
    assert shown(ran, watched, "text/html").count('class="node Succeeded"') == 3
    assert re.search(r"base +Training +Succeeded", shown(ran, "there.to_pandas()"))
    assert "'read': ['data', 'metrics', 'test']" in shown(ran, "execution.pull")
