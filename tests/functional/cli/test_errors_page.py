"""The page of errors: each code, and what it shows is what `fmo` says."""

from __future__ import annotations

import fcntl
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EndpointConnectionError

from orchestrator import errors, flow, flow_local
from orchestrator.aws.checks import quotas_suffice
from orchestrator.aws.clients import Aws
from orchestrator.aws.needs import Instances
from orchestrator.aws.preflight import bucket_is_in_region
from orchestrator.aws.refusals import as_aws_error
from orchestrator.commands.execute import show_result
from orchestrator.commands.terminal import Failure, Output
from orchestrator.local.clock import SystemClock
from orchestrator.local.conversation import Conversation, Sampling
from orchestrator.local.home import Home
from orchestrator.local.lineage import Wording
from orchestrator.local.run import RunOptions, resume_execution, run_definition
from orchestrator.local.store import Store
from tests.aws.faults import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from botocore.awsrequest import AWSRequest

    from tests.functional.cli.conftest import Fmo

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"
SECTION = re.compile(r"^## (FMO\d{3})\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"```console\n\$ fmo (?P<command>.*)\n(?P<output>(?:.*\n)*?)```")
TEXT = re.compile(r"```text\n((?:.*\n)*?)```")
BUG = 70


def every_error(root: type[errors.FmoError] = errors.FmoError) -> Iterator[type[errors.FmoError]]:
    yield root
    for kind in root.__subclasses__():
        yield from every_error(kind)


KINDS = {kind.code: kind for kind in every_error() if kind.__module__ == errors.__name__}
SECTIONS = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


class ImpatientClock(SystemClock):
    """Does not wait for what another process holds."""

    def wait(self, stop: Event, seconds: float) -> bool:
        return super().wait(stop, min(seconds, 0))


def test_every_code_has_its_section_and_no_other_code_has() -> None:
    assert sorted(SECTIONS) == sorted(KINDS)


@pytest.mark.parametrize("code", SECTIONS)
def test_a_section_names_the_class_and_the_exit_code_and_says_what_to_do(code: str) -> None:
    kind = KINDS[code]
    exit_code = BUG if kind is errors.FmoError else kind.exit_code
    assert SECTIONS[code].startswith(f"\n`{kind.__name__}`, exit code {exit_code}. ")
    assert "**Cure.** " in SECTIONS[code]


def misspell(fmo: Fmo) -> None:
    fmo("compile", "spec.yaml", "-o", "pipeline.json")
    path = fmo.folder / "pipeline.json"
    path.write_text(path.read_text().replace('"InstanceType"', '"InstanceTyp"'))


def import_what_is_missing(fmo: Fmo) -> None:
    (fmo.folder / "missing_module.py").write_text("import pandsa\n")


def put_a_file_in_place_of_the_journal(fmo: Fmo) -> None:
    (fmo.folder / ".fmo").mkdir()
    (fmo.folder / ".fmo" / "journal.db").write_text("not a database, " * 100)


def link_out_of_the_store(fmo: Fmo) -> None:
    bucket = fmo.folder / ".fmo" / "s3" / "acme-lake"
    bucket.mkdir(parents=True)
    (bucket / "words").symlink_to(fmo.folder / "words")


def write_with_a_newer_fmo(fmo: Fmo) -> None:
    (fmo.folder / ".fmo").mkdir()
    connection = sqlite3.connect(fmo.folder / ".fmo" / "journal.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def need_a_full_device(_fmo: Fmo) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")


BEFORE: dict[str, Callable[[Fmo], None]] = {
    "FMO120": misspell,
    "FMO210": import_what_is_missing,
    "FMO300": put_a_file_in_place_of_the_journal,
    "FMO310": link_out_of_the_store,
    "FMO330": write_with_a_newer_fmo,
    "FMO340": need_a_full_device,
}


@pytest.mark.parametrize("code", [code for code in SECTIONS if CONSOLE.search(SECTIONS[code])])
def test_a_command_prints_what_its_section_shows(fmo: Fmo, code: str) -> None:
    BEFORE.get(code, lambda _: None)(fmo)
    for example in CONSOLE.finditer(SECTIONS[code]):
        assert fmo.typed(example["command"]) == fmo.settled(example["output"]), example["command"]


def told(error: errors.FmoError) -> str:
    stream = io.StringIO()
    Output(as_json=False, stderr=stream).fail(Failure.of(error))
    return stream.getvalue()


def a_bug(_fmo: Fmo) -> str:
    program = (
        "import sys\nfrom orchestrator.cli import tell_of_a_bug\nsys.excepthook = tell_of_a_bug"
    )
    command = [sys.executable, "-c", f"{program}\n{{}}['x']"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def a_killed_conversation(_fmo: Fmo) -> str:
    program = "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGKILL)"
    with (
        Conversation(os.environ, (sys.executable, "-c", program)) as conversation,
        pytest.raises(errors.RunError) as caught,
    ):
        conversation.load((), Wording("raw"), Sampling(1, 0.0))
    return told(caught.value)


def a_stopped_run(fmo: Fmo) -> str:
    home = Home(fmo.folder / ".fmo")
    home.make()
    prepared = flow.prepare_file(fmo.folder / "spec.yaml", {})
    flow_local.store_inputs(prepared, Store(home.store))
    stop = threading.Event()
    stop.set()
    options = RunOptions(environ=os.environ, stop=stop)
    result = run_definition(prepared.data, home, pipeline_name=prepared.name, options=options)
    stream = io.StringIO()
    output = Output(as_json=False, stdout=io.StringIO(), stderr=stream)
    assert show_result(result, home, output) == errors.ExecutionStoppedError.exit_code
    # The page is about a home where commands look by themselves.
    return stream.getvalue().replace(f" --home {home.root}", "")


def a_run_elsewhere(fmo: Fmo) -> str:
    fmo("run", "spec.yaml", "--set", "steps.count.gates.min.rows=9")
    home = Home(fmo.folder / ".fmo")
    (folder,) = home.executions.iterdir()
    with home.lock(folder.name).open("rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(errors.StoreBusyError) as caught:
            resume_execution(folder.name, home, clock=ImpatientClock())
    return told(caught.value)


def an_install_without_botocore(fmo: Fmo) -> str:
    program = "import sys\nsys.modules['botocore'] = None\nfrom orchestrator.cli import main\n"
    command = [sys.executable, "-c", f"{program}main(['validate', 'spec.yaml'])"]
    done = subprocess.run(command, cwd=fmo.folder, capture_output=True, text=True, check=False)
    assert done.returncode == errors.AwsError.exit_code
    return done.stderr


def expired_credentials(_fmo: Fmo) -> str:
    return told(as_aws_error(answered("ExpiredToken", 403), "sagemaker:CreatePipeline"))


def a_missing_permission(_fmo: Fmo) -> str:
    return told(as_aws_error(answered("AccessDenied", 403), "s3:PutObject"))


def too_many_requests(_fmo: Fmo) -> str:
    return told(as_aws_error(answered("ThrottlingException", 400), "sagemaker:DescribePipeline"))


def a_region_that_is_not(_fmo: Fmo) -> str:
    error = EndpointConnectionError(endpoint_url="https://s3.eu-centrl-1.amazonaws.com/")
    return told(as_aws_error(error, "s3:ListObjectsV2"))


def answered(code: str, status: int) -> ClientError:
    metadata = {"HTTPStatusCode": status}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "Some")


def no_bucket(_fmo: Fmo) -> str:
    return told(what_is_said_of_a_bucket(404, {}))


def a_bucket_elsewhere(_fmo: Fmo) -> str:
    return told(what_is_said_of_a_bucket(200, {"x-amz-bucket-region": "us-east-1"}))


def what_is_said_of_a_bucket(status: int, headers: dict[str, str]) -> errors.AwsError:
    """Return what a deployment says of a bucket of which S3 answers so."""
    session = boto3.Session("key", "secret", region_name="eu-central-1")

    def answers(request: AWSRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, headers, Raw(b""))

    session.events.register("before-send.s3.HeadBucket", answers)
    with pytest.raises(errors.AwsError) as caught:
        bucket_is_in_region("acme-dev", Aws(session, "eu-central-1", attempts=1))
    return caught.value


def a_quota_of_zero(_fmo: Fmo) -> str:
    name = "ml.p5.48xlarge for training job usage"
    quota = {"QuotaName": name, "QuotaCode": "L-0F0F0F0F", "Value": 0.0}
    session = boto3.Session("key", "secret", region_name="eu-central-1")

    def answers(request: AWSRequest, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, Raw(json.dumps({"Quotas": [quota]}).encode()))

    session.events.register("before-send.service-quotas.ListServiceQuotas", answers)
    wanted = Instances("sft", ("ml.p5.48xlarge",), 2, "training job usage")
    aws = Aws(session, "eu-central-1", attempts=1)
    return told(errors.PreflightError(quotas_suffice([wanted], aws)))


EXAMPLES: dict[str, Callable[[Fmo], str]] = {
    "FMO000": a_bug,
    "FMO200": a_killed_conversation,
    "FMO230": a_stopped_run,
    "FMO320": a_run_elsewhere,
    "FMO400": an_install_without_botocore,
    "FMO410": expired_credentials,
    "FMO420": a_missing_permission,
    "FMO430": too_many_requests,
    "FMO440": a_region_that_is_not,
    "FMO450": no_bucket,
    "FMO460": a_bucket_elsewhere,
    "FMO470": a_quota_of_zero,
}


@pytest.mark.parametrize("code", [code for code in SECTIONS if not CONSOLE.search(SECTIONS[code])])
def test_what_no_single_command_shows_is_said_as_its_section_shows(fmo: Fmo, code: str) -> None:
    (shown,) = TEXT.findall(SECTIONS[code])
    assert fmo.settled(EXAMPLES[code](fmo)) == fmo.settled(shown)


def test_the_line_that_opens_the_page_is_what_a_wrong_instance_type_gives(tmp_path: Path) -> None:
    (shown, *_) = TEXT.findall(PAGE.read_text(encoding="utf-8"))
    path = tmp_path / "pipeline.yaml"
    comments = "# a comment\n" * 4
    path.write_text(
        f"name: a\n{comments}steps:\n  sft:\n    kind: train\n    objective: sft\n"
        "    model_name_or_path: s3://acme/model/\n    data: s3://acme/rows/\n"
        "    instance_type: ml.g5.2xlrge\n"
    )
    with pytest.raises(errors.SpecError) as caught:
        flow.prepare_file(path, {})
    assert told(caught.value).replace(f"{tmp_path}/", "") == shown
