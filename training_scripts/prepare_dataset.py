"""Turn files of rows into train, validation and sealed test data.

    python3 launch.py prepare_dataset.py [--max_rows=1000] [--remember=true]

Reads channel `data`: JSON Lines, JSON arrays, CSV, Parquet or text, in one of six formats.
Writes outputs `data` (`train.jsonl`, `validation.jsonl`), `test` (`test.jsonl`) and `metrics`
(`metrics.json`; `statistics.json`, which the report draws). With `count_new_rows`, channel and
output `known` hold the keys of rows that training has had; `--remember` copies one to the other.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from training_scripts.container import current_job

if TYPE_CHECKING:
    from training_scripts.data.split import Side


def main() -> None:
    """Run the step of kind `dataset`."""
    from training_scripts.data.known_rows import count_new, remember
    from training_scripts.data.prepare import choose, read_into, wanted_from, write_splits
    from training_scripts.data.spool import Spool

    job = current_job()
    if job.settings.get("remember"):
        remember(job)
        return
    print(f"settings: {json.dumps(job.settings, sort_keys=True)}", flush=True)
    wanted = wanted_from(job.settings, job.smoke)

    # Beside the job's data, where SageMaker mounts the disk that the spec asks for.
    with tempfile.TemporaryDirectory(dir=job.root, prefix=".rows-") as folder:
        spool = Spool(Path(folder) / "rows.jsonl")
        try:
            read = read_into(spool, job.input("data"), wanted)
            kept = choose(spool, wanted)
            data, test = job.output("data"), job.output("test")
            folders: dict[Side, Path] = {"train": data, "validation": data, "test": test}
            written = write_splits(spool, kept, wanted, folders)
            new = count_new(job, spool.keys()[kept.numbers])
        finally:
            spool.close()

    text = json.dumps(written.statistics, indent=2)
    (job.output("metrics") / "statistics.json").write_text(text + "\n", encoding="utf-8")
    metrics = {**read, **kept.counts, **written.counts, **new}
    job.write_metrics(metrics)
    for name, value in metrics.items():
        print(f"{name}: {value:,}", flush=True)


if __name__ == "__main__":
    main()
