"""A conversation into text by the model's own chat template, cut where the assistant speaks."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

from training_scripts.container import fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training_scripts.data.rows import Message, MessagesRow


def chat_segments(row: MessagesRow, tokenizer: Any) -> list[tuple[str, bool]]:
    """Return the conversation's text in pieces, and of each whether the assistant says it.

    Joined, the pieces are what the template makes of the whole conversation. A piece of the
    assistant's holds the end of its turn, which the model must learn too. What it says in the
    first `row.prompt_turns` turns belongs to the prompt.

    Raises:
        JobFailure: If the tokenizer has no chat template, the template refuses the conversation,
            or nothing in it is said by the assistant.
    """
    whole = render_chat(row.messages, tokenizer, row_id=row.id)
    segments: list[tuple[str, bool]] = []
    at = 0
    for number, message in enumerate(row.messages):
        if message.role != "assistant" or number < row.prompt_turns:
            continue
        start, end = _turn(row, number, whole, tokenizer)
        segments += [(whole[at:start], False), (whole[start:end], True)]
        at = end
    if not segments:
        fail(f"row {row.id!r}: no message of role assistant. There is nothing to learn in it.")
    return [*segments, (whole[at:], False)] if at < len(whole) else segments


def render_chat(
    messages: Sequence[Message],
    tokenizer: Any,
    *,
    row_id: str = "",
    add_generation_prompt: bool = False,
) -> str:
    """Return the conversation as the model's chat template words it.

    Args:
        messages: The turns, in order.
        tokenizer: A transformers tokenizer.
        row_id: Named in errors.
        add_generation_prompt: End with what makes the model answer.
    """
    from jinja2.exceptions import TemplateError

    if not tokenizer.chat_template:
        fail(
            f"row {row_id!r}: the model's tokenizer has no chat template, so it cannot word a "
            "conversation. Use an instruction-tuned model, or a prompt_template other than chat."
        )
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=add_generation_prompt
        )
    except TemplateError as error:
        roles = ", ".join(message.role for message in messages)
        fail(
            f"row {row_id!r}: the model's chat template refuses it: {error} (roles: {roles}). "
            "Leave out system_prompt and system turns if the model takes none; let user and "
            "assistant take turns, user first."
        )
    return str(text)


def _turn(row: MessagesRow, number: int, whole: str, tokenizer: Any) -> tuple[int, int]:
    """Where the turn `number` stands in `whole`, the generation prompt before it left out."""
    asked = render_chat(row.messages[:number], tokenizer, row_id=row.id, add_generation_prompt=True)
    answered = render_chat(row.messages[: number + 1], tokenizer, row_id=row.id)
    if not answered.startswith(asked):
        # As reasoning models do: the model is asked to go on after `<think>`.
        same = takewhile(lambda pair: pair[0] == pair[1], zip(asked, answered, strict=False))
        opening = asked[len(list(same)) :]
        fail(
            f"row {row.id!r}: the model's chat template opens each reply with {opening!r}, and "
            f"turn {number + 1} does not begin so. Begin it so, or take a model without that."
        )
    if not whole.startswith(asked):
        fail(
            f"row {row.id!r}: the chat template words earlier turns differently once later ones "
            f"follow (turn {number + 1}), so replies cannot be told apart. "
            "Split the conversation so that each row ends with the reply to learn."
        )
    if whole.startswith(answered):
        return len(asked), len(answered)
    # Qwen3's template writes an empty `<think>` block into the last turn only: find the reply
    # itself, and after it the end of turn that the template writes.
    content = row.messages[number].content.strip()
    end_of_turn = answered[answered.rfind(content) + len(content) :]
    end = whole.find(content, len(asked)) + len(content)
    return len(asked), end + len(end_of_turn) if whole.startswith(end_of_turn, end) else end
