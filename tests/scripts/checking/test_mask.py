"""Tokens and their marks are those of training, and serving is compared by other code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripts.conftest import build_tokenizer
from training_scripts.checking.mask import Masking, masked_row, token_texts
from training_scripts.data.rows import Message, MessagesRow, PromptRow, TextRow
from training_scripts.data.tokenize import tokenize_rows

pytestmark = pytest.mark.train

MASKING = Masking(max_length=200, truncate=False, completion_only_loss=True)
PROMPT = PromptRow("1", "What does this do?\n", "It lists the buckets.")
CHAT = MessagesRow(
    "2",
    (
        Message("user", "Lists what?"),
        Message("assistant", "Buckets."),
        Message("user", "And then?"),
        Message("assistant", "It deletes them."),
    ),
)


@pytest.mark.parametrize("options", [{}, {"begin": True}])
@pytest.mark.parametrize("row", [PROMPT, CHAT, TextRow("3", "Deletes the stack policy.")])
def test_a_row_is_marked_as_training_labels_it(row: Any, options: dict[str, bool]) -> None:
    tokenizer = build_tokenizer(**options)
    found = masked_row(row, tokenizer, MASKING)

    trained = tokenize_rows([row], tokenizer, max_length=200)
    assert [token["id"] for token in found["tokens"]] == trained.input_ids.tolist()
    labels = trained.labels().tolist()
    assert [token["trained"] for token in found["tokens"]] == [label != -100 for label in labels]
    assert found["trained"] == sum(label != -100 for label in labels)
    assert found["end_token"] == {"id": 0, "text": "<|end|>", "state": "trained"}
    text = "".join(token["text"] for token in found["tokens"])
    assert text == tokenizer.decode(trained.input_ids.tolist())


@pytest.mark.parametrize("row", [PROMPT, CHAT])
def test_serving_begins_with_the_tokens_of_training(row: Any, tokenizer_with_begin: Any) -> None:
    serving = masked_row(row, tokenizer_with_begin, MASKING)["serving"]
    assert serving["equal"]
    assert serving["tokens"] > 3


def test_plain_text_asks_nothing(tokenizer: Any) -> None:
    assert masked_row(TextRow("1", "Lists."), tokenizer, MASKING)["serving"] is None


def test_a_tokenizer_that_ends_every_text_serves_other_tokens(tokenizer: Any) -> None:
    from tokenizers import processors  # noqa: PLC0415

    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", pair=None, special_tokens=[("<|end|>", 0)]
    )
    found = masked_row(PROMPT, tokenizer, MASKING)

    serving = found["serving"]
    prompt = sum(not token["trained"] for token in found["tokens"])
    assert (serving["equal"], serving["differs_at"]) == (False, prompt)
    assert serving["serving"] == [{"id": 0, "text": "<|end|>"}]
    assert serving["training"][0]["text"] == found["tokens"][prompt]["text"]


def test_a_template_whose_turns_run_into_each_other_serves_other_tokens(tokenizer: Any) -> None:
    # Training encodes each turn apart; here the end of a reply and what follows are one token.
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    row = MessagesRow(
        "1",
        (
            Message("user", "What "),
            Message("assistant", "d"),
            Message("user", "oes it"),
            Message("assistant", " list"),
        ),
    )
    found = masked_row(row, tokenizer, MASKING)

    assert found["serving"]["equal"] is False
    first = found["serving"]["serving"][0]["text"]
    assert first != found["serving"]["training"][0]["text"]


def test_without_completion_only_loss_all_but_the_first_token_are_trained(tokenizer: Any) -> None:
    whole = Masking(200, truncate=False, completion_only_loss=False)
    found = masked_row(PROMPT, tokenizer, whole)
    assert [token["trained"] for token in found["tokens"]].index(True) == 1
    assert found["trained"] == len(found["tokens"]) - 1


def test_a_row_that_is_cut_says_how_long_it_was(tokenizer: Any) -> None:
    long = PromptRow("1", "What does this do?\n" * 9, "It lists the buckets. " * 9)
    found = masked_row(long, tokenizer, Masking(20, truncate=True, completion_only_loss=True))
    assert len(found["tokens"]) == 20
    assert found["length"] > 100
    assert found["end_token"]["state"] == "missing"
    assert found["serving"]["equal"], "what is served is not cut"


def test_a_row_that_training_refuses_says_why(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    found = masked_row(CHAT, tokenizer, MASKING)
    assert "the model's tokenizer has no chat template" in found["error"]
    assert (found["tokens"], found["trained"]) == ([], 0)


def test_the_last_token_of_a_character_has_all_of_it(tokenizer: Any) -> None:
    ids = tokenizer("a日\u00e9 b")["input_ids"]
    texts = token_texts(ids, tokenizer)
    assert len(texts) == len(ids)
    assert "".join(texts) == "a日\u00e9 b"
    assert texts.count("") == 3
    assert "日" in texts
