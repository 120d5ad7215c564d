"""Turn rows into the folder that JumpStart's training script reads.

    python3 launch.py prepare_jumpstart.py

Reads channel `data`: the output of a step of kind `dataset`, or files of the user's own. Writes
output `data` (`train.jsonl` and `template.json` for instructions, `train.jsonl` for conversations,
`train.txt` for text) and `metrics`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from training_scripts.container import current_job, fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from training_scripts.container import Job

TEMPLATE = {"prompt": "{prompt}", "completion": "{completion}"}
_COLUMN = re.compile(r"\{(\w+)\}")


def main(job: Job | None = None) -> None:
    """Run the data step of kind `jumpstart`."""
    job = current_job() if job is None else job
    print(f"settings: {json.dumps(job.settings, sort_keys=True)}", flush=True)
    task = job.settings["task"]
    rows, folder = _converted(job), job.output("data")
    if not rows:
        fail("data: there are no rows to train on. Add rows.")
    if task == "domain_adaptation":
        text = "\n\n".join(row["input"] for row in rows)
        _write(folder / "train.txt", f"{text}\n")
    else:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        _write(folder / "train.jsonl", "".join(lines))
    if task == "instruction":
        _write(folder / "template.json", json.dumps(job.settings["template"] or TEMPLATE) + "\n")
    job.write_metrics({"rows_train": len(rows)})
    print(f"rows_train: {len(rows):,}", flush=True)


def columns_of(template: Mapping[str, str]) -> list[str]:
    """Return the columns that a template names, in order, each once."""
    return list(dict.fromkeys(_COLUMN.findall(f"{template['prompt']}\n{template['completion']}")))


def filled(text: str, row: Mapping[str, Any]) -> str:
    """Return one side of a template with a row's columns in it."""
    return _COLUMN.sub(lambda found: str(row[found[1]]), text)


def _converted(job: Job) -> list[dict[str, Any]]:
    """The rows as JumpStart reads them.

    Raises:
        JobFailure: With the first rows that cannot be used.
    """
    from training_scripts.data.bedrock import UnfitError
    from training_scripts.data.files import find_data
    from training_scripts.data.problems import Problems
    from training_scripts.data.readers import read_records

    folder, problems = job.input("data"), Problems()
    split = folder / "train.jsonl"
    found = find_data(split if split.is_file() else folder)
    files = [replace(it, name=f"data/{it.path.relative_to(folder)}") for it in found]

    def convert() -> Iterator[dict[str, Any]]:
        for record in read_records(files, problems):
            try:
                yield _row(job.settings, record.value)
            except UnfitError as error:
                problems.add(record.place, str(error))

    rows = list(islice(convert(), job.smoke.rows if job.smoke else None))
    problems.fail_if_any()
    return rows


def _row(settings: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    from training_scripts.data.bedrock import CONVERSATION, PROMPTS, Target

    if settings["task"] == "domain_adaptation":
        return Target("continued_pre_training", ()).convert(value)
    if settings["task"] == "chat":
        return {"dialog": _dialog(Target("fine_tuning", (CONVERSATION,)).convert(value))}
    if settings["template"] is None:
        return Target("fine_tuning", (PROMPTS,)).convert(value)
    return _columns(value, columns_of(settings["template"]))


def _dialog(row: Mapping[str, Any]) -> list[dict[str, str]]:
    system = [{"role": "system", "content": part["text"]} for part in row.get("system", ())]
    turns = [
        {"role": turn["role"], "content": turn["content"][0]["text"]} for turn in row["messages"]
    ]
    return [*system, *turns]


def _columns(value: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    from training_scripts.data.bedrock import UnfitError

    missing = [name for name in names if not isinstance(value.get(name), str)]
    if missing:
        message = (
            f"there is no text in {', '.join(map(repr, missing))}, which the template names. "
            f"Its columns are {', '.join(map(repr, sorted(value)))}."
        )
        raise UnfitError(message)
    return {name: value[name] for name in names}


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)


if __name__ == "__main__":
    main()
