"""What docs/bridge.md says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from orchestrator.bridge.lambdas import receive_all
from orchestrator.bridge.model import State
from tests.bridge.moto_extensions import Callback, callbacks
from tests.bridge.test_any_call_fails import SCENARIOS, calls_without_fault
from tests.bridge.wire import Wire
from tests.bridge.world import TOKEN, World, backend

PAGE = (Path(__file__).parents[2] / "docs" / "bridge.md").read_text(encoding="utf-8")


def rows(header: str) -> list[list[str]]:
    """Return the cells of the table that begins with `header`."""
    table = PAGE.partition(header)[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


def test_the_message_of_the_page_is_carried_to_its_answer(world: World) -> None:
    [body] = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    callbacks(backend("sagemaker"))[TOKEN] = Callback("arn", declared_names("bedrock") | {"rows"})
    receive_all({"Records": [{"messageId": "m", "body": body}]}, world.bridge())
    [answer] = world.settle().answers()
    assert answer["outputs"]["rows"] == "s3://acme/tickets/train.jsonl"


def declared_names(service: str) -> frozenset[str]:
    [names] = [row[3] for row in rows("| service | call |") if row[0] == f"`{service}`"]
    return frozenset(re.findall(r"`(\w+)`", names))


def test_the_page_has_every_service(world: World) -> None:
    assert [row[0].strip("`") for row in rows("| service | call |")] == list(world.services(Wire()))


def test_the_page_has_every_state_in_order() -> None:
    assert [row[0].strip("`") for row in rows("| state | meaning |")] == list(get_args(State))


def test_the_page_lists_the_calls_that_are_made_and_no_others() -> None:
    listed = set(re.findall(r"`\w+:(\w+)`", PAGE.partition("| function | calls |")[2]))
    made = {name for scenario in SCENARIOS for name in calls_without_fault(scenario)}
    assert {"".join(map(str.title, name.split("_"))) for name in made} == listed - {
        "PassRole", "TagResource",  # Of members of a request.
    }  # fmt: skip
