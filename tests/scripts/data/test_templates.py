"""`data/templates.py`: what each template makes of each kind of sample."""

from __future__ import annotations

from typing import get_args

import pytest

from training_scripts.container import JobFailure
from training_scripts.data.formats import Sample
from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow
from training_scripts.data.templates import Template, render

EXCHANGE = Sample("a", instruction="What is S3?", output="A store.", task="qa")
ABOUT = Sample("a", instruction="Shorten it.", input="Long text.", output="Text.")
TURNS = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"))


def prompt_of(sample: Sample, template: Template, system_prompt: str | None = None) -> str:
    row = render(sample, template, system_prompt)
    assert isinstance(row, PromptRow)
    assert row.completion == sample.output or sample.messages
    return row.prompt


@pytest.mark.parametrize(
    ("template", "without", "about"),
    [
        ("plain", "What is S3?\n", "Shorten it.\nLong text.\n"),
        (
            "question-answer",
            "Question:\nWhat is S3?\n\nAnswer:\n",
            "Context:\nLong text.\n\nQuestion:\nShorten it.\n\nAnswer:\n",
        ),
        (
            "summarization",
            "Summarize the following text.\n\nText:\nWhat is S3?\n\nSummary:\n",
            "Shorten it.\n\nText:\nLong text.\n\nSummary:\n",
        ),
        (
            "classification",
            "Classify the following text.\n\nText:\nWhat is S3?\n\nLabel:\n",
            "Shorten it.\n\nText:\nLong text.\n\nLabel:\n",
        ),
        (
            "translation",
            "Translate the following text.\n\nText:\nWhat is S3?\n\nTranslation:\n",
            "Shorten it.\n\nText:\nLong text.\n\nTranslation:\n",
        ),
        (
            "code",
            "Write code for the following task.\n\nTask:\nWhat is S3?\n\nCode:\n",
            "Shorten it.\n\nInput:\nLong text.\n\nCode:\n",
        ),
    ],
)
def test_a_template_words_a_prompt(template: Template, without: str, about: str) -> None:
    assert prompt_of(EXCHANGE, template) == without
    assert prompt_of(ABOUT, template) == about
    assert prompt_of(EXCHANGE, template, "You know AWS.") == "You know AWS.\n\n" + without


def test_the_alpaca_template_is_stanfords() -> None:
    assert prompt_of(EXCHANGE, "alpaca") == (
        "Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\nWhat is S3?\n\n### Response:\n"
    )
    assert "### Input:\nLong text.\n\n### Response:\n" in prompt_of(ABOUT, "alpaca")


def test_plain_adds_nothing_where_the_words_are_apart_already() -> None:
    assert prompt_of(Sample("a", instruction="Q: ", output="x"), "plain") == "Q: "
    assert prompt_of(Sample("a", instruction="Q:", output=" x"), "plain") == "Q:"


def test_the_chat_template_makes_messages() -> None:
    row = render(ABOUT, "chat", "Be brief.")
    assert row == MessagesRow(
        "a",
        (
            Message("system", "Be brief."),
            Message("user", "Shorten it.\n\nLong text."),
            Message("assistant", "Text."),
        ),
    )


def test_conversations_stay_conversations_and_keep_their_own_system_prompt() -> None:
    sample = Sample("a", messages=TURNS)
    for template in ("plain", "chat"):
        row = render(sample, template, "Another.")
        assert row == MessagesRow("a", TURNS)


def test_a_conversation_of_one_exchange_may_be_worded() -> None:
    row = render(Sample("a", messages=TURNS), "question-answer")
    assert row == PromptRow("a", "Be brief.\n\nQuestion:\nHi\n\nAnswer:\n", "Hello")


def test_a_longer_conversation_needs_the_chat_template() -> None:
    sample = Sample("r7", messages=(*TURNS, *TURNS[1:]))
    with pytest.raises(
        JobFailure, match=r"alpaca words one exchange, but row 'r7' .*Use prompt_template: chat"
    ):
        render(sample, "alpaca")


def test_text_has_no_prompt_to_word() -> None:
    sample = Sample("a", text="Words.")
    assert render(sample, "plain") == TextRow("a", "Words.")
    with pytest.raises(JobFailure, match="prompt_template: code needs prompts, but the rows are"):
        render(sample, "code")


@pytest.mark.parametrize("template", get_args(Template))
def test_braces_in_the_data_are_left_alone(template: Template) -> None:
    row = render(Sample("a", instruction="{input} {0} {", output="}{"), template)
    said = row.messages[0].content if isinstance(row, MessagesRow) else ""
    assert "{input} {0} {" in (row.prompt if isinstance(row, PromptRow) else said)
