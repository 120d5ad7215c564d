"""Say what is in a file or folder of rows, as one JSON document on stdout.

    python3 -m training_scripts.check_data rows.jsonl [--model=./qwen] [--fix=out.jsonl]

Needs nothing but Python; with numpy it finds near-duplicates, with transformers it counts tokens.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from training_scripts.checking.convert import NEAREST, Target, convert
from training_scripts.checking.reading import open_data
from training_scripts.checking.report import report
from training_scripts.checking.survey import Measured, Survey
from training_scripts.container import JobFailure, fail
from training_scripts.data.formats import placed_samples
from training_scripts.data.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
SHOWN = 1_000
"""Rows that cannot be used, of those named one by one."""
INTERRUPTED, TERMINATED = 130, 143
"""128 and the signal's number, as shells have it."""


def main() -> int:
    """Check what the arguments name, print the document; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, help="a folder with a tokenizer")
    parser.add_argument("--max-length", type=int, default=1024)
    parser.add_argument("--max-rows", type=int)
    parser.add_argument("--fix", type=Path, help="write the rows here, in format --to")
    parser.add_argument("--to", choices=get_args(Target))
    arguments = parser.parse_args()
    # So that temporary files go when the check is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        document = check(arguments)
    except JobFailure as failure:
        document = {"error": str(failure)}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        cure = "Free some space." if error.errno == errno.ENOSPC else "Check who may read it."
        document = {"error": f"{error.filename or arguments.data}: {reason}. {cure}"}
    except KeyboardInterrupt:
        return INTERRUPTED
    print(json.dumps(document))
    return 1 if "error" in document else 0


def check(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what was found, and what was written.

    Raises:
        JobFailure: If the data or the tokenizer cannot be read at all, or rows would lose
            something on the way to another format.
    """
    measured = None
    if arguments.model is not None:
        measured = Measured(load_tokenizer(arguments.model), arguments.max_length)
    problems = Problems(shown=SHOWN)
    data = open_data(arguments.data, problems, max_rows=arguments.max_rows)
    with scratch_folder() as folder:
        survey = Survey(folder)
        try:
            rows = placed_samples(
                data.records, problems, data_format=data.format, columns=data.columns
            )
            survey.read(rows, measured)
            document = report(data, survey, problems, measured)
        finally:
            survey.repeats.close()
    if arguments.fix is None or problems.count:
        return {**document, "written": None}
    target = arguments.to or NEAREST[data.format]
    again = open_data(arguments.data, problems, max_rows=arguments.max_rows)
    converted = convert(again, arguments.fix, target, problems)
    return {**document, "written": {"format": target, "rows": converted}}


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards, also when the check is told to end."""
    told = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, told)
    folder = Path(tempfile.mkdtemp(prefix="fmo-check-"))
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, told)
        yield folder
    finally:
        # Removing it must not be cut short.
        signal.pthread_sigmask(signal.SIG_BLOCK, told)
        shutil.rmtree(folder, ignore_errors=True)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, told)


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model's folder.

    Raises:
        JobFailure: If transformers is missing, or there is no tokenizer.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError:
        fail("--model: transformers is not installed. Run: pip install 'fm-orchestrator[train]'")
    if not folder.is_dir():
        fail(f"--model: there is no folder {folder}. Give the folder of a downloaded model.")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        fail(f"--model: no tokenizer in {folder}. Give the folder of a whole model.")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        fail(f"--model: no tokenizer in {folder} ({reason}). Give the folder of a whole model.")


if __name__ == "__main__":
    sys.exit(main())
