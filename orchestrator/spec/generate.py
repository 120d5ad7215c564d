"""Step kind `generate`: a model's completions of many prompts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, Strict

from orchestrator.spec.fields import (
    Broken,
    Count,
    Flag,
    Gates,
    JobModel,
    Location,
    Natural,
    NonNegative,
    ParameterReference,
    Positive,
    broken_spot,
)

Nucleus = Annotated[float, Strict(), Field(gt=0, le=1)]


class GenerateSpec(JobModel):
    """Completions of many prompts by a model, as JSON Lines.

    Outputs: `data` (main: `completions.jsonl`). A job that is cut off goes on where it stopped.
    """

    kind: Literal["generate"] = "generate"
    """The step's kind."""
    model: Location = Field(validation_alias=AliasChoices("model", "model_name_or_path"))
    """The model to ask: `$sft.model`, `hf://ID`, `s3://...` or `./folder`."""
    base_model: Location | None = None
    """The model under an adapter that was saved alone."""
    data: Location = Field(validation_alias=AliasChoices("data", "prompts"))
    """Rows with a `prompt`, `messages` or `text`: usually `$split`, or a file of prompts."""

    max_new_tokens: Count | ParameterReference = Field(
        default=256, validation_alias=AliasChoices("max_new_tokens", "max_tokens")
    )
    """Tokens after which a completion is cut."""
    max_length: Count | ParameterReference | None = Field(
        default=None,
        validation_alias=AliasChoices("max_length", "max_model_len", "max_seq_length"),
    )
    """Tokens of prompt and completion together; unset: as many as the model takes."""
    do_sample: Flag | None = None
    """Draw each token by its likelihood; unset: if `temperature` is above 0."""
    temperature: NonNegative | ParameterReference | None = None
    """0 takes the likeliest token, above 0 draws vary; unset: 1 with `do_sample: true`, else 0."""
    top_k: Natural | ParameterReference = 0
    """Draw from so many of the likeliest tokens only; 0 for all."""
    top_p: Nucleus | ParameterReference = 1.0
    """Draw from the likeliest tokens only that together have this probability."""
    repetition_penalty: Positive | ParameterReference = 1.0
    """Above 1, tokens of the prompt and those written become less likely (CTRL, section 4.1)."""
    num_return_sequences: Count | ParameterReference = Field(
        default=1, validation_alias=AliasChoices("num_return_sequences", "num_generations", "n")
    )
    """Completions of each prompt."""
    stop_strings: tuple[str, ...] = Field(
        default=(), validation_alias=AliasChoices("stop_strings", "stop")
    )
    """A completion ends before the first of these."""
    seed: Natural | ParameterReference = 42
    """Of the draws; each completion of each row draws numbers of its own."""
    per_device_eval_batch_size: Count | ParameterReference = Field(
        default=16, validation_alias=AliasChoices("per_device_eval_batch_size", "batch_size")
    )
    """Prompts at a time, each with all its completions."""
    max_rows: Count | ParameterReference | None = None
    """At most this many rows, chosen by content hash."""

    spot: Flag = Field(default=False, validation_alias=AliasChoices("spot", "use_spot_instances"))
    """Managed spot training; the job goes on after the last finished batch."""
    gates: Gates = Gates()
    """Bounds on the step's metrics; what reads `data` waits for them."""

    def broken_rules(self) -> Iterator[Broken]:
        """Yield fields that contradict each other."""
        yield from broken_spot(spot=self.spot, instance_type=self.instance_type)
        yield from self._sampling_is_clear()
        if not self._draws():
            yield from self._likeliest_is_one()
        if "" in self.stop_strings:
            where = f"stop_strings[{self.stop_strings.index('')}]"
            yield Broken(where, "empty text would end every completion at once", "Remove it.")
        if self.instance_count != 1:
            yield Broken(
                "instance_count",
                f"{self.instance_count} instances have no disk in common to share the rows by",
                "Remove it, and take an instance with several GPUs: each gets its share.",
            )

    def _draws(self) -> bool:
        """Whether tokens are drawn, as far as is known: a parameter may say so later."""
        if self.do_sample is not None:
            return self.do_sample
        return self.temperature is not None and self.temperature != 0

    def _sampling_is_clear(self) -> Iterator[Broken]:
        if self.do_sample and self.temperature == 0:
            yield Broken(
                "temperature",
                "0 takes the likeliest token, and `do_sample: true` asks to draw",
                "Write 1.0, or `do_sample: false`.",
            )
        if self.do_sample is False and self.temperature not in (None, 0):
            yield Broken(
                "temperature",
                f"{self.temperature} is for draws, and `do_sample: false` draws nothing",
                "Remove one of the two.",
            )

    def _likeliest_is_one(self) -> Iterator[Broken]:
        for name, neutral in (("top_k", 0), ("top_p", 1.0)):
            value = getattr(self, name)
            if value != neutral:
                yield Broken(
                    name,
                    f"{value} narrows what is drawn from, and at temperature 0 nothing is drawn",
                    "Write `temperature: 1.0`, or remove it.",
                )
        count = self.num_return_sequences
        if isinstance(count, int) and count > 1:
            yield Broken(
                "num_return_sequences",
                f"at temperature 0 all {count} completions of a prompt would be the same",
                "Write `temperature: 0.8`, for example, or 1 completion.",
            )
