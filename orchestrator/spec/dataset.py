"""Step kind `dataset`: rows in, training-ready train, validation and sealed test data out."""

from __future__ import annotations

from typing import Literal

from orchestrator.spec.fields import Gates, Integer, JobModel, Location, SpecModel

DataFormat = Literal["auto", "text", "prompt-completion", "alpaca", "messages", "sharegpt"]
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

    validation: float = 0.05
    test: float = 0.1
    """Sealed: no training step can read it."""
    seed: int = 0
    group_by: str | None = None
    """A column whose equal values must stay on one side of the split."""


class DatasetSpec(JobModel):
    """Formats, prompt templates, cleaning, de-duplication and the split. Outputs: data, test."""

    kind: Literal["dataset"] = "dataset"
    data: Location
    format: DataFormat = "auto"
    """`auto` looks at the rows and says what it found."""
    columns: dict[str, str] = {}
    """Our name to yours: `{prompt: question, completion: answer}`."""
    prompt_template: PromptTemplate = "plain"
    """How a prompt is worded around a row; `chat` is the model's own chat template."""
    system_prompt: str | None = None
    split: SplitSpec = SplitSpec()
    deduplicate: Literal["none", "exact", "near"] = "near"
    """`near` also keeps near-duplicates on one side of the split (MinHash over word shingles)."""
    near_duplicate_threshold: float = 0.8
    """Jaccard similarity of word 5-gram shingles from which two rows count as near-duplicates."""
    max_rows: Integer | None = None
    min_characters: Integer = 1
    """Rows with less text are dropped and counted."""
    gates: Gates = Gates()
