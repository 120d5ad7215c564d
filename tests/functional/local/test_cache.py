"""When a step's earlier outputs are used again, and what `why` says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.definition.model import Cache
from orchestrator.local.history import explain
from orchestrator.local.store import Store
from orchestrator.results.events import StepStarted


class SetClock:
    """Shows the time it was set to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time

    def wait(self, stop: Any, seconds: float) -> bool:
        return bool(stop.wait(seconds))


def step(lab: Any, code: str = "1", uri: str = "s3://lab/in/a/", **keywords: Any) -> Any:
    body = f"""
        rows = (ml / 'processing/input/data/x').read_text()
        (ml / 'processing/output/metrics/metrics.json').write_text('{{"n": ' + rows + '}}')
        {code}
    """
    keywords.setdefault("cache", Cache(enabled=True))
    return lab.processing("a", body, inputs={"data": uri}, outputs=["metrics"], **keywords)


def test_a_step_with_the_same_inputs_settings_and_code_is_not_run_again(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    first = lab.run(step(lab))
    lab.events.clear()
    second = lab.run(step(lab))
    assert second.step("a").cached
    assert second.step("a").outputs == first.step("a").outputs
    assert second.step("a").metrics == {"n": 1}
    assert not [event for event in lab.events if isinstance(event, StepStarted)]
    assert explain(lab.home, second.execution_id, "a").text.startswith("It was not run")


def test_the_same_content_at_another_uri_is_the_same_input(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    lab.store.put_bytes("s3://lab/in/b/x", b"1")
    lab.run(step(lab))
    assert lab.run(step(lab, uri="s3://lab/in/b/")).step("a").cached


def test_a_changed_input_runs_the_step_again_and_why_names_it(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    first = lab.run(step(lab))
    lab.store.put_bytes("s3://lab/in/a/x", b"2")
    second = lab.run(step(lab))
    assert not second.step("a").cached
    explanation = explain(lab.home, second.execution_id, "a")
    assert [change.part for change in explanation.changes] == ["inputs.data/x"]
    assert explanation.previous_execution_id == first.execution_id
    assert explanation.text == (
        f"It ran because this changed since execution {first.execution_id}: inputs.data/x."
    )


def test_a_changed_argument_is_named_by_its_place_in_the_request(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    lab.run(step(lab, arguments=["--rows=10"]))
    second = lab.run(step(lab, arguments=["--rows=20"]))
    (change,) = explain(lab.home, second.execution_id, "a").changes
    assert change.part == "AppSpecification.ContainerArguments[0]"
    assert (change.before, change.after) == ("--rows=10", "--rows=20")


def test_a_step_without_cache_runs_every_time(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    for _ in range(2):
        result = lab.run(step(lab, cache=None))
        assert not result.step("a").cached
    assert "enables no CacheConfig" in explain(lab.home, result.execution_id, "a").text


def test_a_cache_can_be_left_unused(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    lab.run(step(lab))
    assert not lab.run(step(lab), use_cache=False).step("a").cached


def test_an_expired_result_is_not_used(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    clock = SetClock()
    cached = replace(step(lab), cache=Cache(enabled=True, expire_after="P1D"))
    lab.run(cached, clock=clock)
    clock.time += timedelta(hours=23)
    assert lab.run(cached, clock=clock).step("a").cached
    clock.time += timedelta(hours=2)
    again = lab.run(cached, clock=clock)
    assert not again.step("a").cached
    assert "is too old" in explain(lab.home, again.execution_id, "a").text


def test_outputs_that_were_changed_or_removed_are_made_again(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    first = lab.run(step(lab))
    uri = f"{first.step('a').outputs['metrics']}/metrics.json"
    Store(lab.home.store).put_bytes(uri, b"tampered")
    second = lab.run(step(lab))
    assert not second.step("a").cached
    Store(lab.home.store).delete(f"{second.step('a').outputs['metrics']}/metrics.json")
    assert not lab.run(step(lab)).step("a").cached


def test_a_failed_step_is_not_used_again(lab: Any) -> None:
    lab.store.put_bytes("s3://lab/in/a/x", b"1")
    assert lab.run(step(lab, code="sys.exit(1)")).status == "Failed"
    again = lab.run(step(lab, code="sys.exit(1)"))
    assert again.status == "Failed"
    assert not again.step("a").cached
