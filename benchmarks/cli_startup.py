"""Time of `fmo --help`, from process start to end, beside what Python and click alone take.

python benchmarks/cli_startup.py [--json] [--repeat 11]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time

TARGET = 0.2
TIMED = {
    "fmo --help": ["-m", "orchestrator", "--help"],
    "fmo run --help": ["-m", "orchestrator", "run", "--help"],
    "import orchestrator": ["-c", "import orchestrator"],
    "import everything a run needs": ["-c", "import orchestrator.flow_local"],
}
PEER = ["-c", "import click"]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=11)
    arguments = parser.parse_args()
    rows = measure(arguments.repeat)
    print(json.dumps(rows) if arguments.json else "\n".join(describe(row) for row in rows))


def measure(repeat: int) -> list[dict[str, object]]:
    """Return one row for each command; the median of `repeat` starts counts."""
    peer = round(median_seconds(PEER, repeat), 3)
    rows: list[dict[str, object]] = []
    for what, arguments in TIMED.items():
        seconds = round(median_seconds(arguments, repeat), 3)
        row = {"what": what, "ours": seconds, "unit": "s", "peer": peer, "peer_name": "click alone"}
        if what.endswith("--help"):
            row |= {"target": f"under {TARGET} s", "holds": seconds < TARGET}
        rows.append(row)
    return rows


def describe(row: dict[str, object]) -> str:
    """Return a row for people."""
    target = f" ({row['target']})" if "target" in row else ""
    return f"{row['what']}: {row['ours']} s, {row['peer_name']}: {row['peer']} s{target}"


def median_seconds(arguments: list[str], repeat: int) -> float:
    """Return the median wall time of starting Python with `arguments`."""
    found = []
    for _ in range(repeat):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


if __name__ == "__main__":
    main()
