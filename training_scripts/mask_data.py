"""Say of the first rows which tokens are trained and which masked, as one JSON document.

    python3 -m training_scripts.mask_data rows.jsonl --model=./qwen [--rows=3]

The rows are read, cleaned, worded and tokenized by the code that the steps `dataset` and `train`
run.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from training_scripts.check_data import INTERRUPTED, load_tokenizer
from training_scripts.checking.mask import Masking, masked_row
from training_scripts.checking.reading import open_data
from training_scripts.container import JobFailure, fail
from training_scripts.data.cleaning import clean, is_empty
from training_scripts.data.formats import placed_samples
from training_scripts.data.problems import Problems
from training_scripts.data.templates import Template, render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training_scripts.data.formats import Sample


def main() -> int:
    """Print the document of what the arguments name; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="a folder with a tokenizer")
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--truncate", action="store_true")
    parser.add_argument("--whole-loss", action="store_true", help="not on completions only")
    parser.add_argument("--format", help="how rows look; by default looked at")
    parser.add_argument("--columns", type=json.loads, help="our names to theirs, as JSON")
    parser.add_argument("--prompt-template", choices=get_args(Template), default="plain")
    parser.add_argument("--system-prompt")
    arguments = parser.parse_args()
    try:
        document = masks(arguments)
    except JobFailure as failure:
        document = {"error": str(failure)}
    except OSError as error:
        document = {"error": f"{error.filename}: {error.strerror}. Check that it can be used."}
    except KeyboardInterrupt:
        return INTERRUPTED
    print(json.dumps(document))
    return 1 if "error" in document else 0


def masks(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the marked tokens of the first rows that are not empty.

    Raises:
        JobFailure: If the data or the tokenizer cannot be read, or the template fits no such rows.
    """
    tokenizer = load_tokenizer(arguments.model)
    masking = Masking(arguments.max_length, arguments.truncate, not arguments.whole_loss)
    rows = []
    for place, sample in islice(_samples(arguments), arguments.rows):
        row = render(sample, arguments.prompt_template, arguments.system_prompt)
        rows.append({"place": place, "id": row.id, **masked_row(row, tokenizer, masking)})
    if not rows:
        fail(f"{arguments.data.name}: no row has anything to learn. Give rows with completions.")
    return {
        "prompt_template": arguments.prompt_template,
        "max_length": masking.max_length,
        "truncate": masking.truncate,
        "completion_only_loss": masking.completion_only_loss,
        "rows": rows,
    }


def _samples(arguments: argparse.Namespace) -> Iterator[tuple[str, Sample]]:
    """Rows as kind `dataset` keeps them, until one cannot be used."""
    problems = Problems()
    data = open_data(
        arguments.data, problems, data_format=arguments.format, columns=arguments.columns
    )
    for place, sample in placed_samples(
        data.records, problems, data_format=data.format, columns=data.columns
    ):
        problems.fail_if_any()
        # Of a preference the chosen answer is shown: both are worded and masked alike.
        cleaned = clean(replace(sample, rejected=None))
        if not is_empty(cleaned):
            yield place, cleaned
    problems.fail_if_any()


if __name__ == "__main__":
    sys.exit(main())
