"""How long `fmo --help` takes, and importing what it and a run need. To reach: 0.2 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 11
TIMED = {
    "python -c pass": ["-c", "pass"],
    "import click": ["-c", "import click"],
    "fmo --help": ["-m", "orchestrator", "--help"],
    "fmo run --help": ["-m", "orchestrator", "run", "--help"],
    "import orchestrator": ["-c", "import orchestrator"],
    "import orchestrator.flow": ["-c", "import orchestrator.flow"],
}


def main() -> None:
    """Print the median and the fastest time of each."""
    print(f"{'':<26}{'median s':>10}{'fastest s':>11}")
    for name, arguments in TIMED.items():
        seconds = [seconds_of([sys.executable, *arguments]) for _ in range(ROUNDS)]
        print(f"{name:<26}{statistics.median(seconds):>10.3f}{min(seconds):>11.3f}")


def seconds_of(command: list[str]) -> float:
    """Return the wall time of one start; CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
