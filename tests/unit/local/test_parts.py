"""Small parts: retries, durations, logs, paths, images, variables, conditions in words."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.definition.model import Parameter, RetryPolicy
from orchestrator.definition.parameter_values import parameter_values
from orchestrator.errors import DefinitionError, InputError
from orchestrator.local.clock import SystemClock
from orchestrator.local.condition_text import condition_text
from orchestrator.local.environments import job_variables, missing_requirements, rewritten
from orchestrator.local.images import has_provider
from orchestrator.local.job_log import JobLog
from orchestrator.local.job_plan import job_plan, relative_to_ml
from orchestrator.local.retries import Retries
from orchestrator.local.values import timestamp
from orchestrator.results.progress_line import read_progress

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_waits_grow_by_the_back_off_rate_until_the_attempts_are_used() -> None:
    policy = RetryPolicy(("X",), interval_seconds=10, backoff_rate=1.5, max_attempts=3)
    retries = Retries([policy])
    assert [retries.wait_seconds("X", NOW) for _ in range(4)] == [10, 15, 22.5, None]


def test_a_policy_that_says_no_more_waits_1_2_4_8_16_seconds() -> None:
    retries = Retries([RetryPolicy(("X",))])
    assert [retries.wait_seconds("X", NOW) for _ in range(6)] == [1, 2, 4, 8, 16, None]


def test_a_policy_with_an_expiry_retries_until_then() -> None:
    policy = RetryPolicy(("X",), interval_seconds=50, backoff_rate=1.0, expire_after_minutes=2)
    retries = Retries([policy])
    moments = [NOW + timedelta(seconds=seconds) for seconds in (0, 50, 100)]
    assert [retries.wait_seconds("X", moment) for moment in moments] == [50, 50, None]


def test_only_a_policy_that_names_the_fault_counts() -> None:
    retries = Retries([RetryPolicy(("X",)), RetryPolicy(("Y",), interval_seconds=7)])
    assert retries.wait_seconds("Y", NOW) == 7
    assert retries.wait_seconds("Z", NOW) is None
    assert retries.wait_seconds(None, NOW) is None


def test_a_progress_line_is_read() -> None:
    line = "progress step=40/300 train/loss=5.1234 tokens_per_second=5400 seconds_left=43"
    progress = read_progress("sft", line, SystemClock().now())
    assert progress is not None
    assert (progress.current, progress.total) == (40, 300)
    assert progress.metrics == {"train/loss": 5.1234}
    assert (progress.tokens_per_second, progress.seconds_left) == (5400, 43)


@pytest.mark.parametrize("line", ["progress is slow", "progress step=x/3", "progress a=b"])
def test_a_line_that_only_looks_like_progress_is_an_ordinary_line(line: str) -> None:
    events: list[Any] = []
    log = JobLog(io.BytesIO(), "a", events.append, SystemClock())  # type: ignore[arg-type]
    log.read(line.encode() + b"\n")
    assert [event.line for event in events] == [line]


def test_lines_are_put_together_across_chunks_and_redrawn_lines_count_once() -> None:
    events: list[Any] = []
    log = JobLog(io.BytesIO(), "a", events.append, SystemClock())  # type: ignore[arg-type]
    for chunk in (b"one\ntw", b"o\n10%\r20%\r100%\n", b"\xff\xfe bad\n", b"end"):
        log.read(chunk)
    log.close()
    expected = ["one", "two", "100%", "\ufffd\ufffd bad", "end"]
    assert [event.line for event in events] == expected
    assert list(log.last_lines) == expected


@pytest.mark.parametrize("path", ["/etc", "/opt/mlx", "/opt/ml/../x", "opt/ml/x", ""])
def test_a_path_outside_of_opt_ml_is_refused(path: str) -> None:
    with pytest.raises(DefinitionError, match="does not lie under /opt/ml"):
        relative_to_ml(path)


def test_a_request_of_the_wrong_form_is_named_by_its_member() -> None:
    with pytest.raises(DefinitionError, match=r"ProcessingInputs: expected a list of objects"):
        job_plan("Processing", "x", {"ProcessingInputs": "s3://b/k"})


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.10.0-cpu-py313", True),
        ("763104351884.dkr.ecr.eu-west-1.amazonaws.com/huggingface-pytorch-training:2.9.0-x", True),
        ("727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch-inference-arm64:2.6", True),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", True),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:latest", False),
        ("763104351884.dkr.ecr.us-east-1.amazonaws.com/tensorflow-training:2.14", False),
        ("pytorch-training", False),
    ],
)
def test_images_with_torch_or_scikit_learn_have_a_provider(uri: str, *, known: bool) -> None:
    assert has_provider(uri) is known


def test_parameters_become_their_type() -> None:
    parameters = [
        Parameter("I", "Integer"),
        Parameter("F", "Float", 2),
        Parameter("B", "Boolean"),
        Parameter("S", "String", "x"),
    ]
    values = parameter_values(parameters, {"I": "3", "B": "True"})
    assert values == {"I": 3, "F": 2.0, "B": True, "S": "x"}
    assert isinstance(values["F"], float)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Integer", True), ("Integer", "1.5"), ("Float", "nan"), ("Boolean", "yes"), ("String", 1)],
)
def test_a_value_of_another_type_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(InputError, match=f"expected .*, found {value!r}"):
        parameter_values([Parameter("P", kind)], {"P": value})


def test_only_opt_ml_itself_is_rewritten(tmp_path: Path) -> None:
    text = "/opt/ml:/opt/ml/x /opt/mlx x/opt/ml --a=/opt/ml/b"
    root = str(tmp_path)
    assert rewritten(text, tmp_path, as_opt_ml=False) == (
        f"{root}:{root}/x /opt/mlx x/opt/ml --a={root}/b"
    )
    assert rewritten(text, tmp_path, as_opt_ml=True) == text


def test_secrets_of_the_caller_stay_out_of_a_job(tmp_path: Path) -> None:
    caller = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_PROFILE": "x",
        "HF_TOKEN": "x",
        "HTTPS_PROXY": "http://user:password@proxy",
        "PYTHONPATH": "x",
        "LC_ALL": "C",
        "PATH": "/bin",
    }
    variables = job_variables(tmp_path, {"MINE": "1"}, caller, as_opt_ml=True)
    assert set(caller) & set(variables) == {"LC_ALL", "PATH"}
    assert variables["MINE"] == "1"
    assert variables["FMO_ML_ROOT"] == "/opt/ml"


def test_a_requirement_is_met_only_at_its_pinned_version() -> None:
    assert missing_requirements("# none\n\n") == []
    assert missing_requirements("click==0.0.1\nno-such-package==1") == [
        "click==0.0.1",
        "no-such-package==1",
    ]


def test_a_condition_is_told_with_the_values_found() -> None:
    found = {"x": 0.123456789}

    def resolve(value: Any) -> Any:
        return found["x"] if value == "x" else value

    inner = {"Type": "In", "QueryValue": "x", "Values": [1, 2]}
    condition: Any = {
        "Type": "Or",
        "Conditions": [
            {"Type": "LessThan", "LeftValue": "x", "RightValue": 3},
            {"Type": "Not", "Condition": inner},
        ],
    }
    assert condition_text(condition, resolve) == "0.123457 < 3 or not (0.123457 in (1, 2))"


def test_times_are_written_as_sagemaker_does() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert timestamp(moment) == "2026-01-02T03:04:05.678Z"


def test_a_gate_that_opens_because_there_is_no_champion_says_so() -> None:
    def metric(name: str) -> Any:
        file = {"Get": "Steps.exam.PropertyFiles.metrics"}
        return {"Std:JsonGet": {"PropertyFile": file, "Path": f"$['{name}']"}}

    gain = "champion.difference.accuracy"
    absent = {"Type": "Equals", "LeftValue": metric("champion.found"), "RightValue": 0}
    bound = {"Type": "GreaterThanOrEqualTo", "LeftValue": metric(gain), "RightValue": 0.5}
    condition = {"Type": "Or", "Conditions": [absent, bound]}

    def resolve_with(found: int) -> Any:
        values = {"$['champion.found']": found, f"$['{gain}']": 0}
        return lambda value: (
            values[value["Std:JsonGet"]["Path"]] if isinstance(value, dict) else value
        )

    assert condition_text(condition, resolve_with(1)) == f"{gain} 0 >= 0.5"
    assert condition_text(condition, resolve_with(0)) == f"{gain} 0 >= 0.5 (no champion yet)"
