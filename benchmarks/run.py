"""Every benchmark in turn, as one table: our figure, the peer's in the same run, the target.

    python benchmarks/run.py [--markdown FILE] [NAME ...]

NAME is a file of this folder without `.py`; without any, all run (about ten minutes on 2 cores).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ORDER = (
    "base_install",
    "cli_startup",
    "compile",
    "local_overhead",
    "tokenize_pack",
    "training_throughput",
)
HEADER = ("what", "ours", "peer", "target", "holds")


def main() -> None:
    """Run them one after the other, so that none disturbs another; print as they end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", default=ORDER)
    parser.add_argument("--markdown", type=Path, help="write the table to this file too")
    arguments = parser.parse_args()

    print(machine(), flush=True)
    rows = []
    for name in arguments.names:
        print(f"\n{name} ...", flush=True)
        for row in measure(name):
            rows.append(row)
            print(f"  {line(row)}", flush=True)
    if arguments.markdown:
        arguments.markdown.write_text(markdown(rows), encoding="utf-8")
    missed = [row["what"] for row in rows if row.get("holds") is False]
    print(f"\n{len(rows)} figures, {len(missed)} below their target{': ' if missed else ''}"
          + "; ".join(missed))  # fmt: skip


def measure(name: str) -> list[dict[str, Any]]:
    """Return the rows of one benchmark, run in a process of its own."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--json"]
    done = subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE)
    if done.returncode:
        msg = f"{name}: ended with {done.returncode}. Run it alone to see why."
        raise SystemExit(msg)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(row: dict[str, Any]) -> str:
    """Return a row as a line of text, without what it lacks."""
    what, ours, peer, target, holds = cells(row)
    said = {"peer": peer, "target": target, "holds": holds}
    return f"{what}: {ours}" + "".join(f"; {name}: {text}" for name, text in said.items() if text)


def cells(row: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Return a row as text."""
    unit = row.get("unit", "")
    peer = row.get("peer")
    ratio = f" ({row['ratio']}x)" if row.get("ratio") else ""
    return (
        str(row["what"]),
        f"{number(row['ours'])} {unit}{ratio}".strip(),
        "" if peer is None else f"{number(peer)} ({row.get('peer_name', '')})",
        str(row.get("target") or ""),
        {True: "yes", False: "no"}.get(row.get("holds"), ""),
    )


def number(value: Any) -> str:
    """Return a number with thousands separated."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table with the machine above it."""
    lines = [machine(), "", "| " + " | ".join(HEADER) + " |", "|---" * len(HEADER) + "|"]
    lines += ["| " + " | ".join(cells(row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def machine() -> str:
    """Return processor, cores, memory and the versions that matter, in a line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("torch", "transformers", "trl", "metaflow")
    )
    return (
        f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()},"
        f" Python {platform.python_version()}, {versions}"
    )


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
