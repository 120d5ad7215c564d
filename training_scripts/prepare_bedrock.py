"""Turn rows into a file that Amazon Bedrock customizes a model on.

    python3 launch.py prepare_bedrock.py

Reads channels `data` and, if there is one, `validation_data`: the output of a step of kind
`dataset`, or files that are in one of Bedrock's formats already. Writes output `data`
(`train.jsonl`, `validation.jsonl`) and `metrics`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from training_scripts.container import current_job, fail

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training_scripts.container import Job
    from training_scripts.data.bedrock import Target


def main(job: Job | None = None) -> None:
    """Run the data step of kind `bedrock`."""
    from training_scripts.data.bedrock import Target

    job = current_job() if job is None else job
    print(f"settings: {json.dumps(job.settings, sort_keys=True)}", flush=True)
    limits = job.settings["limits"]
    target = Target(
        job.settings["customization_type"], job.settings["formats"], limits.get("max_tokens")
    )
    metrics: dict[str, float] = {}
    for channel, side in (("data", "train"), ("validation_data", "validation")):
        if job.has_input(channel):
            count, characters = _write(job, channel, side, target)
            kind = "training" if side == "train" else "validation"
            _count_is_in_bounds(job, channel, count, kind)
            metrics |= {f"rows_{side}": count, f"characters_{side}": characters}
    job.write_metrics(metrics)
    for name, value in metrics.items():
        print(f"{name}: {value:,}", flush=True)


def _write(job: Job, channel: str, side: str, target: Target) -> tuple[int, int]:
    """Write the converted rows of a channel; return how many, and their characters.

    Raises:
        JobFailure: With the first rows that cannot be used.
    """
    from training_scripts.data.problems import Problems

    problems = Problems()
    count = characters = 0
    path = job.output("data") / f"{side}.jsonl"
    partial = path.with_name(f".{path.name}.partial")
    rows = islice(_rows(job, channel, side, target, problems), _most(job))
    with partial.open("w", encoding="utf-8", newline="\n") as out:
        for row in rows:
            line = json.dumps(row, ensure_ascii=False)
            count, characters = count + 1, characters + len(line)
            out.write(f"{line}\n")
    problems.fail_if_any()
    partial.replace(path)
    return count, characters


def _rows(
    job: Job, channel: str, side: str, target: Target, problems: Any
) -> Iterator[dict[str, Any]]:
    from training_scripts.data.bedrock import UnfitError
    from training_scripts.data.files import find_data
    from training_scripts.data.readers import read_records

    folder = job.input(channel)
    found = find_data(_source(folder, side))
    files = [replace(it, name=f"{channel}/{it.path.relative_to(folder)}") for it in found]
    for record in read_records(files, problems):
        try:
            yield target.convert(record.value)
        except UnfitError as error:
            problems.add(record.place, str(error))


def _source(folder: Path, side: str) -> Path:
    """Return the file of a `dataset` step's side, or the folder of the user's own files."""
    split = folder / f"{side}.jsonl"
    return split if split.is_file() else folder


def _most(job: Job) -> int | None:
    return job.smoke.rows if job.smoke else None


def _count_is_in_bounds(job: Job, channel: str, count: int, kind: str) -> None:
    limits, smoke = job.settings["limits"], job.smoke
    least, most = limits.get(f"min_{kind}_records", 1), limits.get(f"max_{kind}_records")
    model = job.settings["base_model_identifier"]
    if count < least and not (smoke and count):
        fail(f"{channel}: {count:,} rows, and {model} wants {least:,} or more. Add rows.")
    if most is not None and count > most:
        fail(
            f"{channel}: {count:,} rows, and {model} takes {most:,} at most. "
            f"Write `max_rows: {most}` in the `dataset` step."
        )


if __name__ == "__main__":
    main()
