"""What the local backend itself costs per step, and whether 1,000 steps take linear time.

    python benchmarks/local_overhead.py [--json] [--steps 22] [--jobs]

A chain of Processing steps that do nothing, beside the same chain in Metaflow where it is
installed; measure on an idle machine. The own cost is what is left after the job's Python has
started and ended. Then chains of in-process steps, whose time per step must not grow; with
--jobs, chains of real jobs as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrator.definition.model import Definition, Step, definition_bytes
from orchestrator.local.handlers import Handlers
from orchestrator.local.home import Home
from orchestrator.local.run import RunOptions, run_definition

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
NOTHING = ["-I", "-S", "-c", "pass"]
LENGTHS = (125, 250, 500, 1000)
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--steps", type=int, default=22)
    parser.add_argument("--jobs", action="store_true", help="time chains of 1,000 real jobs too")
    arguments = parser.parse_args()
    rows = [chain_row(arguments.steps), linear_row("in-process", lambda_step)]
    if arguments.jobs:
        rows.append(linear_row("job", job_step))
    if arguments.json:
        print(json.dumps(rows))
        return
    for row in rows:
        peer = f", {row['peer_name']}: {row['peer']} {row['unit']}" if row.get("peer") else ""
        verdict = f"{row['target']}, {'holds' if row['holds'] else 'MISSED'}"
        print(f"{row['what']}: {row['ours']} {row['unit']}{peer} (to reach: {verdict})")


def chain_row(steps: int) -> dict[str, object]:
    """Return the own cost of one step of a chain of jobs, beside Metaflow's whole cost."""
    run_chain(2, job_step)
    ours = min(run_chain(steps, job_step) for _ in range(ROUNDS)) / steps
    python = interpreter_seconds()
    return {
        "what": f"own cost per step, chain of {steps} no-op jobs",
        "ours": round((ours - python) * 1000, 1),
        "with_interpreter": round(ours * 1000, 1),
        "interpreter": round(python * 1000, 1),
        "peer": metaflow_milliseconds(steps),
        "peer_name": "Metaflow with its interpreter",
        "unit": "ms",
        "target": "under 50",
        "holds": ours - python < 0.05,
    }


def linear_row(kind: str, make: object) -> dict[str, object]:
    """Return how the time per step of the longest chain compares with the shortest one's."""
    rounds = ROUNDS if make is lambda_step else 1
    seconds = {
        length: min(run_chain(length, make) for _ in range(rounds)) / length for length in LENGTHS
    }
    growth = seconds[LENGTHS[-1]] / seconds[LENGTHS[0]]
    return {
        "what": f"{kind} step of a chain of {LENGTHS[-1]} against one of {LENGTHS[0]}",
        "ours": round(growth, 2),
        "milliseconds": {length: round(each * 1000, 2) for length, each in seconds.items()},
        "unit": "times",
        "target": "under 1.5",
        "holds": growth < 1.5,
    }


def run_chain(length: int, make: object) -> float:
    """Return the seconds that a chain of `length` steps takes."""
    steps = tuple(make(number) for number in range(length))  # type: ignore[operator]
    data = definition_bytes(Definition(steps=steps))
    options = RunOptions(handlers=Handlers(lambdas={"nothing": lambda *_: {}}))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        result = run_definition(data, Home(Path(folder)), options=options)
        seconds = time.perf_counter() - started
    assert result.status == "Succeeded", result.failure_reason
    return seconds


def job_step(number: int) -> Step:
    application = {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", *NOTHING]}
    return Step(
        f"step{number}",
        "Processing",
        {"AppSpecification": application},
        depends_on=(f"step{number - 1}",) if number else (),
    )


def lambda_step(number: int) -> Step:
    return Step(
        f"step{number}",
        "Lambda",
        depends_on=(f"step{number - 1}",) if number else (),
        extra={"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:nothing"},
    )


def interpreter_seconds() -> float:
    """Return the fastest start and end of the Python that a job runs."""
    command = [sys.executable, *NOTHING]
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        subprocess.run(command, check=True)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def metaflow_milliseconds(steps: int) -> float | None:
    """Return Metaflow's time per step of the same chain; None where it is not installed."""
    if importlib.util.find_spec("metaflow") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder, "flow.py")
        flow.write_text(metaflow_source(steps), encoding="utf-8")
        environment = {
            "PATH": os.defpath,
            "HOME": folder,
            "USERNAME": "bench",
            "METAFLOW_USER": "bench",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": folder,
        }
        command = [sys.executable, str(flow), "--quiet", "run"]
        started = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env=environment, capture_output=True)
        return round((time.perf_counter() - started) / steps * 1000, 1)


def metaflow_source(steps: int) -> str:
    """Return a flow of `steps` steps that do nothing."""
    names = ["start", *(f"step{number}" for number in range(steps - 2)), "end"]
    lines = ["from metaflow import FlowSpec, step", "class Chain(FlowSpec):"]
    for name, following in zip(names, [*names[1:], None], strict=True):
        body = f"self.next(self.{following})" if following else "pass"
        lines += ["    @step", f"    def {name}(self):", f"        {body}"]
    return "\n".join([*lines, "if __name__ == '__main__':", "    Chain()"]) + "\n"


if __name__ == "__main__":
    main()
