"""Templates and tokens: what the row says is neither lost nor changed on its way to the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from training_scripts.data.cleaning import clean, clean_text
from training_scripts.data.formats import Sample
from training_scripts.data.rows import MessagesRow, PreferenceRow, PromptRow, answer_text
from training_scripts.data.templates import Template, render
from training_scripts.data.tokenize import tokenize_rows

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("tokenizers")
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

pytestmark = pytest.mark.train

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
templates = st.sampled_from(get_args(Template))
exchanges = st.builds(
    Sample, id=st.just("a"), instruction=texts, input=texts, output=texts.filter(bool)
)


class Tokens:
    """As much of a transformers tokenizer as tokenizing needs; each byte is a token."""

    def __init__(self) -> None:
        alphabet = {letter: n for n, letter in enumerate(pre_tokenizers.ByteLevel.alphabet())}
        self.backend_tokenizer = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
        self.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.backend_tokenizer.decoder = decoders.ByteLevel()
        self.eos_token_id = len(alphabet)
        self.bos_token_id = None
        self.decode: Callable[..., str] = self.backend_tokenizer.decode

    def __call__(self, _: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": []} if add_special_tokens else {}


TOKENS: Any = Tokens()


@given(exchanges, templates, st.none() | texts)
@settings(deadline=None)
def test_a_template_changes_neither_prompt_nor_completion(
    sample: Sample, template: Template, system: str | None
) -> None:
    row = render(sample, template, system)
    if isinstance(row, MessagesRow):
        prompt = "\n\n".join(message.content for message in row.messages[:-1])
        completion = row.messages[-1].content
    else:
        assert isinstance(row, PromptRow)
        prompt, completion = row.prompt, row.completion
    assert completion == sample.output
    for part in (sample.instruction, sample.input, system or ""):
        assert part in prompt


@given(exchanges, texts.filter(bool), templates, st.none() | texts)
@settings(deadline=None)
@example(Sample("a", instruction="Q", output=" yes"), "no", "plain", None)
def test_both_answers_of_a_preference_follow_one_prompt(
    sample: Sample, other: str, template: Template, system: str | None
) -> None:
    rejected = replace(sample, output=other)
    row = render(replace(sample, rejected=rejected), template, system)
    assert isinstance(row, PreferenceRow)
    if isinstance(row.chosen, MessagesRow) and isinstance(row.rejected, MessagesRow):
        asked = row.chosen.prompt_turns
        assert row.chosen.messages[:asked] == row.rejected.messages[:asked]
        assert row.rejected.prompt_turns == asked == len(row.chosen.messages) - 1
    elif isinstance(row.chosen, PromptRow) and isinstance(row.rejected, PromptRow):
        assert row.chosen.prompt == row.rejected.prompt
    assert (answer_text(row.chosen), answer_text(row.rejected)) == (sample.output, other)


@given(st.lists(exchanges, min_size=1, max_size=8), templates.filter(lambda t: t != "chat"))
@settings(deadline=None)
def test_tokens_decode_to_the_row_and_the_loss_is_on_the_completion(
    samples: list[Sample], template: Template
) -> None:
    rows = [render(sample, template) for sample in samples]
    tokens = tokenize_rows(rows, TOKENS, max_length=100_000)
    for number, row in enumerate(rows):
        assert isinstance(row, PromptRow)
        own = slice(tokens.offsets[number], tokens.offsets[number + 1])
        ids, in_loss = tokens.input_ids[own], tokens.in_loss[own]
        assert ids[-1] == TOKENS.eos_token_id
        learned = ids[:-1][in_loss[:-1]].tolist()
        assert TOKENS.decode(learned) == row.completion
        assert TOKENS.decode(ids[:-1].tolist()) == row.prompt + row.completion


@given(st.lists(exchanges, min_size=1, max_size=8), st.integers(min_value=4, max_value=40))
@settings(deadline=None)
def test_truncation_keeps_the_length_and_some_of_every_completion(
    samples: list[Sample], max_length: int
) -> None:
    rows = [render(sample, "plain") for sample in samples]
    tokens = tokenize_rows(rows, TOKENS, max_length=max_length, too_long="truncate")
    for number in range(len(rows)):
        own = slice(tokens.offsets[number], tokens.offsets[number + 1])
        assert 0 < len(tokens.input_ids[own]) <= max_length
        assert tokens.in_loss[own].any()


@given(texts)
@settings(deadline=None)
@example("e\u200b\u0301")
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    sample = clean(Sample("a", text=text))
    assert clean(sample) == sample
