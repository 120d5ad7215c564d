"""`make aws-smoke` against the strict moto, and its recordings played again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import moto
import pytest

from orchestrator import flow
from orchestrator.aws.clients import Aws
from orchestrator.compiler.environment import Environment
from orchestrator.errors import NotFoundError
from orchestrator.local.home import Home
from tests.aws.account import BUCKET, REGION, ROLE
from tests.aws.replay import Replay
from tests.aws.strict_moto import fail_at
from tools.aws_smoke.__main__ import BUCKET as RECORDED_BUCKET
from tools.aws_smoke.__main__ import ROLE as RECORDED_ROLE
from tools.aws_smoke.life import SPEC, USD_PER_HOUR, Life, SmokeError, cost_lines
from tools.aws_smoke.recording import Recorder, read_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.jsonl"))
"""Of real accounts; none yet."""
PHASES = ["check", "deploy", "start", "watch", "report", "pull", "start", "stop", "clean up"]
HERE = Environment("smoke", BUCKET, ROLE, REGION)


@dataclass
class Account:
    """A session whose calls are written down, and what a smoke run in it said."""

    session: boto3.Session
    home: Path
    said: list[str] = field(default_factory=list)

    def life(self) -> Life:
        aws = Aws(self.session, REGION)
        return Life(aws, HERE, Home(self.home), self.said.append, lambda: None)


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with moto.mock_aws():
        session = boto3.Session("key", "secret", region_name=REGION)
        session.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        Recorder(session, recording(tmp_path), {BUCKET: RECORDED_BUCKET, ROLE: RECORDED_ROLE})
        yield Account(session, tmp_path / "home")


def recording(folder: Path) -> Path:
    return folder / "calls" / "smoke.jsonl"


def phases(said: list[str]) -> list[str]:
    """Return the phases in order, of several lines in a row the first."""
    words = [line.partition(":")[0] for line in said]
    return [word for at, word in enumerate(words) if at == 0 or words[at - 1] != word]


def test_the_whole_life_leaves_nothing_behind(account: Account, tmp_path: Path) -> None:
    account.life().run()
    assert phases(account.said) == PHASES
    sagemaker, s3 = account.session.client("sagemaker"), account.session.client("s3")
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
    left = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    assert [key for key in left if key.startswith("fmo/")] == []
    assert "fmo-aws-smoke" in (tmp_path / "home" / "aws-smoke.html").read_text()


def test_its_recording_is_played_again_to_the_same_end(account: Account, tmp_path: Path) -> None:
    account.life().run()
    text = recording(tmp_path).read_text(encoding="utf-8")
    assert BUCKET not in text
    assert ROLE not in text
    assert '"AWSAccessKeyId"' not in text
    said = replayed(recording(tmp_path), tmp_path / "again")
    assert phases(said) == PHASES


def test_a_call_that_the_recording_lacks_is_told(account: Account, tmp_path: Path) -> None:
    account.life().run()
    calls = recording(tmp_path).read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(at for at, call in enumerate(calls) if '"StartPipelineExecution"' in call)
    short = tmp_path / "short.jsonl"
    short.write_text("".join((*calls[:at], *calls[at + 1 :])), encoding="utf-8")
    with pytest.raises(AssertionError, match="was asked, where the recording has"):
        replayed(short, tmp_path / "again")


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recording_of_a_real_account_is_understood(path: Path, tmp_path: Path) -> None:
    assert phases(replayed(path, tmp_path)) == PHASES


def replayed(path: Path, home: Path) -> list[str]:
    """Go through the life with the answers of a recording, and return what was said."""
    said: list[str] = []
    region = region_of(path)
    replay = Replay(path, region)
    environment = Environment("smoke", RECORDED_BUCKET, RECORDED_ROLE, region)
    Life(Aws(replay.session, region), environment, Home(home), said.append, lambda: None).run()
    replay.assert_all_was_asked()
    return said


def region_of(path: Path) -> str:
    (arn,) = (
        call["response"]["PipelineArn"]
        for call in read_recording(path)
        if call["operation"] == "CreatePipeline"
    )
    return str(arn).split(":")[3]


def test_a_step_that_fails_ends_it_and_is_cleaned_up_too(account: Account) -> None:
    fail_at("fit")
    with pytest.raises(SmokeError, match="expected that the execution succeeds; found 'Step fail"):
        account.life().run()
    assert any("watch: fit Failed: AlgorithmError" in line for line in account.said)
    with pytest.raises(NotFoundError):
        Aws(account.session, REGION).call(
            "sagemaker", "DescribePipeline", PipelineName="fmo-aws-smoke"
        )


def test_a_pipeline_of_that_name_is_left_alone(account: Account) -> None:
    definition = flow.compile_file(SPEC, {}, HERE).data.decode()
    account.session.client("sagemaker").create_pipeline(
        PipelineName="fmo-aws-smoke", PipelineDefinition=definition, RoleArn=ROLE,
        ClientRequestToken="a" * 32,
    )  # fmt: skip
    with pytest.raises(SmokeError, match="'fmo-aws-smoke' is there already"):
        account.life().run()
    assert account.session.client("sagemaker").list_pipelines()["PipelineSummaries"]


def test_the_cost_is_the_sum_of_what_each_job_can_cost() -> None:
    definition = flow.compile_file(SPEC, {}, HERE).data
    *jobs, total = cost_lines(definition)
    assert jobs == [
        "rows: 1 x ml.t3.medium, at most 900 s, 2 times: 0.025 USD",
        "fit: 1 x ml.m5.large, at most 900 s, 2 times: 0.058 USD",
    ]
    assert total.startswith("at most 0.09 USD of compute")
    assert sum(USD_PER_HOUR.values()) * 2 * 900 / 3600 <= 0.09


def test_keys_and_signatures_are_not_written_down(account: Account, tmp_path: Path) -> None:
    s3 = account.session.client("s3")
    url = "https://a.example/?X-Amz-Signature=abc&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
    s3.put_object(Bucket=BUCKET, Key="note", Body=url.encode(), Metadata={"from": url})
    s3.get_object(Bucket=BUCKET, Key="note")["Body"].read()
    (put, _got) = (json.loads(line) for line in recording(tmp_path).read_text().splitlines())
    assert put["request"]["Metadata"] == {"from": "https://a.example/?REMOVED&REMOVED"}
    assert "AKIA" not in json.dumps(put["request"]["Metadata"])
