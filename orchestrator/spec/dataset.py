"""Step kind `dataset`: rows in, training-ready train, validation and sealed test data out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, Strict

from orchestrator.spec.fields import (
    Broken,
    Count,
    Flag,
    Gates,
    JobModel,
    Location,
    Natural,
    ParameterReference,
    ShareBelowOne,
    SpecModel,
)

DataFormat = Literal[
    "auto", "text", "prompt-completion", "alpaca", "messages", "sharegpt", "preference"
]
PromptTemplate = Literal[
    "plain",
    "alpaca",
    "question-answer",
    "summarization",
    "classification",
    "translation",
    "code",
    "chat",
]


class SplitSpec(SpecModel):
    """Which share of the rows goes where, by content hash: a row never moves when data grow."""

    validation: ShareBelowOne = 0.05
    """The share that training measures itself on."""
    test: ShareBelowOne = 0.1
    """Sealed: no training step can read it."""
    seed: Natural = 0
    """Another seed gives another split."""
    group_by: str | None = None
    """A column whose equal values must stay on one side of the split."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield shares that leave nothing to train on."""
        held_out = self.validation + self.test
        if held_out >= 1:
            yield Broken(
                "",
                f"validation {self.validation:g} and test {self.test:g} leave nothing to train on",
                "Write shares that add up to less than 1.",
            )


class DatasetSpec(JobModel):
    """Formats, prompt templates, cleaning, de-duplication and the split.

    Outputs: `data` (main: `train.jsonl` and `validation.jsonl`), `test` (sealed), `metrics`.
    """

    kind: Literal["dataset"] = "dataset"
    """The step's kind."""
    data: Location
    """The rows: a file or folder of JSON lines, JSON, CSV, Parquet or text, or a step's output."""
    format: DataFormat = "auto"
    """How rows look; `auto` looks at them and says what it found."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Our name to yours: `{prompt: question, completion: answer}`."""
    prompt_template: PromptTemplate = "plain"
    """How a prompt is worded around a row; `chat` is the model's own chat template."""
    system_prompt: str | None = None
    """What every conversation starts with."""
    split: SplitSpec = SplitSpec()
    """Shares for validation and test."""
    deduplicate: Literal["none", "exact", "near"] = "near"
    """`near` also keeps near-duplicates on one side of the split (MinHash over word shingles)."""
    near_duplicate_threshold: Annotated[float, Strict(), Field(gt=0, le=1)] = 0.8
    """Jaccard similarity of word 5-gram shingles from which two rows count as near-duplicates."""
    max_rows: Count | ParameterReference | None = None
    """At most this many rows, chosen by content hash."""
    min_characters: Natural | ParameterReference = 1
    """Rows with less text are dropped and counted."""
    drop_ties: Flag = False
    """Drop and count preference rows whose `chosen` and `rejected` are equal, else refused."""
    count_new_rows: Flag = False
    """Measure `new_rows`: those that no earlier execution went on with (docs/schedule.md)."""
    gates: Gates = Gates()
    """Bounds on the step's metrics; what reads its outputs waits for them."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield a count that nothing asks for: what stands behind its gate remembers the rows."""
        if self.count_new_rows and "new_rows" not in self.gates.min:
            fix = "Write `gates: {min: {new_rows: 1000}, otherwise: stop}`, for example."
            yield Broken("count_new_rows", "no gate of this step bounds `new_rows`", fix)
        if "new_rows" in {**self.gates.min, **self.gates.max} and not self.count_new_rows:
            yield Broken("gates", "nothing counts `new_rows`", "Add `count_new_rows: true`.")
