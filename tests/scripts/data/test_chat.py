"""Conversations under the chat templates of well-known families of models."""

from __future__ import annotations

from typing import Any

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.rows import Message, MessagesRow
from training_scripts.data.tokenize import tokenize_rows

pytestmark = pytest.mark.train

ROW = MessagesRow(
    "a",
    (
        Message("user", "What does this do?"),
        Message("assistant", "It deletes it."),
        Message("user", "Which?"),
        Message("assistant", " The policy. "),
    ),
)
LLAMA = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
    "{{ m.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
    "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>"
    "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
REASONING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "learned"),
    [
        (LLAMA, "It deletes it.<|eot_id|>The policy.<|eot_id|><|end|>"),
        (MISTRAL, "It deletes it.<|end|> The policy. <|end|>"),
        (GEMMA, "It deletes it.<end_of_turn>\nThe policy.<end_of_turn>\n<|end|>"),
    ],
    ids=["llama", "mistral", "gemma"],
)
def test_replies_and_their_ends_are_learned_and_nothing_else(
    tokenizer_with_begin: Any, template: str, learned: str
) -> None:
    tokenizer_with_begin.chat_template = template
    rows = tokenize_rows([ROW], tokenizer_with_begin, max_length=400)
    assert tokenizer_with_begin.decode(rows.input_ids[rows.in_loss].tolist()) == learned
    assert rows.input_ids.tolist().count(tokenizer_with_begin.bos_token_id) == 1


def test_a_template_that_opens_replies_with_reasoning_wants_it_in_them(tokenizer: Any) -> None:
    tokenizer.chat_template = REASONING
    with pytest.raises(
        JobFailure, match=r"opens each reply with '<think>\\n', and turn 2 does not"
    ):
        tokenize_rows([ROW], tokenizer, max_length=400)
    thought = MessagesRow(
        "b", (ROW.messages[0], Message("assistant", "<think>\nHm.</think>It deletes it."))
    )
    rows = tokenize_rows([thought], tokenizer, max_length=400)
    said = tokenizer.decode(rows.input_ids[rows.in_loss].tolist())
    assert said == "Hm.</think>It deletes it.<|im_end|>\n<|end|>"


def test_a_template_that_moves_the_system_prompt_asks_for_one_reply_a_row(tokenizer: Any) -> None:
    # As Mistral's later templates do, into the last turn of the user.
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'user' %}{% set last = messages | "
        "selectattr('role', 'equalto', 'user') | list | last %}"
        "[INST] {{ 'Be short. ' if m == last else '' }}{{ m.content }} [/INST]"
        "{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}"
    )
    with pytest.raises(JobFailure, match="Split the conversation so that each row ends with"):
        tokenize_rows([ROW], tokenizer, max_length=400)
