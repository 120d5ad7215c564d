"""A tiny tokenizer made on the spot: nothing is downloaded."""

from __future__ import annotations

from typing import Any

import pytest

CORPUS = [
    "Returns a list of the buckets owned by the sender of the request.",
    "Deletes the stack policy. What does this operation do? It deletes it.",
    "user assistant system: Answer, question; instruction\n\n### Response:\n",
    "The quick brown fox jumps over the lazy dog 0123456789.",
]

CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer(*, begin: bool = False) -> Any:
    """A byte-level BPE of 400 tokens, as a transformers fast tokenizer."""
    # Here, so that tests of other folders' scripts do not wait for them.
    from tokenizers import (  # noqa: PLC0415
        Tokenizer,
        decoders,
        models,
        pre_tokenizers,
        processors,
        trainers,
    )
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|end|>", "<|begin|>", "<|im_start|>", "<|im_end|>"]
    backend.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=special,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    if begin:
        backend.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", pair=None, special_tokens=[("<|begin|>", 1)]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|end|>",  # noqa: S106
        bos_token="<|begin|>" if begin else None,
        pad_token="<|end|>",  # noqa: S106
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


@pytest.fixture
def tokenizer() -> Any:
    return build_tokenizer()


@pytest.fixture
def tokenizer_with_begin() -> Any:
    return build_tokenizer(begin=True)
