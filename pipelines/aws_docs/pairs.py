"""Preferences out of questions: the true answer is chosen, one that fits another is rejected.

It stands in for people who compare two answers. The other answer is of the same task, so that it
looks right and is not.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from families import share

from training_scripts.container import current_job, fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training_scripts.container import Job

Row = dict[str, str]


def main() -> None:
    """Run the job of this container."""
    make_pairs(current_job([]))


def make_pairs(job: Job) -> None:
    """Read the questions and write the pairs."""
    path = job.input("questions") / "rows.jsonl"
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    count = 0
    with (job.output("pairs") / "rows.jsonl").open("w", encoding="utf-8") as out:
        for count, row in enumerate(pairs(rows), start=1):  # noqa: B007 the last count is told
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    if not count:
        fail("questions: no task has two different answers. Raise --max-questions.")
    print(f"wrote {count} pairs")


def pairs(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield a pair for each question whose task has another answer."""
    answers: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        answers[row["task"]].add(row["completion"])
    for row in rows:
        others = sorted(answers[row["task"]] - {row["completion"]})
        if others:
            rejected = others[int(share(row["prompt"]) * len(others))]
            kept = {name: row[name] for name in ("prompt", "task", "family")}
            yield {**kept, "chosen": row["completion"], "rejected": rejected}


if __name__ == "__main__":
    main()
