"""Make texts to read and questions to answer from the API documentation that botocore carries.

    python extract.py --held-back-service=sagemaker --max-texts=6000 --max-questions=12000

Outputs: `texts` and `domain` (JSON Lines with `text`: reference pages of all services, and of the
held-back one), `questions` (`prompt`, `completion`, `task`, `family`) and `metrics`.

An operation is either read or asked about, never both, and so is its whole family of near-copies:
what a model gets right in the exam it has not read in its documentation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from families import family_keys, share
from questions import QUESTIONS, SHARES, Vocabulary, sample, vocabularies
from reference_page import reference_page
from service_models import Operation, models_folder, read_operations

from training_scripts.container import current_job, fail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from training_scripts.container import Job

Row = dict[str, str]
ASKED_SHARE = 0.4
"""Of the families of operations; the others are read."""
PER_OPERATION = 2
"""Questions of one task about one operation, at most."""


def main() -> None:
    """Run the job of this container."""
    # The arguments are this script's own; `config.json` says nothing more.
    extract(current_job([]), sys.argv[1:])


def extract(job: Job, argv: Sequence[str]) -> None:
    """Read botocore's models and write the outputs."""
    options = arguments(argv)
    folder = models_folder()
    if not (folder / options.held_back_service).is_dir():
        fail(
            f"held-back-service: botocore has no service '{options.held_back_service}'. "
            "Write a folder name of its data, such as sagemaker."
        )
    operations = list(read_operations(folder))
    print(
        f"read {len(operations)} operations of {len({o.service_id for o in operations})} services"
    )
    keys = family_keys(operations)
    read = [o for o, key in zip(operations, keys, strict=True) if share(key) >= ASKED_SHARE]
    held_back = [o for o in read if o.service_id == options.held_back_service]
    others = [o for o in read if o.service_id != options.held_back_service]
    asked = [(o, key) for o, key in zip(operations, keys, strict=True) if share(key) < ASKED_SHARE]
    counts = {
        "texts": write(job.output("texts"), pages(others, options.max_texts)),
        "domain": write(job.output("domain"), pages(held_back, options.max_texts)),
        "questions": write(
            job.output("questions"),
            question_rows(asked, vocabularies(operations), options.max_questions),
        ),
    }
    print("wrote " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    job.write_metrics({"operations": len(operations), "families": len(set(keys)), **counts})


def arguments(argv: Sequence[str]) -> Any:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--held-back-service", default="sagemaker", help="botocore's service name")
    parser.add_argument(
        "--max-texts", type=int, default=6000, help="pages in each of texts, domain"
    )
    parser.add_argument("--max-questions", type=int, default=12000, help="over all tasks")
    return parser.parse_args(argv)


def pages(operations: Iterable[Operation], count: int) -> Iterator[Row]:
    """Yield the pages of `count` operations, chosen by name, so that they stay as data grow."""
    chosen = sorted(operations, key=lambda o: share(f"{o.service_id} {o.name}"))[:count]
    for operation in chosen:
        yield {"text": reference_page(operation)}


def question_rows(
    asked: Sequence[tuple[Operation, str]], services: dict[str, Vocabulary], count: int
) -> Iterator[Row]:
    """Yield about `count` questions, of each task its share where there are enough."""
    by_task: dict[str, list[Row]] = defaultdict(list)
    for operation, family in asked:
        for task, prompt, completion in ask(operation, services[operation.service_id]):
            row = {"prompt": prompt, "completion": completion, "task": task, "family": family}
            by_task[task].append(row)
    for task in sorted(by_task):
        rows = sorted(by_task[task], key=lambda row: share(row["prompt"]))
        yield from rows[: count * SHARES[task] // sum(SHARES.values())]


def ask(operation: Operation, service: Vocabulary) -> Iterator[tuple[str, str, str]]:
    """Yield task, prompt and completion of all questions about one operation."""
    for task, questions in QUESTIONS.items():
        for prompt, completion in sample(list(questions(operation, service)), PER_OPERATION):
            yield task, prompt, completion


def write(folder: Path, rows: Iterable[Row]) -> int:
    """Write `rows` into `folder` as JSON Lines and return how many there were."""
    count = 0
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as lines:
        for count, row in enumerate(rows, start=1):  # noqa: B007 - the last count is the answer
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


if __name__ == "__main__":
    main()
