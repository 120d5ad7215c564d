"""Step kind `processing`: any script, run under SageMaker's Processing contract."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Gates, JobModel, Location, Scalar


class ProcessingSpec(JobModel):
    """Any Python script over named inputs, writing named outputs.

    The script finds inputs under `/opt/ml/processing/input/NAME` and writes outputs to
    `/opt/ml/processing/output/NAME`. If it declares an output `metrics` and writes
    `metrics.json` there, its numbers can be gated.
    """

    kind: Literal["processing"] = "processing"
    script: str
    """A Python file, relative to the spec."""
    source_dir: str | None = None
    """A folder that travels with the script; without one, the modules the script imports do."""
    inputs: dict[str, Location] = {}
    """Name to where it comes from; at most 9 (SageMaker allows 10, the code takes one)."""
    outputs: dict[str, str] = {}
    """Name to its format (`jsonl`, `parquet`, `csv`, `text`, `folder`)."""
    arguments: dict[str, Scalar] = {}
    """Passed as `--name value`; `$params.Name` and `$step.output` are allowed."""
    gates: Gates = Gates()
