"""A question worded for a model as its training rows were, and as token ids."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from training_scripts.data.chat import render_chat
from training_scripts.data.formats import Sample
from training_scripts.data.rows import MessagesRow, PromptRow
from training_scripts.data.templates import Template, render
from training_scripts.data.tokenize import TextEncoder, tokenize_rows

if TYPE_CHECKING:
    from training_scripts.data.rows import Row

_ROW = "prompt"
"""The id of the one row, named in errors."""


@dataclass(frozen=True)
class Wording:
    """What stands around a question."""

    template: Template | Literal["raw", "auto"]
    """`raw` is the question alone; `auto` the model's chat template, or raw if it has none."""
    system_prompt: str | None = None

    def for_tokenizer(self, tokenizer: Any) -> Wording:
        """Return the wording this model can take: `raw` in place of a chat it has no words for."""
        if self.template not in {"auto", "chat"}:
            return self
        return Wording("chat" if tokenizer.chat_template else "raw", self.system_prompt)


def prompt_ids(question: str, wording: Wording, tokenizer: Any) -> list[int]:
    """Return the tokens after which the model answers; equal to those it was trained with."""
    row = _row(question, wording)
    if isinstance(row, MessagesRow):
        text = render_chat(row.messages[:-1], tokenizer, row_id=_ROW, add_generation_prompt=True)
        return TextEncoder(tokenizer).encode([text])[0]
    tokens = tokenize_rows([row], tokenizer, max_length=sys.maxsize)
    ids: list[int] = tokens.input_ids[~tokens.in_loss].tolist()
    return ids


def _row(question: str, wording: Wording) -> Row:
    if wording.template in {"raw", "auto"}:
        return PromptRow(_ROW, question, "")
    sample = Sample(_ROW, instruction=question)
    return render(sample, wording.template, wording.system_prompt)  # type: ignore[arg-type]
