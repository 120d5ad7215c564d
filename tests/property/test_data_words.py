"""Looking words up gives the very ids that the tokenizer gives, for any text."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("tokenizers")
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training_scripts.data.words import _GPT2, _LLAMA3, _QWEN, word_encoder

pytestmark = pytest.mark.train

CORPUS = [
    "Returns a list of 1234 buckets, doesn't it?  We'll see: it's   'quoted'.\n\n\tIndented\r\n",
    "def f(x):\n    return x[0] + 10_000 # they'd say\n",
]
PIECES = [*map(chr, range(128)), "  ", "\n\n", "\t", "'s", "'LL", "abc", "the ", "1234"]
LATIN = st.characters(max_codepoint=0x250) | st.characters(
    min_codepoint=0x2010, max_codepoint=0x205E
)
TEXTS = st.lists(st.sampled_from(PIECES) | LATIN, max_size=60).map("".join)


@cache
def tokenizer(pattern: str | None) -> Any:
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = (
        pre_tokenizers.ByteLevel(add_prefix_space=False)
        if pattern is None
        else pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|end|>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    return backend


@pytest.mark.parametrize(
    "pattern", [None, _GPT2, _LLAMA3, _QWEN], ids=["byte-level", "gpt2", "llama3", "qwen"]
)
@given(text=TEXTS)
@settings(deadline=None)
@example(text="a\x1cb \x1d\x7f")
@example(text="  a   b\n \n  c 'S 'LL 're'd \x0b\x0c\r\n\r")
@example(text="'\u017f\u2019s caf\xe9\xb2 \xa0\x85\xaa \xbd\u2028 \u01c5x")
@example(text="".join(map(chr, range(0x250))))
@example(text="")
def test_words_looked_up_have_the_tokenizers_ids(pattern: str | None, text: str) -> None:
    backend = tokenizer(pattern)
    encoder = word_encoder(backend, CORPUS, cores=2)
    assert encoder is not None
    if encoder.can_encode(text):
        assert encoder.encode(text) == backend.encode(text, add_special_tokens=False).ids


def test_other_scripts_and_added_tokens_are_left_to_the_tokenizer() -> None:
    encoder = word_encoder(tokenizer(None), CORPUS, cores=2)
    assert encoder is not None
    assert encoder.can_encode("\u201cIt\u2019s a caf\xe9\u201d \u2013 plain")
    assert not encoder.can_encode("кафе")
    assert not encoder.can_encode("cafe\u0301")
    assert not encoder.can_encode("before<|end|>after")


def test_rules_that_are_not_known_are_left_to_the_tokenizer() -> None:
    lower = Tokenizer.from_str(tokenizer(None).to_str())
    lower.normalizer = normalizers.Lowercase()
    prefixed = Tokenizer.from_str(tokenizer(None).to_str())
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    other = tokenizer(r"\w+|\W+")
    for backend in (lower, prefixed, other):
        assert word_encoder(backend, CORPUS, cores=2) is None


def test_with_many_cores_the_tokenizers_threads_are_used() -> None:
    assert word_encoder(tokenizer(None), CORPUS, cores=64) is None
