"""`data/tokenize.py` and `data/chat.py`: which tokens come out, and where the loss is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.chat import render_chat
from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow
from training_scripts.data.tokenize import tokenize_rows

if TYPE_CHECKING:
    from training_scripts.data.tokenized import TokenizedRows

pytestmark = pytest.mark.train

CONVERSATION = (
    Message("system", "Be short."),
    Message("user", "What does this operation do?"),
    Message("assistant", "It deletes it."),
    Message("user", "Which one?"),
    Message("assistant", "The stack policy."),
)


def spoken(rows: TokenizedRows, tokenizer: Any, document: int = 0) -> str:
    """The text of the tokens of a document that carry loss."""
    at = slice(rows.offsets[document], rows.offsets[document + 1])
    return str(tokenizer.decode(rows.input_ids[at][rows.in_loss[at]].tolist()))


def test_a_document_is_its_text_and_the_end_token(tokenizer: Any) -> None:
    rows = tokenize_rows([TextRow("a", "The quick fox")], tokenizer, max_length=64)
    assert tokenizer.decode(rows.input_ids.tolist()) == "The quick fox<|end|>"
    assert rows.in_loss.all()
    assert rows.labels()[0] == -100


def test_a_tokenizer_that_begins_texts_begins_documents(tokenizer_with_begin: Any) -> None:
    rows = tokenize_rows([PromptRow("a", "Q:", " A")], tokenizer_with_begin, max_length=64)
    assert tokenizer_with_begin.decode(rows.input_ids.tolist()) == "<|begin|>Q: A<|end|>"
    assert spoken(rows, tokenizer_with_begin) == " A<|end|>"


def test_the_loss_is_taken_on_the_completion_and_its_end_only(tokenizer: Any) -> None:
    row = PromptRow("a", "What does this operation do?\n", "It deletes")
    rows = tokenize_rows([row], tokenizer, max_length=64)
    assert spoken(rows, tokenizer) == "It deletes<|end|>"
    every = tokenize_rows([row], tokenizer, max_length=64, completion_only_loss=False)
    assert every.in_loss.all()


def test_no_token_spans_prompt_and_completion(tokenizer: Any) -> None:
    whole = tokenizer("operation", add_special_tokens=False)["input_ids"]
    rows = tokenize_rows([PromptRow("a", "operat", "ion")], tokenizer, max_length=64)
    prompt = tokenizer("operat", add_special_tokens=False)["input_ids"]
    assert rows.input_ids[: len(prompt)].tolist() == prompt
    assert rows.input_ids.tolist()[: len(whole)] != whole


def test_of_a_conversation_the_loss_is_taken_on_every_reply_and_its_end(tokenizer: Any) -> None:
    rows = tokenize_rows([MessagesRow("a", CONVERSATION)], tokenizer, max_length=200)
    expected = "It deletes it.<|im_end|>\nThe stack policy.<|im_end|>\n<|end|>"
    assert spoken(rows, tokenizer) == expected
    text = tokenizer.decode(rows.input_ids.tolist())
    assert text == render_chat(CONVERSATION, tokenizer) + "<|end|>"


def test_a_template_that_rewords_the_last_turn_still_gives_the_replies(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% if m.role == 'assistant' and loop.last %}<think></think>{% endif %}"
        "{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    rows = tokenize_rows([MessagesRow("a", CONVERSATION)], tokenizer, max_length=200)
    assert spoken(rows, tokenizer).startswith("It deletes it.<|im_end|>\n<think></think>The")


def test_a_model_without_a_chat_template_is_refused_with_the_way_out(
    tokenizer_with_begin: Any,
) -> None:
    tokenizer_with_begin.chat_template = None
    with pytest.raises(JobFailure, match=r"row 'a': .*no chat template.*prompt_template other"):
        tokenize_rows([MessagesRow("a", CONVERSATION)], tokenizer_with_begin, max_length=200)


def test_no_loss_is_taken_after_a_turn_of_the_user(tokenizer: Any) -> None:
    rows = tokenize_rows([MessagesRow("a", CONVERSATION[:4])], tokenizer, max_length=200)
    assert spoken(rows, tokenizer) == "It deletes it.<|im_end|>\n"
    assert tokenizer.decode(rows.input_ids.tolist()).endswith("Which one?<|im_end|>\n<|end|>")


def test_without_completion_only_loss_a_conversation_is_learned_whole(tokenizer: Any) -> None:
    rows = tokenize_rows(
        [MessagesRow("a", CONVERSATION)], tokenizer, max_length=200, completion_only_loss=False
    )
    assert rows.in_loss.all()


def test_a_template_that_refuses_a_conversation_says_how_to_change_it(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}" + tokenizer.chat_template
    )
    with pytest.raises(
        JobFailure,
        match=r"row 'a': the model's chat template refuses it: System role not supported "
        r"\(roles: system, user, .*\)\. Leave out system_prompt",
    ):
        tokenize_rows([MessagesRow("a", CONVERSATION)], tokenizer, max_length=200)


def test_rows_that_are_too_long_are_counted_and_named(tokenizer: Any) -> None:
    rows = [PromptRow(f"r{i}", "The lazy dog " * (1 + 9 * (i % 2)), "x") for i in range(20)]
    with pytest.raises(
        JobFailure,
        match=r"max_length: 10 of 20 rows have more than 32 tokens \('r1' has .*, \.\.\.\)\. "
        r"Use max_length: \d+ or set truncate: true",
    ):
        tokenize_rows(rows, tokenizer, max_length=32)


def test_truncation_keeps_the_completion_and_the_end_of_the_prompt(tokenizer: Any) -> None:
    row = PromptRow("a", "The lazy dog " * 20 + "deletes\n", "policy")
    rows = tokenize_rows([row], tokenizer, max_length=32, too_long="truncate")
    assert len(rows.input_ids) == 32
    assert spoken(rows, tokenizer) == "policy<|end|>"
    assert tokenizer.decode(rows.input_ids.tolist()).endswith("dog deletes\npolicy<|end|>")


def test_truncation_of_plain_text_keeps_its_beginning(tokenizer: Any) -> None:
    text = "The quick brown fox " * 20
    rows = tokenize_rows([TextRow("a", text)], tokenizer, max_length=16, too_long="truncate")
    assert text.startswith(tokenizer.decode(rows.input_ids.tolist()))


def test_splitting_loses_no_token(tokenizer: Any) -> None:
    texts = [TextRow("a", "The quick brown fox " * 20), TextRow("b", "short")]
    whole = tokenize_rows(texts, tokenizer, max_length=10_000)
    split = tokenize_rows(texts, tokenizer, max_length=16, too_long="split")
    assert split.input_ids.tolist() == whole.input_ids.tolist()
    assert (split.offsets[1:] - split.offsets[:-1]).max() == 16
    assert split.ids[0] == split.ids[1] == "a"
    assert split.ids[-1] == "b"


def test_no_rows_is_an_error(tokenizer: Any) -> None:
    with pytest.raises(JobFailure, match="there are no rows"):
        tokenize_rows([], tokenizer, max_length=16)
