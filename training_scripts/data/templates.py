"""How a prompt is worded around a sample. The completion is never touched.

Every prompt ends at an end of line or other white space, or the completion begins with it: what
the model continues is a fresh word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from training_scripts.container import fail
from training_scripts.data.rows import Message, MessagesRow, PreferenceRow, PromptRow, TextRow

if TYPE_CHECKING:
    from training_scripts.data.formats import Sample
    from training_scripts.data.rows import Row

Template = Literal[
    "plain",
    "alpaca",
    "question-answer",
    "summarization",
    "classification",
    "translation",
    "code",
    "chat",
]

# The two wordings of Stanford Alpaca, train.py, PROMPT_DICT.
_ALPACA = (
    "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:\n"
)
_ALPACA_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further "
    "context. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)

_WORDINGS: dict[str, tuple[str, str]] = {
    "alpaca": (_ALPACA, _ALPACA_INPUT),
    "question-answer": (
        "Question:\n{instruction}\n\nAnswer:\n",
        "Context:\n{input}\n\nQuestion:\n{instruction}\n\nAnswer:\n",
    ),
    "summarization": (
        "Summarize the following text.\n\nText:\n{instruction}\n\nSummary:\n",
        "{instruction}\n\nText:\n{input}\n\nSummary:\n",
    ),
    "classification": (
        "Classify the following text.\n\nText:\n{instruction}\n\nLabel:\n",
        "{instruction}\n\nText:\n{input}\n\nLabel:\n",
    ),
    "translation": (
        "Translate the following text.\n\nText:\n{instruction}\n\nTranslation:\n",
        "{instruction}\n\nText:\n{input}\n\nTranslation:\n",
    ),
    "code": (
        "Write code for the following task.\n\nTask:\n{instruction}\n\nCode:\n",
        "{instruction}\n\nInput:\n{input}\n\nCode:\n",
    ),
}
"""Template to its wordings: without and with an `input` that the instruction is about."""


def render(sample: Sample, template: Template, system_prompt: str | None = None) -> Row:
    """Return the row that the template makes of a sample.

    Conversations stay conversations under `plain` and `chat`: the model's own chat template
    words them when they are tokenized. Other templates word one exchange.

    Args:
        sample: What the row says.
        template: How to word it.
        system_prompt: Stands before everything, unless the sample has its own.

    Raises:
        JobFailure: If the template cannot word this kind of sample.
    """
    if sample.text:
        if template != "plain":
            fail(
                f"prompt_template: {template} needs prompts, but the rows are of format text. "
                "Use prompt_template: plain, or format: prompt-completion with `columns`."
            )
        return TextRow(sample.id, sample.text, sample.task, sample.extra)
    system = sample.system or system_prompt or ""
    if sample.rejected is None:
        return _side(sample, template, system, ())
    sides = (sample, sample.rejected)
    # Both openings decide how the prompt ends, or the two sides could get different prompts.
    chosen, rejected = (_side(side, template, system, sides) for side in sides)
    return PreferenceRow(sample.id, chosen, rejected, sample.task, sample.extra)


def _side(
    sample: Sample, template: Template, system: str, sides: tuple[Sample, ...]
) -> PromptRow | MessagesRow:
    """The row of one answer; `sides` are all answers to the same prompt, if there are several."""
    if template == "chat" or (sample.messages and template == "plain"):
        turns = _messages(sample, system)
        learned = len(sample.messages) - sample.prompt_turns if sample.messages else 1
        asked = len(turns) - learned if sides else 0
        return MessagesRow(sample.id, turns, sample.task, sample.extra, asked)
    system, instruction, output = _exchange(sample, system, template)
    openings = [side.output[:1] for side in sides] or [output[:1]]
    prompt = _worded(template, instruction, sample.input, openings)
    if system:
        prompt = f"{system}\n\n{prompt}"
    return PromptRow(sample.id, prompt, output, sample.task, sample.extra)


def _messages(sample: Sample, system: str) -> tuple[Message, ...]:
    turns = sample.messages or (
        Message("user", "\n\n".join(filter(None, [sample.instruction, sample.input]))),
        Message("assistant", sample.output),
    )
    if not system or turns[0].role == "system":
        return turns
    return (Message("system", system), *turns)


def _exchange(sample: Sample, system: str, template: Template) -> tuple[str, str, str]:
    """System prompt, instruction and output."""
    if not sample.messages:
        return system, sample.instruction, sample.output
    roles = tuple(message.role for message in sample.messages)
    if roles[-2:] != ("user", "assistant") or roles[:-2] not in ((), ("system",)):
        fail(
            f"prompt_template: {template} words one exchange, but row {sample.id!r} has the turns "
            f"{', '.join(roles)}. Use prompt_template: chat."
        )
    *before, asked, answered = sample.messages
    return before[0].content if before else system, asked.content, answered.content


def _worded(template: Template, instruction: str, about: str, openings: list[str]) -> str:
    if template != "plain":
        return _WORDINGS[template][bool(about)].format(instruction=instruction, input=about)
    prompt = "\n".join(filter(None, [instruction, about]))
    apart = not prompt or prompt[-1].isspace() or all(opening.isspace() for opening in openings)
    return prompt if apart else prompt + "\n"
