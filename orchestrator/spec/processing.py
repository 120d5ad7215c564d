"""Step kind `processing`: any script, run under SageMaker's Processing contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from orchestrator.spec.fields import (
    ArgumentName,
    Broken,
    ChannelName,
    Gates,
    JobModel,
    Location,
    MetricDefinitions,
    Scalar,
    ScriptPath,
    broken_metric_definitions,
    broken_smoke_values,
)

OutputFormat = Literal["jsonl", "json", "parquet", "csv", "text", "folder"]


class ProcessingSpec(JobModel):
    """Any Python script over named inputs, writing named outputs.

    The script finds inputs under `/opt/ml/processing/input/NAME` and writes outputs to
    `/opt/ml/processing/output/NAME`. If it declares an output `metrics` and writes
    `metrics.json` there, or prints what `metric_definitions` find, its numbers can be gated.
    """

    kind: Literal["processing"] = "processing"
    """The step's kind."""
    script: ScriptPath
    """A Python file, relative to the spec."""
    source_dir: str | None = None
    """A folder that travels with the script; without one, the modules the script imports do."""
    inputs: dict[ChannelName, Location] = Field(default_factory=dict, max_length=9)
    """Name to where it comes from; at most 9 (SageMaker allows 10, the code takes one)."""
    outputs: dict[ChannelName, OutputFormat] = Field(default_factory=dict, max_length=10)
    """Name to its format: `jsonl`, `json`, `parquet`, `csv`, `text` or `folder`."""
    arguments: dict[ArgumentName, Scalar] = Field(default_factory=dict)
    """Passed as `--name=value`; `$params.Name` and `$step.output` are allowed."""
    metric_definitions: MetricDefinitions = Field(default_factory=dict)
    """Metric name to a regex; the last match in the job's output, unless it writes metrics.json."""
    smoke: dict[ArgumentName, Scalar] = Field(default_factory=dict)
    """Values that win over `arguments` in a smoke run."""
    gates: Gates = Gates()
    """Bounds on the script's metrics; what reads its outputs waits for them."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield a name that is taken, and gates that have nothing to read."""
        if "code" in self.inputs:
            yield Broken("inputs.code", "'code' is where the script itself lies", "Rename it.")
        if (self.gates.max or self.gates.min) and "metrics" not in self.outputs:
            yield Broken(
                "gates",
                "the step has gates but no output `metrics`",
                "Write `outputs: {metrics: json}`, and metrics.json in the script.",
            )
        if self.metric_definitions and "metrics" not in self.outputs:
            yield Broken(
                "metric_definitions",
                "the step has no output `metrics` to keep the values in",
                "Write `outputs: {metrics: json}`.",
            )
        yield from broken_metric_definitions(self.metric_definitions)
        yield from broken_smoke_values(self.smoke)
