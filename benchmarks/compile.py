"""Time and memory of compiling the largest shipped pipeline, beside the SageMaker Python SDK.

    python benchmarks/compile.py [--json] [--repeat 5]

Each measurement is a process of its own, from start to JSON bytes; `warm` leaves out starting
Python and importing. The peer needs the SDK's 990 MB: name the Python of an environment that has
it in FMO_SDK_PYTHON, or there is no peer. It compiles as many Processing and Training steps.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIPELINES = ROOT / "pipelines"


def main() -> None:
    """Measure both sides, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", choices=("ours", "sdk"), help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, nargs=2, default=(5, 3), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(
            json.dumps(
                compile_ours() if arguments.child == "ours" else compile_sdk(*arguments.steps)
            )
        )
        return
    rows = measure(arguments.repeat)
    print(json.dumps(rows) if arguments.json else "\n".join(describe(row) for row in rows))


def measure(repeat: int) -> list[dict[str, object]]:
    """Return one row for time and one for memory; the best of `repeat` runs counts."""
    ours = best(sys.executable, "ours", repeat)
    sdk_python = os.environ.get("FMO_SDK_PYTHON")
    steps = (ours["processing"], ours["training"])
    sdk = best(sdk_python, "sdk", repeat, steps) if sdk_python else None
    what = f"compile a pipeline of {ours['steps']} steps, from process start to bytes"
    fast = ours["seconds"] < 0.5
    if sdk is None:
        peer = {"target": "under 0.5 s", "holds": fast}
        memory: dict[str, object] = {}
    else:
        ratio = sdk["seconds"] / ours["seconds"]
        peer = {
            "peer": round(sdk["seconds"], 3),
            "peer_warm": round(sdk["warm"], 3),
            "peer_name": f"SageMaker Python SDK, {sum(steps)} steps",
            "ratio": round(ratio, 1),
            "target": "under 0.5 s and 5x",
            "holds": fast and ratio >= 5,
        }
        memory = {"peer": round(sdk["megabytes"], 1), "peer_name": "SageMaker Python SDK"}
    return [
        {
            "what": what,
            "ours": round(ours["seconds"], 3),
            "warm": round(ours["warm"], 3),
            "unit": "s",
            **peer,
        },
        {
            "what": "its peak memory",
            "ours": round(ours["megabytes"], 1),
            "unit": "MB",
            **memory,
            "target": "under 80 MB",
            "holds": ours["megabytes"] < 80,
        },
    ]


def describe(row: dict[str, object]) -> str:
    """Return a row for people."""
    warm = f" ({row['warm']} warm)" if "warm" in row else ""
    peer = f", {row['peer_name']}: {row['peer']} {row['unit']}" if "peer" in row else ""
    return f"{row['what']}: {row['ours']} {row['unit']}{warm}{peer} ({row['target']})"


def best(python: str, child: str, repeat: int, steps: tuple[int, int] = (5, 3)) -> dict[str, float]:
    """Run a child `repeat` times; return what the fastest says, and how long it took in all."""
    command = [python, __file__, f"--child={child}", "--steps", str(steps[0]), str(steps[1])]
    found = []
    for _ in range(repeat):
        begin = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        found.append({"seconds": seconds, **json.loads(done.stdout.splitlines()[-1])})
    return min(found, key=lambda run: run["seconds"])


def compile_ours() -> dict[str, float]:
    """Do what `fmo compile` does with the largest spec of `pipelines/`, its checks included."""
    from orchestrator.definition.model import walk
    from orchestrator.definition.reader import parse_definition
    from orchestrator.flow import compile_file

    path = max(PIPELINES.glob("*.yaml"), key=lambda spec: spec.stat().st_size)
    begin = time.perf_counter()
    prepared = compile_file(path, {})
    warm = time.perf_counter() - begin
    types = [placed.step.type for placed in walk(parse_definition(prepared.data).steps)]
    return {
        "warm": warm,
        "megabytes": peak_megabytes(),
        "steps": len(types),
        "processing": types.count("Processing"),
        "training": types.count("Training"),
    }


def compile_sdk(processing: int, training: int) -> dict[str, float]:
    """Compile a chain of as many steps with the SDK, offline and with telemetry off."""
    os.environ.update(
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="nobody",
        AWS_SECRET_ACCESS_KEY="nothing",  # noqa: S106 - offline
        AWS_EC2_METADATA_DISABLED="true",
        SAGEMAKER_VALIDATE_ROLE="false",
    )
    sys.path.insert(0, str(ROOT / "tests" / "oracles"))
    from tempfile import TemporaryDirectory

    from recorder import jobs
    from recorder.session import offline_session
    from sagemaker.mlops.workflow.pipeline import Pipeline

    with TemporaryDirectory() as folder:
        session = offline_session()
        begin = time.perf_counter()
        steps = []
        for index in range(processing):
            step = jobs.processing(session, folder)
            step.name = f"Prepare{index}"
            steps.append(step)
        for index in range(training):
            step = jobs.training(session, steps[0], folder)
            step.name = f"Train{index}"
            steps.append(step)
        pipeline = Pipeline(
            name="peer", parameters=jobs.PARAMETERS, steps=steps, sagemaker_session=session
        )
        pipeline.definition()
        return {"warm": time.perf_counter() - begin, "megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """Return the most memory this process held at once, in 10^6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main()
