"""`fmo init`, and `fmo validate` on what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.spec.load import load_spec

if TYPE_CHECKING:
    from tests.functional.cli.conftest import Fmo

TURNS = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
SHARED = [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]


def rows(fmo: Fmo, name: str, *values: Any) -> None:
    text = "".join(json.dumps(value) + "\n" for value in values)
    (fmo.folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("objective", ["sft", "dpo", "pretrain", "continued-pretrain"])
@pytest.mark.parametrize(
    "row",
    [
        {"text": "Some text."},
        {"Question": "Why?", "Answer": "So."},
        {"instruction": "Add", "input": "1 1", "output": "2"},
        {"messages": TURNS},
        {"conversations": SHARED},
        {"body: #1": "x", "prompt": "p", "response, final": "r", "completion": "c"},
        {"chosen": TURNS, "rejected": [TURNS[0], {"role": "assistant", "content": "Go away"}]},
        {"question": "Why?", "chosen": "So.", "rejected": "So. "},
    ],
    ids=lambda row: "-".join(row),
)
def test_what_is_written_is_short_and_valid_or_nothing_is(
    fmo: Fmo, objective: str, row: dict[str, Any]
) -> None:
    rows(fmo, "my rows.jsonl", row)
    done = fmo(
        "init", objective, "--data", "my rows.jsonl", "--model", "acme/small", "-o", "mine.yaml"
    )
    spec = fmo.folder / "mine.yaml"
    if done.code:
        assert done.code == 2
        assert "FMO110 --" in done.stderr
        return
    assert len(spec.read_text().splitlines()) <= 25
    load_spec(spec.read_text())


@pytest.mark.parametrize("objective", ["sft", "pretrain", "continued-pretrain"])
def test_the_spec_validates_from_another_folder(fmo: Fmo, objective: str) -> None:
    rows(fmo, "rows.jsonl", *({"prompt": f"p{n}", "completion": "c"} for n in range(100)))
    done = fmo(
        "init", objective, "--data", "rows.jsonl", "--model", "acme/small", "-o", "specs/one.yaml"
    )
    assert done.code == 0, done.stderr
    checked = fmo("validate", "specs/one.yaml")
    assert checked.code == 0, checked.stderr
    assert "steps, 0 warnings, no errors" in checked.stdout


def test_a_spec_for_preferences_validates(fmo: Fmo) -> None:
    pairs = ({"query": f"{n}?", "chosen": "yes", "rejected": "no"} for n in range(100))
    rows(fmo, "pairs.jsonl", *pairs, {"query": "1?", "chosen": "yes", "rejected": "yes"})
    done = fmo("init", "dpo", "--data", "pairs.jsonl", "--model", "a/b", "-o", "mine.yaml")
    assert done.code == 0, done.stderr
    assert "mine.yaml: dpo on pairs.jsonl (format preference)" in done.stdout
    text = (fmo.folder / "mine.yaml").read_text()
    assert "columns: {prompt: query}" in text
    assert "drop_ties: true" in text
    checked = fmo("validate", "mine.yaml")
    assert "3 steps, 0 warnings, no errors" in checked.stdout


@pytest.mark.parametrize(
    ("objective", "row", "told"),
    [
        (
            "sft",
            {"prompt": "p", "chosen": "a", "rejected": "b"},
            "--data: sft learns one text a row, and these have a chosen and a rejected. "
            "Write: fmo init dpo.",
        ),
        (
            "dpo",
            {"prompt": "p", "completion": "c"},
            "--data: dpo needs a chosen and a rejected answer, and these rows are of "
            "prompt-completion. Write: fmo init sft, or give rows with prompt, chosen and "
            "rejected.",
        ),
        ("dpo", {"text": "t"}, "Write: fmo init continued-pretrain, or give rows with prompt,"),
    ],
)
def test_data_for_another_objective_name_it(
    fmo: Fmo, objective: str, row: dict[str, Any], told: str
) -> None:
    rows(fmo, "rows.jsonl", row)
    done = fmo("init", objective, "--data", "rows.jsonl", "--model", "a/b", "-o", "mine.yaml")
    assert done.code == 2
    assert told in done.stderr
    assert not (fmo.folder / "mine.yaml").exists()


def test_columns_are_written_where_their_names_differ(fmo: Fmo) -> None:
    rows(fmo, "rows.jsonl", {"Question": "Why?", "Answer": "So."})
    document = fmo(
        "init", "sft", "--data", "rows.jsonl", "--model", "./small", "-o", "mine.yaml", "--json"
    ).document
    assert document["columns"] == {"prompt": "Question", "completion": "Answer"}
    text = (fmo.folder / "mine.yaml").read_text()
    assert "columns: {prompt: Question, completion: Answer}" in text
    assert "model_name_or_path: ./small\n" in text


def test_a_spec_that_is_there_is_written_over_by_force_only(fmo: Fmo) -> None:
    before = (fmo.folder / "spec.yaml").read_text()
    command = ("init", "sft", "--data", "tickets.jsonl", "--model", "acme/small")
    refused = fmo(*command)
    assert refused.code == 2
    assert "spec.yaml is there already. Name another with -o, or add --force." in refused.stderr
    assert (fmo.folder / "spec.yaml").read_text() == before
    assert fmo(*command, "--force").code == 0
    assert "name: tickets\n" in (fmo.folder / "spec.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--data", "nope.jsonl", "--model", "a/b"), "there is no such file or folder"),
        (("--data", "bad.jsonl", "--model", "a/b"), "bad.jsonl:2: not valid JSON"),
        (("--data", "tickets.jsonl", "--model", "a b"), "'hf://a b' is not a model of the hub"),
        (("--data", "tickets.jsonl"), "--model: sft starts from a model and none is named"),
        (("--data", "text.jsonl", "--model", "a/b"), "sft needs prompts, and these rows are text"),
    ],
)
def test_nothing_is_written_when_the_data_or_the_model_are_wrong(
    fmo: Fmo, arguments: tuple[str, ...], told: str
) -> None:
    (fmo.folder / "bad.jsonl").write_text('{"prompt": "p", "completion": "c"}\nnot json\n')
    rows(fmo, "text.jsonl", {"text": "x"})
    done = fmo("init", "sft", *arguments, "-o", "mine.yaml")
    assert done.code == 2
    assert told in done.stderr
    assert not (fmo.folder / "mine.yaml").exists()


def test_the_page_shows_the_spec_that_is_written(fmo: Fmo) -> None:
    page = (Path(__file__).parents[3] / "docs/commands/init.md").read_text(encoding="utf-8")
    fmo(
        "init", "sft", "--data", "tickets.jsonl", "--model", "Qwen/Qwen3-0.6B", "-o", "tickets.yaml"
    )
    assert f"```yaml\n{(fmo.folder / 'tickets.yaml').read_text()}```" in page


def test_room_is_made_for_the_longest_row(fmo: Fmo) -> None:
    rows(fmo, "rows.jsonl", {"prompt": "p", "completion": "word " * 2_000})
    fmo("init", "sft", "--data", "rows.jsonl", "--model", "a/b", "-o", "mine.yaml")
    steps = load_spec((fmo.folder / "mine.yaml").read_text()).steps
    assert steps["train"].model_dump()["max_length"] == 4096
    assert steps["exam"].model_dump()["max_length"] == 8192
